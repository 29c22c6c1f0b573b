import type { Worker } from 'node:worker_threads';
import { afterEach, expect, test } from 'vitest';
import { loadConfig } from '../../../src/config/load.ts';
import type { Log } from '../../../src/control/log.ts';
import { Workers } from '../../../src/control/workers.ts';
import { createCountersLayout, EndpointCounters } from '../../../src/shared/counters.ts';
import { eventually } from '../../support/process.ts';

const endings: (() => unknown)[] = [];

afterEach(async () => {
  for (const end of endings.splice(0).reverse()) await end();
});

interface Setting {
  workers: Workers;
  counters: ReturnType<typeof createCountersLayout>;
  threads: Worker[];
  /** Delays before a new start, as logged. */
  delays: number[];
  deaths: number[];
  errors: unknown[];
}

function startWorkers(count: number): Setting {
  const threads: Worker[] = [];
  const onWorker = (worker: Worker): void => void threads.push(worker);
  process.on('worker', onWorker);
  endings.push(() => process.off('worker', onWorker));
  const loaded = loadConfig({ flags: {}, env: {}, cwd: '/' });
  if (!loaded.ok) throw new Error('the defaults are not valid');
  const { limits, timeouts, balance, trustedProxies, tcp, udp } = loaded.config;
  const counters = createCountersLayout(count);
  const delays: number[] = [];
  const deaths: number[] = [];
  const errors: unknown[] = [];
  const log = {
    error: (fields: { delayMs?: number; err?: unknown }) => {
      if (fields.delayMs !== undefined) delays.push(fields.delayMs);
      if (fields.err !== undefined) errors.push(fields.err);
    },
  } as unknown as Log;
  const workers = new Workers({
    setup: {
      ...{ counters, listeners: [], tcp, udp, limits, timeouts, balance, trustedProxies },
      accessLog: 'off',
      tls: { clientAuth: [], hsts: '', redirectPort: 443, tellsUnknownNames: false },
      upstreamTls: { caPem: null, client: null, serverName: null },
    },
    ...{ count, counters, log },
    greeting: () => [{ type: 'ticket-key', key: new Uint8Array(48) }],
    table: () => null,
    ports: () => [],
    onMessage: () => {},
    onDeath: (worker) => void deaths.push(worker),
  });
  endings.push(() => workers.terminate());
  return { workers, counters, threads, delays, deaths, errors };
}

test('one that dies again and again is started after ever longer waits; the other lives on', async () => {
  const { workers, threads, delays, deaths } = startWorkers(2);
  await eventually(() => workers.alive === 2);
  const startedAt = performance.now();
  for (let death = 1; death <= 4; death++) {
    // The first two are the pair; every later thread stands in for the one that died.
    const victim = death === 1 ? threads[0]! : threads.at(-1)!;
    await victim.terminate();
    await eventually(() => threads.length === 2 + death, 'its successor');
  }
  expect(delays).toEqual([50, 100, 200, 400]);
  expect(performance.now() - startedAt).toBeGreaterThanOrEqual(740);
  expect(deaths).toEqual([0, 0, 0, 0]);
  expect(workers.respawns).toBe(4);
  await eventually(() => workers.alive === 2);
});

test('one that fails is replaced, its column cleared and the reason told', async () => {
  const { workers, counters, threads, errors } = startWorkers(1);
  await eventually(() => workers.alive === 1);
  const endpoints = new EndpointCounters(counters);
  endpoints.addInFlight(7, 0, 1);
  // A message that makes no sense is a defect like any other.
  threads[0]!.postMessage(null);
  await eventually(() => threads.length === 2 && workers.alive === 1);
  expect(endpoints.inFlight(7)).toBe(0);
  expect(String(errors[0])).toMatch(/TypeError/);
});

test('nobody is started again once it drains or ends', async () => {
  const { workers, threads, deaths } = startWorkers(2);
  await eventually(() => workers.alive === 2);
  workers.drain(1_000);
  await workers.terminate();
  expect(deaths.sort()).toEqual([0, 1]);
  expect(threads.length).toBe(2);
  expect(workers.alive).toBe(0);
});

test('a drain does not wait for one that is only starting', async () => {
  const { workers, deaths } = startWorkers(2);
  workers.drain(1_000);
  await eventually(() => deaths.length === 2);
  expect(workers.alive).toBe(0);
});
