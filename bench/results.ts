/** What a run has found, ready to be told. */
import type { Paced } from './load/paced.ts';
import type { ClosedSample } from './works/closed.ts';
import type { IdleSample } from './works/idle.ts';
import type { ClosedWork, IdleWork, PacedWork } from './works.ts';

/** One contestant in one work: a sample a round. */
export interface Row<Sample> {
  readonly name: string;
  readonly samples: Sample[];
  /** Why it was not measured, or not to the end. */
  fault: string | null;
}

export type WorkResult =
  | { readonly kind: 'closed'; readonly work: ClosedWork; readonly rows: readonly Row<ClosedSample>[] }
  | {
      readonly kind: 'p99';
      readonly work: PacedWork;
      readonly rows: readonly Row<Paced>[];
      /** Requests a second, the same for all. */
      readonly rate: number;
    }
  | { readonly kind: 'idle'; readonly work: IdleWork; readonly rows: readonly Row<IdleSample>[] };

export interface Results {
  /** Pairs of what and how: machine, versions, settings. */
  readonly facts: readonly (readonly [what: string, value: string])[];
  readonly works: readonly WorkResult[];
  readonly notes: readonly string[];
}
