import { describe, expect, test } from 'vitest';
import { newcomersOf, shareAfter } from '../../router/slow-start.ts';

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
  /** `a b=0` */
  const pool = (text: string) =>
    text
      .split(' ')
      .filter(Boolean)
      .map((word) => ({ id: word[0]!, weight: Number(word.split('=')[1] ?? 1) }));

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
  ])('from "%s" to "%s": "%s"', (before, now, newcomers) => {
    expect(newcomersOf(pool(before), pool(now)).map(({ id }) => id)).toEqual(
      pool(newcomers).map(({ id }) => id),
    );
  });
});
