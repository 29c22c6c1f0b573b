/** Leases within a limit, taken by real threads at the same time. */
import { Worker } from 'node:worker_threads';
import { expect, test } from 'vitest';
import { Endpoint } from '../../../src/data/endpoint.ts';
import type { SlowStarts } from '../../../src/data/slow-starts.ts';
import { createCountersLayout, EndpointCounters, EndpointTotal } from '../../../src/shared/counters.ts';
import type { SlottedEndpoint } from '../../../src/shared/messages.ts';

const THREADS = 2;
const LIMIT = 3;

/** Takes and gives back as fast as it can, and looks how many hold a lease while it does. */
const code = `
const { workerData, parentPort } = require('node:worker_threads');
(async () => {
  const { Endpoint } = await import(workerData.endpoint);
  const { EndpointCounters } = await import(workerData.counters);
  const fact = { id: 'a', slot: 5, address: '127.0.0.1', port: 1, protocol: 'http' };
  const endpoint = new Endpoint(fact, new EndpointCounters(workerData.layout), workerData.index, { begin() {}, end() {} });
  const held = new Int32Array(workerData.held);
  let most = 0, taken = 0;
  // They begin together, or one is done before the other starts.
  const ready = new Int32Array(workerData.ready);
  Atomics.add(ready, 0, 1);
  while (Atomics.load(ready, 0) < workerData.threads);
  for (let round = 0; round < 200000; round++) {
    let mine = 0;
    while (mine < 3 && endpoint.leaseWithin(${LIMIT})) {
      mine++;
      taken++;
      most = Math.max(most, Atomics.add(held, 0, 1) + 1);
    }
    for (; mine > 0; mine--) {
      Atomics.sub(held, 0, 1);
      endpoint.release();
    }
  }
  parentPort.postMessage({ most, taken });
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
  const [held, ready] = [new SharedArrayBuffer(4), new SharedArrayBuffer(4)];
  const urlOf = (path: string): string => new URL(`../../../src/${path}`, import.meta.url).href;
  const paths = { endpoint: urlOf('data/endpoint.ts'), counters: urlOf('shared/counters.ts') };
  const shared = { ...paths, layout, held, ready, threads: THREADS };
  const results = await Promise.all(
    Array.from({ length: THREADS }, (_, index) => {
      const worker = new Worker(code, { eval: true, workerData: { ...shared, index } });
      return new Promise<{ most: number; taken: number }>((resolve, reject) => {
        worker.once('message', resolve);
        worker.once('error', reject);
      });
    }),
  );
  for (const { most, taken } of results) {
    expect(most).toBeLessThanOrEqual(LIMIT);
    expect(taken).toBeGreaterThan(1_000);
  }
  expect(Math.max(...results.map(({ most }) => most))).toBe(LIMIT);
  expect(new EndpointCounters(layout).inFlight(5)).toBe(0);
});
