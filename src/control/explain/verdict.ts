import type { Asked } from '../../../router/candidates.ts';
import type { Route } from '../../../router/model.ts';
import type { Reason } from '../../shared/reasons.ts';

/** What would be done, as far as the table alone says; who serves it comes after. */
export interface Verdict {
  readonly decision: 'forward' | 'redirect' | 'refuse';
  /** As in `x-fairlead-reason`; null unless it is refused. */
  readonly reason: Reason | null;
  /** Of the answer that the router makes itself; null when it forwards. */
  readonly status: number | null;
  /** For people. */
  readonly why: string;
  readonly location: string | null;
  /** What the instance is asked for. */
  readonly target: string | null;
  readonly route: Route | null;
  /** What the table was asked; null when the request did not come so far. */
  readonly asked: Asked | null;
  /** As it was understood. */
  readonly request: Readonly<Record<string, string>>;
}
