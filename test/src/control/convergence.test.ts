import { afterEach, expect, test, vi } from 'vitest';
import { Convergence } from '../../../src/control/convergence.ts';

afterEach(() => vi.restoreAllMocks());

function clock(): { set(ms: number): void } {
  const now = vi.spyOn(performance, 'now').mockReturnValue(0);
  return { set: (ms) => void now.mockReturnValue(ms) };
}

function totals(convergence: Convergence): { count: number; sum: number } {
  const samples = convergence.seconds.samples();
  const value = (suffix: string): number => samples.find((sample) => sample.suffix === suffix)!.value;
  return { count: value('count'), sum: value('sum') };
}

test('a version counts when the last worker has applied it', () => {
  const time = clock();
  const convergence = new Convergence();
  convergence.published(1, 100, 2);
  time.set(103);
  convergence.applied(1);
  expect(totals(convergence).count).toBe(0);
  time.set(104);
  convergence.applied(1);
  expect(totals(convergence)).toEqual({ count: 1, sum: 0.004 });
  const buckets = convergence.seconds.samples().filter(({ suffix }) => suffix === 'bucket');
  expect(buckets.find(({ labels }) => labels.le === 0.002)!.value).toBe(0);
  expect(buckets.find(({ labels }) => labels.le === 0.005)!.value).toBe(1);
});

test('versions may overtake each other', () => {
  const time = clock();
  const convergence = new Convergence();
  convergence.published(1, 0, 1);
  convergence.published(2, 10, 1);
  time.set(20);
  convergence.applied(2);
  convergence.applied(1);
  expect(totals(convergence)).toEqual({ count: 2, sum: 0.03 });
});

test('nobody to tell, an unknown version, a dead worker: nothing is counted', () => {
  clock();
  const convergence = new Convergence();
  convergence.published(1, 0, 0);
  convergence.applied(1);
  convergence.applied(7);
  convergence.published(2, 0, 2);
  convergence.applied(2);
  convergence.workerGone();
  convergence.applied(2);
  expect(totals(convergence).count).toBe(0);
});

test('who is told of what is live hears of it once, with the time it took', () => {
  const time = clock();
  const live: [number, number][] = [];
  const convergence = new Convergence((version, lagMs) => void live.push([version, lagMs]));
  convergence.published(1, 100, 2);
  convergence.published(2, 100, 2);
  time.set(103);
  convergence.applied(1);
  convergence.workerGone();
  convergence.applied(1);
  convergence.published(3, 101, 1);
  convergence.applied(3);
  convergence.applied(3);
  expect(live).toEqual([[3, 2]]);
});
