/** What a reader can say about bytes, and how the reference says it from deep inside a rule. */

export interface Limits {
  readonly headBytes: number;
  readonly uriBytes: number;
  readonly fields: number;
}

/** How a body ends. `close` exists for responses only. */
export type Framing =
  | { readonly kind: 'none' }
  | { readonly kind: 'length'; readonly length: number }
  | { readonly kind: 'chunked' }
  | { readonly kind: 'close' };

export interface Incomplete {
  readonly kind: 'incomplete';
}

export interface Refused {
  readonly kind: 'refused';
  /** Any of these is a right answer; empty where there is no client to answer (responses, bodies). */
  readonly statuses: readonly number[];
  /** Short name of the rule that was broken. */
  readonly rule: string;
}

export const INCOMPLETE: Incomplete = { kind: 'incomplete' };

export class NeedsMore extends Error {}

export class Refusal extends Error {
  readonly refused: Refused;

  constructor(rule: string, statuses: readonly number[]) {
    super(rule);
    this.refused = { kind: 'refused', statuses, rule };
  }
}

export function refuse(rule: string, ...statuses: number[]): never {
  throw new Refusal(rule, statuses);
}

/** Runs a rule; what it throws becomes an outcome. */
export function outcomeOf<T>(rule: () => T): T | Incomplete | Refused {
  try {
    return rule();
  } catch (error) {
    if (error instanceof NeedsMore) return INCOMPLETE;
    if (error instanceof Refusal) return error.refused;
    throw error;
  }
}
