/** Leases within a limit, taken by real threads at the same time. */
import { Worker } from 'node:worker_threads';
import { expect, test } from 'vitest';
import { createCountersLayout, EndpointCounters } from '../../../src/shared/counters.ts';

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
  for (let round = 0; round < 60000; round++) {
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

test('never more than the limit, over threads, and all of it is used', async () => {
  const layout = createCountersLayout(THREADS);
  const held = new SharedArrayBuffer(4);
  const urlOf = (path: string): string => new URL(`../../../src/${path}`, import.meta.url).href;
  const paths = { endpoint: urlOf('data/endpoint.ts'), counters: urlOf('shared/counters.ts') };
  const results = await Promise.all(
    Array.from({ length: THREADS }, (_, index) => {
      const worker = new Worker(code, { eval: true, workerData: { ...paths, layout, held, index } });
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
