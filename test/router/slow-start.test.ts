import { describe, expect, test } from 'vitest';
import { havePeers, newcomersOf, shareAfter } from '../../router/slow-start.ts';

describe('the share of a newcomer', () => {
  test.each([
    [0, 0.2],
    [2_500, 0.4],
    [5_000, 0.6],
    [9_999, 0.99992],
    [10_000, 1],
    [60_000, 1],
  ])('after %i of 10,000 ms is %f', (elapsed, share) => {
    expect(shareAfter(elapsed, 10_000)).toBeCloseTo(share, 10);
  });

  test('is no less than the first when the clock seems to go back', () => {
    expect(shareAfter(-5, 10_000)).toBe(0.2);
  });

  test('is whole at once where slow start is off', () => {
    expect(shareAfter(0, 0)).toBe(1);
  });
});

describe('newcomers', () => {
  /** `a b=0 c?`: the question mark is for one that just came. */
  const pool = (text: string) =>
    text
      .split(' ')
      .filter(Boolean)
      .map((word) => ({
        id: word[0]!,
        weight: Number(/=(\d+)/.exec(word)?.[1] ?? 1),
        isSettled: !word.endsWith('?'),
      }));

  test.each([
    ['a b', 'a b c', 'c'],
    ['a b', 'a c d', 'c d'],
    ['a', 'a', ''],
    // Another weight is no news.
    ['a b=0', 'a b=5', ''],
    // Nobody else bears the load.
    ['', 'a b', ''],
    ['a b', 'c d', ''],
    ['a=0', 'a=0 b', ''],
    ['a', 'a=0 b', ''],
    ['a=0', 'a b', ''],
    // Instances of a new service come one by one: nobody is warm yet.
    ['a? b?', 'a b c', ''],
    ['a? b', 'a b c', 'c'],
    // Twice the weight is about the same, more is not: neither a canary nor what comes beside it.
    ['a=50', 'a=50 b=100 c=25', 'b c'],
    ['a=50', 'a=50 b=101 c=24', ''],
    ['a=95', 'a=95 b=5', ''],
    ['a=5', 'a=5 b=95 c=95', ''],
    ['a=95 b=5', 'a=95 b=5 c=95', 'c'],
  ])('from "%s" to "%s": "%s"', (before, now, newcomers) => {
    expect(newcomersOf(pool(before), pool(now))).toEqual(newcomers.split(' ').filter(Boolean));
  });
});

describe('peers', () => {
  test.each([
    [
      [1, 1, 1],
      [true, true, true],
    ],
    [
      [5, 95],
      [false, false],
    ],
    [
      [95, 5, 60],
      [true, false, true],
    ],
    [
      [1, 2, 4, 9],
      [true, true, true, false],
    ],
    [
      [0, 0, 1],
      [false, false, false],
    ],
    [[3], [false]],
    [[], []],
  ])('of %j: %j', (weights, peers) => {
    expect(havePeers(weights)).toEqual(peers);
  });
});
