import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { ask, put, registryForTest, statusOf, until } from './support.ts';

const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0)) close();
});

async function backend(handle: RequestListener): Promise<number> {
  const server = createServer(handle).listen(0, '127.0.0.1');
  closing.push(() => {
    server.close();
    server.closeAllConnections();
  });
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

const HEALTH = '/v1/health/service/web';

test('an HTTP check is run: 2xx passes, 429 warns, anything else is critical', async () => {
  let status = 200;
  const seen: string[] = [];
  const port = await backend((request, response) => {
    seen.push(`${request.method} ${request.headers['x-probe']}`);
    response.writeHead(status).end('hello');
  });
  const registry = await registryForTest();
  const HTTP = `http://127.0.0.1:${port}/health`;
  registry.register({
    Name: 'web',
    Check: { HTTP, Method: 'POST', Header: { 'X-Probe': ['1'] }, Interval: '5ms', Timeout: '1s' },
  });
  const passing = await until(registry, HEALTH, (got) => statusOf(got) === 'passing');
  expect(passing.json[0].Checks[1]).toMatchObject({
    Output: `HTTP POST ${HTTP}: 200 OK Output: hello`,
    Type: 'http',
  });
  expect(seen[0]).toBe('POST 1');
  status = 429;
  await until(registry, HEALTH, (got) => statusOf(got) === 'warning');
  status = 503;
  const critical = await until(registry, HEALTH, (got) => statusOf(got) === 'critical');
  expect(critical.json[0].Checks[1].Output).toBe(`HTTP POST ${HTTP}: 503 Service Unavailable Output: hello`);
});

test('an HTTP check to a closed port is critical, in Consul’s words', async () => {
  const registry = await registryForTest();
  const check = { HTTP: 'http://127.0.0.1:1/', Interval: '1h', Status: 'passing' } as const;
  registry.register({ Name: 'web', Check: check });
  const got = await until(registry, HEALTH, (one) => statusOf(one) === 'critical');
  expect(got.json[0].Checks[1].Output).toBe(
    'Get "http://127.0.0.1:1/": dial tcp 127.0.0.1:1: connect: connection refused',
  );
});

test('an HTTP check that gets no answer in time is critical', async () => {
  const port = await backend(() => {});
  const registry = await registryForTest();
  const check = {
    HTTP: `http://127.0.0.1:${port}/`,
    Interval: '1h',
    Timeout: '20ms',
    Status: 'passing',
  } as const;
  registry.register({ Name: 'web', Check: check });
  const got = await until(registry, HEALTH, (one) => statusOf(one) === 'critical');
  expect(got.json[0].Checks[1].Output).toContain('i/o timeout');
});

test('a URL that is none makes the check critical, nothing more', async () => {
  const registry = await registryForTest();
  registry.register({
    Name: 'web',
    Check: { HTTP: 'no url', Method: '', Interval: '1h', Status: 'passing' },
  });
  const got = await until(registry, HEALTH, (one) => statusOf(one) === 'critical');
  expect(got.json[0].Checks[1].Output).toContain('no url');
});

test('a TCP check follows the port', async () => {
  const port = await backend(() => {});
  const registry = await registryForTest();
  registry.register({ Name: 'web', Check: { TCP: `127.0.0.1:${port}`, Interval: '5ms' } });
  const got = await until(registry, HEALTH, (one) => statusOf(one) === 'passing');
  expect(got.json[0].Checks[1].Output).toBe(`TCP connect 127.0.0.1:${port}: Success`);
  for (const close of closing.splice(0)) close();
  await until(registry, HEALTH, (one) => statusOf(one) === 'critical');
});

test('a TTL check passes on a heartbeat and is critical when none comes', async () => {
  const registry = await registryForTest();
  registry.register({ Name: 'web', Check: { TTL: '100ms' } });
  expect(statusOf(await ask(registry, HEALTH))).toBe('critical');
  expect((await put(registry, '/v1/agent/check/pass/service:web?note=fine')).status).toBe(200);
  expect((await ask(registry, HEALTH)).json[0].Checks[1]).toMatchObject({
    Status: 'passing',
    Output: 'fine',
  });
  const expired = await until(registry, HEALTH, (got) => statusOf(got) === 'critical');
  expect(expired.json[0].Checks[1].Output).toBe('TTL expired (last output before timeout follows): fine');
});

test('warn, fail and update report a TTL check', async () => {
  const registry = await registryForTest();
  registry.register({ Name: 'web', Check: { TTL: '60s' } });
  const report = async (path: string, body?: object): Promise<object> => {
    expect((await put(registry, `/v1/agent/check/${path}`, body)).status).toBe(200);
    const { Status, Output } = (await ask(registry, HEALTH)).json[0].Checks[1];
    return { Status, Output };
  };
  expect(await report('warn/service:web?note=w')).toEqual({ Status: 'warning', Output: 'w' });
  expect(await report('fail/service:web')).toEqual({ Status: 'critical', Output: '' });
  expect(await report('update/service:web', { Status: 'passing', Output: 'o' })).toEqual({
    Status: 'passing',
    Output: 'o',
  });
});

test('a status changes only after enough results in a row', async () => {
  let status = 200;
  let probes = 0;
  const port = await backend((_request, response) => {
    probes += 1;
    response.writeHead(status).end();
  });
  const registry = await registryForTest();
  registry.register({
    Name: 'web',
    Check: {
      HTTP: `http://127.0.0.1:${port}/`,
      Interval: '5ms',
      SuccessBeforePassing: 3,
      FailuresBeforeCritical: 3,
    },
  });
  await until(registry, HEALTH, (got) => statusOf(got) === 'passing');
  expect(probes).toBeGreaterThanOrEqual(3);
  probes = 0;
  status = 500;
  await until(registry, HEALTH, (got) => statusOf(got) === 'critical');
  expect(probes).toBeGreaterThanOrEqual(3);
});

test('a service that stays critical is deregistered when it asked for it', async () => {
  const registry = await registryForTest();
  registry.register({ Name: 'web', Check: { TTL: '5ms', DeregisterCriticalServiceAfter: '20ms' } });
  await until(registry, HEALTH, (got) => got.json.length === 0);
  expect((await ask(registry, '/v1/agent/checks')).json).toEqual({});
});

test('registering again keeps the status; replace-existing-checks drops the checks not named', async () => {
  const registry = await registryForTest();
  registry.register({
    Name: 'web',
    Checks: [
      { CheckID: 'a', TTL: '60s' },
      { CheckID: 'b', TTL: '60s' },
    ],
  });
  registry.setTtl('a', 'passing', 'kept');
  const again = { Name: 'web', Tags: ['new'], Check: { CheckID: 'a', TTL: '60s' } };
  await put(registry, '/v1/agent/service/register', again);
  const kept = (await ask(registry, '/v1/health/checks/web')).json;
  expect(kept).toMatchObject([
    { CheckID: 'a', Status: 'passing', Output: 'kept', ServiceTags: ['new'] },
    { CheckID: 'b' },
  ]);
  await put(registry, '/v1/agent/service/register?replace-existing-checks', again);
  expect((await ask(registry, '/v1/health/checks/web')).json).toMatchObject([{ CheckID: 'a' }]);
});

test('checks are registered and deregistered on their own, for a service or the node', async () => {
  const registry = await registryForTest();
  registry.register({ Name: 'web' });
  await put(registry, '/v1/agent/check/register', {
    Name: 'extra',
    TTL: '60s',
    ServiceID: 'web',
    Status: 'warning',
  });
  await put(registry, '/v1/agent/check/register', {
    ID: 'disk',
    Name: 'Disk',
    TTL: '60s',
    Status: 'passing',
  });
  const ids = async (): Promise<string[]> =>
    (await ask(registry, HEALTH)).json[0].Checks.map(({ CheckID }: { CheckID: string }) => CheckID);
  expect(await ids()).toEqual(['disk', 'serfHealth', 'extra']);
  await put(registry, '/v1/agent/check/deregister/disk');
  await put(registry, '/v1/agent/check/deregister/extra');
  expect(await ids()).toEqual(['serfHealth']);
});

test('maintenance of a service is a critical check with the reason', async () => {
  const registry = await registryForTest();
  registry.register({ Name: 'web', ID: 'web-1' });
  await put(registry, '/v1/agent/service/maintenance/web-1?enable=true&reason=deploy');
  expect((await ask(registry, '/v1/health/checks/web')).json).toMatchObject([
    {
      CheckID: '_service_maintenance:web-1',
      Name: 'Service Maintenance Mode',
      Status: 'critical',
      Notes: 'deploy',
      Output: '',
      Type: 'maintenance',
    },
  ]);
  await put(registry, '/v1/agent/service/maintenance/web-1?enable=false');
  expect((await ask(registry, '/v1/health/checks/web')).json).toEqual([]);
});

test('maintenance of the node', async () => {
  const registry = await registryForTest();
  await put(registry, '/v1/agent/maintenance?enable=true');
  expect((await ask(registry, '/v1/health/state/critical')).json).toMatchObject([
    { CheckID: '_node_maintenance', Notes: expect.stringContaining('no reason was provided') },
  ]);
  await put(registry, '/v1/agent/maintenance?enable=false');
  expect((await ask(registry, '/v1/health/state/critical')).json).toEqual([]);
});
