import { expect, test } from 'vitest';
import { ask, put, registryForTest, sleeping } from './support.ts';

const WEB = { Name: 'web', ID: 'web-1', Port: 8080, Check: { TTL: '60s', Status: 'passing' } } as const;

test('a blocking read of a service sleeps through changes of others and wakes on its own', async () => {
  const registry = await registryForTest();
  registry.register(WEB);
  const { index } = await ask(registry, '/v1/health/service/web');
  const { answer } = await sleeping(registry, `/v1/health/service/web?index=${index}&wait=60s`);

  registry.register({ Name: 'other', Port: 1 });
  registry.deregister('other');
  registry.putKey('a', 'b');
  await ask(registry, '/v1/catalog/services');
  expect(registry.faults.blocked.count()).toBe(1);
  expect((await ask(registry, '/v1/health/service/web')).index).toBe(index);

  registry.setTtl('service:web-1', 'critical', 'broken');
  const got = await answer;
  expect(got.index).toBeGreaterThan(index);
  expect(got.json[0].Checks[1]).toMatchObject({ Status: 'critical', Output: 'broken' });
  expect(registry.faults.blocked.count()).toBe(0);
});

test('a new output alone wakes the readers of health, and the list of services sleeps on', async () => {
  const registry = await registryForTest();
  registry.register(WEB);
  const health = await ask(registry, '/v1/health/service/web');
  const services = await ask(registry, '/v1/catalog/services');
  const { answer } = await sleeping(registry, `/v1/health/service/web?index=${health.index}`);
  registry.setTtl('service:web-1', 'passing', 'still fine');
  expect((await answer).json[0].Checks[1]).toMatchObject({ Status: 'passing', Output: 'still fine' });
  expect((await ask(registry, '/v1/catalog/services')).index).toBe(services.index);
});

test('registering the same again moves no index', async () => {
  const registry = await registryForTest();
  registry.register(WEB);
  const { index } = registry;
  registry.register(WEB);
  registry.setTtl('service:web-1', 'passing');
  expect(registry.index).toBe(index);
});

test('the list of services wakes when a service comes, changes tags, and goes', async () => {
  const registry = await registryForTest();
  const path = '/v1/catalog/services';
  let { index } = await ask(registry, path);
  for (const [change, expected] of [
    [() => registry.register(WEB), { consul: [], web: [] }],
    [() => registry.register({ ...WEB, Tags: ['a'] }), { consul: [], web: ['a'] }],
    [() => registry.deregister('web-1'), { consul: [] }],
  ] as const) {
    const { answer } = await sleeping(registry, `${path}?index=${index}`);
    change();
    const got = await answer;
    expect(got.json).toEqual(expected);
    expect(got.index).toBeGreaterThan(index);
    index = got.index;
  }
});

test('a reader of a service that is not there has an index to sleep on, and wakes when it comes and goes', async () => {
  const registry = await registryForTest();
  const missing = await ask(registry, '/v1/health/service/web');
  expect(missing.json).toEqual([]);
  expect(missing.index).toBeGreaterThan(0);
  const comes = await sleeping(registry, `/v1/health/service/web?index=${missing.index}`);
  registry.register(WEB);
  const there = await comes.answer;
  expect(there.json).toHaveLength(1);
  const goes = await sleeping(registry, `/v1/health/service/web?index=${there.index}`);
  registry.deregister('web-1');
  const gone = await goes.answer;
  expect(gone.json).toEqual([]);
  expect(gone.index).toBeGreaterThan(there.index);
});

test('the time is over after ?wait, with the same index', async () => {
  const registry = await registryForTest();
  const { index } = await ask(registry, '/v1/catalog/nodes');
  const got = await ask(registry, `/v1/catalog/nodes?index=${index}&wait=10ms`);
  expect(got).toMatchObject({ status: 200, index });
});

test('a client that hangs up leaves no open query', async () => {
  const registry = await registryForTest();
  const { index } = await ask(registry, '/v1/catalog/nodes');
  const client = new AbortController();
  const answer = fetch(`${registry.url}/v1/catalog/nodes?index=${index}`, { signal: client.signal });
  await registry.faults.blocked.whenOpen(1);
  client.abort();
  await expect(answer).rejects.toThrow();
  await expect.poll(() => registry.faults.blocked.count()).toBe(0);
});

test('node checks wake the readers of every service on the node', async () => {
  const registry = await registryForTest();
  registry.register(WEB);
  const { index } = await ask(registry, '/v1/health/service/web');
  const { answer } = await sleeping(registry, `/v1/health/service/web?index=${index}`);
  registry.setNodeMaintenance(true, 'moving house');
  expect((await answer).json[0].Checks[0]).toMatchObject({
    CheckID: '_node_maintenance',
    Notes: 'moving house',
    Status: 'critical',
  });
});

test.each([
  ['index=abc', 400, 'Invalid index'],
  ['index=1&wait=5q', 400, 'Invalid wait time'],
  ['dc=elsewhere', 500, 'No path to datacenter'],
  ['stale&consistent', 400, 'Cannot specify ?stale with ?consistent, conflicting semantics.'],
  ['passing=maybe', 400, 'Invalid value for ?passing'],
  ['filter=Service.Port==1', 400, '?filter is not supported by the embedded registry'],
])('?%s is refused', async (query, status, message) => {
  const registry = await registryForTest();
  expect(await ask(registry, `/v1/health/service/web?${query}`)).toMatchObject({ status, text: message });
});

test.each(['stale', 'consistent', 'cached', 'dc=dc1', 'passing=false', 'near=_agent'])(
  '?%s is accepted',
  async (query) => {
    const registry = await registryForTest();
    registry.register(WEB);
    expect((await ask(registry, `/v1/health/service/web?${query}`)).json).toHaveLength(1);
  },
);

test('the process has nothing left to do after close, even with a query open', async () => {
  const registry = await registryForTest();
  await put(registry, '/v1/agent/service/register', WEB);
  const { answer } = await sleeping(registry, '/v1/catalog/nodes?index=1000');
  const ended = expect(answer).rejects.toThrow();
  await registry.close();
  await ended;
  expect(process.getActiveResourcesInfo().filter((kind) => kind === 'TCPServerWrap')).toEqual([]);
});
