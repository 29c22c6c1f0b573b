/** Leases within a limit, taken by real threads at the same time. */
import { Worker } from 'node:worker_threads';
import { expect, test } from 'vitest';
import { Endpoint } from '../../../src/data/endpoint.ts';
import type { SlowStarts } from '../../../src/data/slow-starts.ts';
import { createCountersLayout, EndpointCounters, EndpointTotal } from '../../../src/shared/counters.ts';
import type { SlottedEndpoint } from '../../../src/shared/messages.ts';

const THREADS = 2;
const LIMIT = 3;
/** Of each thread. It is refused only while the other holds leases: that proves that they overlap. */
const GOAL = { taken: 50_000, refused: 500 };

/** Takes and gives back as fast as it can until all threads have their goals, and looks how many hold a lease then. */
const code = `
const { workerData, parentPort } = require('node:worker_threads');
const { THREADS, LIMIT, GOAL, paths, layout, index } = workerData;
(async () => {
  const { Endpoint } = await import(paths.endpoint);
  const { EndpointCounters } = await import(paths.counters);
  const fact = { id: 'a', slot: 5, address: '127.0.0.1', port: 1, protocol: 'http' };
  const endpoint = new Endpoint(fact, new EndpointCounters(layout), index, { begin() {}, end() {} });
  const held = new Int32Array(workerData.held);
  const reached = new Int32Array(workerData.reached);
  let most = 0, taken = 0, refused = 0, hasReached = false;
  while (Atomics.load(reached, 0) < THREADS) {
    let mine = 0;
    while (mine < LIMIT && endpoint.leaseWithin(LIMIT)) {
      mine++;
      most = Math.max(most, Atomics.add(held, 0, 1) + 1);
    }
    taken += mine;
    if (mine < LIMIT) refused++;
    for (; mine > 0; mine--) {
      Atomics.sub(held, 0, 1);
      endpoint.release();
    }
    if (hasReached || taken < GOAL.taken || refused < GOAL.refused) continue;
    hasReached = true;
    Atomics.add(reached, 0, 1);
  }
  parentPort.postMessage(most);
})();
`;

/** Another worker does something right after this one has looked. */
class Interrupted extends EndpointCounters {
  meanwhile: (() => void) | null = null;

  override inFlight(slot: number): number {
    const count = super.inFlight(slot);
    const { meanwhile } = this;
    this.meanwhile = null;
    meanwhile?.();
    return count;
  }
}

test('two workers that both see room for one do not both take it', () => {
  const layout = createCountersLayout(2);
  const counters = [new Interrupted(layout), new Interrupted(layout)];
  const fact = { id: 'a', slot: 5, address: '127.0.0.1', port: 1, protocol: 'http', weight: 1, instance: '' };
  const slowStarts = {} as SlowStarts;
  const [one, other] = counters.map((each, worker) => {
    return new Endpoint(fact as SlottedEndpoint, each, worker, slowStarts);
  });
  let isOther = false;
  counters[0]!.meanwhile = () => {
    isOther = other!.leaseWithin(1);
  };
  const isOne = one!.leaseWithin(1);
  expect([isOne, isOther].filter(Boolean).length).toBe(1);
  expect(one!.inFlight()).toBe(1);
  expect(counters[0]!.total(5, EndpointTotal.served)).toBe(1);
});

test('never more than the limit, over threads, and all of it is used', async () => {
  const layout = createCountersLayout(THREADS);
  const [held, reached] = [new SharedArrayBuffer(4), new SharedArrayBuffer(4)];
  const urlOf = (path: string): string => new URL(`../../../src/${path}`, import.meta.url).href;
  const paths = { endpoint: urlOf('data/endpoint.ts'), counters: urlOf('shared/counters.ts') };
  const shared = { THREADS, LIMIT, GOAL, paths, layout, held, reached };
  const most = await Promise.all(
    Array.from({ length: THREADS }, (_, index) => {
      const worker = new Worker(code, { eval: true, workerData: { ...shared, index } });
      return new Promise<number>((resolve, reject) => {
        worker.once('message', resolve);
        worker.once('error', reject);
      });
    }),
  );
  expect(Math.max(...most)).toBe(LIMIT);
  expect(new EndpointCounters(layout).inFlight(5)).toBe(0);
});
