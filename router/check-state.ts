/** What a row of results says of an endpoint: when it is out, and when it is back. */

/** Failures in a row that take an endpoint out… */
const FALL = 3;
/** …and successes in a row that bring it back, as in HAProxy (`fall`, `rise`). */
const RISE = 2;

export interface CheckState {
  readonly isUp: boolean;
  /** It has not passed once: its first result counts for all. */
  readonly isNew: boolean;
  /** Results in a row that speak against `isUp`. */
  readonly against: number;
}

/**
 * Up until its first result, as HAProxy has it (`init-state up`): whoever waits for a first success would answer 503 after
 * each start. But nothing is known that would speak for a newcomer, so its first failure takes it out.
 */
export const NEWCOMER: CheckState = { isUp: true, isNew: true, against: 0 };

export function afterResult(state: CheckState, hasPassed: boolean): CheckState {
  const isNew = state.isNew && !hasPassed;
  if (hasPassed === state.isUp) return { isUp: state.isUp, isNew, against: 0 };
  const against = state.against + 1;
  const isDecided = state.isNew || against >= (state.isUp ? FALL : RISE);
  return isDecided ? { isUp: hasPassed, isNew, against: 0 } : { isUp: state.isUp, isNew, against };
}
