import { describe, expect, test } from 'vitest';
import { Outlier } from '../../router/outlier.ts';
import { RetryBudget } from '../../router/retry-budget.ts';

describe('an endpoint that fails', () => {
  test('is left out at the first refused connection, and for twice as long each time, up to the limit', () => {
    const outlier = new Outlier({ failures: 5, firstMs: 1_000, maxMs: 4_000 });
    let now = 10;
    for (const outMs of [1_000, 2_000, 4_000, 4_000]) {
      expect(outlier.failed('connect', now)).toBe(true);
      expect(outlier.isOut(now + outMs - 1)).toBe(true);
      now += outMs;
      expect(outlier.isOut(now)).toBe(false);
    }
  });

  test('is left out after failed answers in a row, which a good one interrupts', () => {
    const outlier = new Outlier({ failures: 3, firstMs: 1_000, maxMs: 4_000 });
    expect([1, 2].map((at) => outlier.failed('answer', at))).toEqual([false, false]);
    outlier.succeeded();
    expect([3, 4, 5].map((at) => outlier.failed('answer', at))).toEqual([false, false, true]);
  });

  test('on trial needs only one more failure, and a good answer forgives everything', () => {
    const outlier = new Outlier({ failures: 3, firstMs: 1_000, maxMs: 4_000 });
    for (const at of [1, 2, 3]) outlier.failed('answer', at);
    expect(outlier.failed('answer', 1_003)).toBe(true);
    expect(outlier.isOut(3_002)).toBe(true);
    outlier.succeeded();
    expect(outlier.isOut(3_002)).toBe(false);
    expect(outlier.failed('answer', 3_003)).toBe(false);
  });

  test('is not counted while it is out: those requests were under way before', () => {
    const outlier = new Outlier({ failures: 1, firstMs: 1_000, maxMs: 60_000 });
    expect(outlier.failed('connect', 0)).toBe(true);
    for (let at = 1; at < 50; at++) expect(outlier.failed('connect', at)).toBe(false);
    expect(outlier.isOut(1_000)).toBe(false);
  });
});

describe('the retry budget', () => {
  test('lets a quiet pool retry at once, and in the long run one request in five', () => {
    const budget = new RetryBudget(0.2, 10, 100);
    let retries = 0;
    for (let i = 0; i < 10_000; i++) {
      budget.earn();
      if (budget.spend()) retries++;
    }
    expect(retries).toBeGreaterThanOrEqual(2_000);
    expect(retries).toBeLessThanOrEqual(2_011);
  });

  test('saves what is not used, up to its limit', () => {
    const budget = new RetryBudget(0.2, 0, 50);
    for (let i = 0; i < 10_000; i++) budget.earn();
    let saved = 0;
    while (budget.spend()) saved++;
    expect(saved).toBe(50);
  });
});
