import { describe, expect, test } from 'vitest';
import { type Gathering, gather } from '../../../src/render/quiescence.ts';

const wait = { minMs: 50, maxMs: 250, initial: false };

/** When it fires, given the moments of news. */
function fire(moments: readonly number[]): number {
  let state: Gathering | null = null;
  for (const at of moments) {
    if (state !== null && at >= state.fireAtMs) return state.fireAtMs;
    state = gather(state, wait, at);
  }
  return state?.fireAtMs ?? Number.NaN;
}

describe('waiting for quiet', () => {
  test.each([
    ['one piece of news waits the least time', [0], 50],
    ['another one half-way postpones it by a whole least time', [0, 25], 75],
    ['the last one counts', [0, 25, 50, 75], 125],
    ['without end of news it fires at the longest wait', [0, 40, 80, 120, 160, 199, 230], 250],
    ['news at the very end changes nothing', [0, 40, 80, 120, 160, 199, 240, 249], 250],
    ['what comes after it fired belongs to the next', [0, 60], 50],
  ])('%s', (_, moments, at) => {
    expect(fire(moments)).toBe(at);
  });

  test('without a least wait it fires at once', () => {
    expect(gather(null, { minMs: 0, maxMs: 10, initial: false }, 5).fireAtMs).toBe(5);
  });
});
