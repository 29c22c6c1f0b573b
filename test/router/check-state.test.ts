import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { afterResult, type CheckState, NEWCOMER } from '../../router/check-state.ts';

/** `+` is a success, `-` a failure; the answer says after each whether the endpoint is up (`U`) or down (`d`). */
function run(results: string): string {
  let state: CheckState = NEWCOMER;
  return Array.from(results, (result) => {
    state = afterResult(state, result === '+');
    return state.isUp ? 'U' : 'd';
  }).join('');
}

describe('an endpoint that is checked', () => {
  test('starts up', () => expect(NEWCOMER.isUp).toBe(true));

  test.each([
    ['the first result of a newcomer counts for all', '-+', 'dU'],
    ['a newcomer that never passed is in with its first success', '---+', 'dddU'],
    ['and has three failures like any other then', '-+--+---', 'dUUUUUUd'],
    ['three failures in a row take it out', '+---', 'UUUd'],
    ['a success between them begins the count anew', '+--+--+', 'UUUUUUU'],
    ['two successes in a row bring it back', '+---++', 'UUUddU'],
    ['a failure between them begins the count anew', '+---+-++', 'UUUddddU'],
  ])('%s', (_, results, states) => {
    expect(run(results)).toBe(states);
  });

  test('is never decided by fewer than two results once it has passed', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[+-]{2,40}$/), (results) => {
        const states = `U${run(`+${results}`)}`.slice(1);
        for (let i = 1; i < states.length; i++) {
          if (states[i] === states[i - 1]) continue;
          const last = `+${results}`.slice(0, i + 1);
          expect(last.endsWith(states[i] === 'd' ? '---' : '++')).toBe(true);
        }
      }),
    );
  });
});
