/** A data-plane thread dies; the router runs inside the test, so that the thread can be ended for real. */
import { rm } from 'node:fs/promises';
import type { Worker } from 'node:worker_threads';
import { afterEach, expect, test } from 'vitest';
import { loadConfig } from '../../src/config/load.ts';
import { createLog } from '../../src/control/log.ts';
import { Router } from '../../src/control/router.ts';
import { type EmbeddedRegistry, startRegistry } from '../../src/embedded/registry.ts';
import { EndpointCounters, Family, Series } from '../../src/shared/counters.ts';
import { startBackend } from '../support/backend.ts';
import { Client, get, startLoad } from '../support/load.ts';
import { Mail, startMail } from '../support/mail.ts';
import { freePort } from '../support/ports.ts';
import { eventually } from '../support/process.ts';
import { note, parseMetrics, temporaryFolder } from './site.ts';

const endings: (() => unknown)[] = [];

afterEach(async () => {
  for (const end of endings.splice(0).reverse()) await end();
});

interface Setting {
  router: Router;
  registry: EmbeddedRegistry;
  web: number;
  /** Threads in the order they were started. */
  threads: Worker[];
}

async function startRouter(): Promise<Setting> {
  const threads: Worker[] = [];
  const onWorker = (worker: Worker): void => void threads.push(worker);
  process.on('worker', onWorker);
  endings.push(() => process.off('worker', onWorker));
  const registry = await startRegistry();
  endings.push(() => registry.close());
  const folder = await temporaryFolder();
  endings.push(() => rm(folder, { recursive: true, force: true }));
  const web = await freePort();
  const flags = {
    ...{ consul: registry.url, http: [`127.0.0.1:${web}`], admin: '127.0.0.1:0' },
    ...{ workers: '2', data: folder, accessLog: 'off' },
  };
  const env = { FAIRLEAD_TCP_PORTS: '20000-32000', FAIRLEAD_TCP_ADDRESS: '127.0.0.1' };
  const loaded = loadConfig({ flags, env, cwd: folder });
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems));
  const router = new Router(loaded.config, [], createLog('silent'));
  endings.push(() => router.close());
  await router.start();
  await router.listening;
  await eventually(() => router.isReady);
  return { router, registry, web, threads };
}

/** A family's sum in each worker's column. */
function perWorker({ router }: Setting, wanted: number): number[] {
  return router.counters.series.map((layout) => {
    const series = new Series(layout);
    let sum = 0;
    series.read((family, _slot, _detail, cell) => {
      if (family === wanted) sum += series.cells[cell]!;
    });
    return sum;
  });
}

/** Opens keep-alive clients one by one until each worker has so many; they are told apart by where they landed. */
async function clientsOfWorkers(setting: Setting, host: string, each: number): Promise<Client[][]> {
  const clients: Client[][] = [[], []];
  while (Math.min(...clients.map(({ length }) => length)) < each) {
    const before = perWorker(setting, Family.accepted);
    const client = new Client(setting.web);
    expect((await client.request({ host })).status).toBe(200);
    const worker = perWorker(setting, Family.accepted).findIndex((count, index) => count > before[index]!);
    clients[worker]!.push(client);
  }
  endings.push(() => clients.flat().forEach((client) => void client.close()));
  return clients;
}

async function requestsTotal({ router }: Setting, code: string): Promise<number> {
  const { body } = await get(router.adminPort!, { path: '/metrics', host: '127.0.0.1' });
  return parseMetrics(body)
    .filter(({ name, labels }) => name === 'fairlead_requests_total' && labels.code === code)
    .reduce((sum, { value }) => sum + value, 0);
}

test('a dead worker is replaced within a second; the other does not notice', async () => {
  const setting = await startRouter();
  const { router, registry, threads, web } = setting;
  const gate = Promise.withResolvers<void>();
  const backend = await startBackend({
    name: 'one',
    handler: async ({ target }, reply) => {
      if (target === '/wait') await gate.promise;
      await reply.send();
    },
  });
  endings.push(() => {
    gate.resolve();
    return backend.close();
  });
  const definition = { Name: 'one', Address: '127.0.0.1', Port: backend.port, Tags: ['fairlead:one.test/'] };
  registry.register(definition);
  await eventually(async () => expect((await get(web, { host: 'one.test' })).status).toBe(200));
  const [onFirst, onSecond] = (await clientsOfWorkers(setting, 'one.test', 4)) as [Client[], Client[]];
  const waiting = [onFirst[0]!, onSecond[0]!].map((client) =>
    client.request({ host: 'one.test', path: '/wait' }).catch((error: Error) => error),
  );
  const endpoints = new EndpointCounters(router.counters);
  const slot = router.endpointSlots.get(`one@127.0.0.1:${backend.port}`)!;
  await eventually(() => endpoints.inFlight(slot) === 2);
  const before = await requestsTotal(setting, '200');

  // The second worker's clients ask without a pause while the first dies.
  let isAsking = true;
  const steady = onSecond.slice(1, 5).map(async (client) => {
    const seen = { statuses: new Set<number | string>(), answers: 0, connects: 0 };
    for (; isAsking; seen.answers++) {
      const answer = await client.request({ host: 'one.test' }).catch((error: Error) => error);
      seen.statuses.add(answer instanceof Error ? answer.message : answer.status);
    }
    return { ...seen, connects: client.connects };
  });
  const [first] = threads as [Worker];
  const diedAt = performance.now();
  await first.terminate();
  expect(endpoints.ownInFlight(slot, 0)).toBe(0);
  expect(perWorker(setting, Family.connections)[0]).toBe(0);
  expect(router.workersAlive).toBe(1);
  // A service that comes while it is away is known to the new one from its first request on.
  registry.register({ ...definition, Name: 'late', Tags: ['fairlead:late.test/'] });
  // A quarter of a second on an idle machine.
  await eventually(() => router.isReady, { timeoutMs: 4_000, what: 'a new worker' });
  note(`a killed worker was replaced after ${(performance.now() - diedAt).toFixed(0)} ms`);
  expect(threads.length).toBe(3);
  await clientsOfWorkers(setting, 'late.test', 2);

  isAsking = false;
  for (const { statuses, answers, connects } of await Promise.all(steady)) {
    expect({ statuses: [...statuses], connects }).toEqual({ statuses: [200], connects: 1 });
    expect(answers).toBeGreaterThan(10);
  }
  expect(endpoints.inFlight(slot)).toBe(1);
  gate.resolve();
  const [lost, kept] = await Promise.all(waiting);
  expect(lost).toBeInstanceOf(Error);
  expect(kept).toMatchObject({ status: 200 });
  await eventually(() => endpoints.inFlight(slot) === 0);
  // What the dead one had counted is still there, and its successor goes on from it.
  expect(await requestsTotal(setting, '200')).toBeGreaterThan(before + 30);
});

test('what leaves while a worker is away is not drained for ever', async () => {
  const setting = await startRouter();
  const { router, registry, threads, web } = setting;
  const backends = await Promise.all(['one', 'two'].map((name) => startBackend({ name })));
  endings.push(() => Promise.all(backends.map((backend) => backend.close())));
  for (const { name, port } of backends)
    registry.register({
      ID: name,
      Name: 'svc',
      Address: '127.0.0.1',
      Port: port,
      Tags: ['fairlead:svc.test/'],
    });
  await eventually(() => router.planner.pools.get('svc')?.endpoints.length === 2);
  await eventually(async () => expect((await get(web, { host: 'svc.test' })).status).toBe(200));
  await threads[0]!.terminate();
  registry.deregister('two');
  await eventually(() => router.planner.pools.get('svc')?.endpoints.length === 1);
  expect(router.workersAlive).toBe(1);
  await eventually(() => router.isReady);
  await eventually(() => router.endpointSlots.departing().length === 0, 'the endpoint to be gone');
});

test('under load, the death of one worker costs its own connections only', async () => {
  const setting = await startRouter();
  const { registry, threads, web, router } = setting;
  const backend = await startBackend({ name: 'one' });
  endings.push(() => backend.close());
  registry.register({ Name: 'one', Address: '127.0.0.1', Port: backend.port, Tags: ['fairlead:one.test/'] });
  await eventually(async () => expect((await get(web, { host: 'one.test' })).status).toBe(200));
  const load = startLoad({ port: web, host: 'one.test', connections: 16, ratePerSecond: 150 });
  await eventually(() => load.counters.ok > 50);
  const [, mine = 0] = perWorker(setting, Family.connections);
  await threads[1]!.terminate();
  await eventually(() => router.isReady);
  const after = load.counters.ok;
  await eventually(() => load.counters.ok > after + 100);
  const { failed } = await load.stop();
  // At most the request that each of its connections was carrying.
  expect(failed.reduce((sum, { count }) => sum + count, 0)).toBeLessThanOrEqual(mine);
});

test('TERM while a worker is away waits for nobody who is not there', async () => {
  const { router, threads } = await startRouter();
  await threads[0]!.terminate();
  const startedAt = performance.now();
  await router.drain();
  expect(performance.now() - startedAt).toBeLessThan(2_000);
  expect(router.workersAlive).toBe(0);
});

test('a worker that stands in for a dead one opens the ports of routes, too', async () => {
  const setting = await startRouter();
  const { registry, threads, router } = setting;
  const { port: own, close } = await startMail('mx');
  endings.push(close);
  const port = await freePort();
  registry.register({ Name: 'mail', Address: '127.0.0.1', Port: own, Tags: [`fairlead:tcp:${port}`] });
  const greetings = async (count: number): Promise<number[]> => {
    const before = perWorker(setting, Family.accepted);
    for (let i = 0; i < count; i++) expect(await (await Mail.connect(port)).greeting()).toBe('220 mx');
    return perWorker(setting, Family.accepted).map((sum, index) => sum - before[index]!);
  };
  await eventually(() => greetings(1));
  await eventually(async () => expect(Math.min(...(await greetings(20)))).toBeGreaterThan(0));
  await threads[0]!.terminate();
  await eventually(() => threads.length === 3 && router.isReady);
  await eventually(async () => expect(Math.min(...(await greetings(20)))).toBeGreaterThan(0));
});
