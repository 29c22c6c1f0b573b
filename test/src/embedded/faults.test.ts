import { once } from 'node:events';
import { connect } from 'node:net';
import { expect, test } from 'vitest';
import type { LostIndex } from '../../../src/embedded/registry.ts';
import { ask, put, registryForTest, sleeping } from './support.ts';

const SERVICES = '/v1/catalog/services';

test('stall: accepts and does not answer until cleared', async () => {
  const registry = await registryForTest();
  const stall = registry.faults.stall({ path: '/v1/catalog' });
  let answered = false;
  const answer = ask(registry, SERVICES).finally(() => {
    answered = true;
  });
  expect((await ask(registry, '/v1/status/leader')).status).toBe(200);
  await expect.poll(() => stall.hits).toBe(1);
  expect(answered).toBe(false);
  stall.clear();
  expect((await answer).status).toBe(200);
});

test('stall: a client that gives up is let go', async () => {
  const registry = await registryForTest();
  const stall = registry.faults.stall();
  const client = new AbortController();
  const broken = expect(fetch(registry.url + SERVICES, { signal: client.signal })).rejects.toThrow();
  await expect.poll(() => stall.hits).toBe(1);
  client.abort();
  await broken;
});

test('fail: a number of times, then answers again', async () => {
  const registry = await registryForTest();
  registry.faults.fail(500, 'No cluster leader', { times: 2 });
  for (let i = 0; i < 2; i++) {
    expect(await ask(registry, SERVICES)).toMatchObject({
      status: 500,
      text: 'No cluster leader',
      index: Number.NaN,
    });
  }
  expect((await ask(registry, SERVICES)).status).toBe(200);
});

test.each([403, 429, 502])('fail: %i until cleared, only where it applies', async (status) => {
  const registry = await registryForTest();
  const fault = registry.faults.fail(status, 'no', { path: /^\/v1\/kv\// });
  expect((await ask(registry, '/v1/kv/a')).status).toBe(status);
  expect((await ask(registry, SERVICES)).status).toBe(200);
  expect((await put(registry, '/v1/kv/a', 'x')).status).toBe(status);
  fault.clear();
  expect((await put(registry, '/v1/kv/a', 'x')).status).toBe(200);
  expect(fault.hits).toBe(2);
});

test('fail: a query that sleeps meets it when released', async () => {
  const registry = await registryForTest();
  const { answer } = await sleeping(registry, `${SERVICES}?index=1000`);
  registry.faults.fail(500, 'No cluster leader');
  registry.faults.blocked.release(SERVICES);
  expect((await answer).status).toBe(500);
});

test('an early return: the same index and content', async () => {
  const registry = await registryForTest();
  const { index } = await ask(registry, SERVICES);
  const { answer } = await sleeping(registry, `${SERVICES}?index=${index}`);
  registry.faults.blocked.release();
  expect(await answer).toMatchObject({ index, json: { consul: [] } });
});

test('empty: 200 with nothing in it', async () => {
  const registry = await registryForTest();
  registry.register({ Name: 'web' });
  const fault = registry.faults.empty();
  expect(await ask(registry, SERVICES)).toMatchObject({ status: 200, text: '{}' });
  const health = await ask(registry, '/v1/health/service/web');
  expect(health).toMatchObject({ status: 200, text: '[]' });
  expect(health.index).toBeGreaterThan(0);
  fault.clear();
  expect((await ask(registry, '/v1/health/service/web')).json).toHaveLength(1);
});

test('reset: the connection breaks', async () => {
  const registry = await registryForTest();
  registry.faults.reset({ times: 1 });
  const socket = connect(registry.port, '127.0.0.1');
  socket.write(`GET ${SERVICES} HTTP/1.1\r\nHost: x\r\n\r\n`);
  const [error] = await once(socket, 'error');
  expect(error.code).toBe('ECONNRESET');
  expect((await ask(registry, SERVICES)).status).toBe(200);
});

test.each<[LostIndex, (index: number) => string | null]>([
  ['missing', () => null],
  ['zero', () => '0'],
  ['text', () => 'abc'],
  ['backwards', (index) => String(Math.floor(index / 2))],
  ['too-large', () => '18446744073709551616'],
])('index: %s', async (how, expected) => {
  const registry = await registryForTest();
  const { index } = await ask(registry, SERVICES);
  registry.faults.loseIndex(how, { times: 1 });
  const spoiled = await ask(registry, SERVICES);
  expect(spoiled.headers.get('x-consul-index')).toBe(expected(index));
  expect(spoiled.json).toEqual({ consul: [] });
  expect((await ask(registry, SERVICES)).index).toBe(index);
});

test('garbage: truncated, HTML, null, any text', async () => {
  const registry = await registryForTest();
  const whole = (await ask(registry, SERVICES)).text;
  const spoiled = async (what: Parameters<typeof registry.faults.garbage>[0]): Promise<object> => {
    registry.faults.garbage(what, { times: 1 });
    const { status, text } = await ask(registry, SERVICES);
    return { status, text };
  };
  expect(await spoiled('truncated')).toEqual({ status: 200, text: whole.slice(0, whole.length / 2) });
  expect(await spoiled('html')).toMatchObject({ text: expect.stringContaining('<html>') });
  expect(await spoiled('null')).toEqual({ status: 200, text: 'null' });
  expect(await spoiled({ body: '{"a":1,"a":2}' })).toEqual({ status: 200, text: '{"a":1,"a":2}' });
});

test('garbage: a huge body, as far as the client reads', async () => {
  const registry = await registryForTest();
  registry.faults.garbage('huge', { bytes: 5_000_000 });
  const { text, json } = await ask(registry, SERVICES);
  expect(text.length).toBeGreaterThan(5_000_000);
  expect(json).toBeInstanceOf(Array);
  registry.faults.clear();
  registry.faults.garbage('huge', { times: 1 });
  const response = await fetch(registry.url + SERVICES);
  await response.body?.cancel();
  expect((await ask(registry, SERVICES)).json).toEqual({ consul: [] });
});

test('cut: half of the announced body', async () => {
  const registry = await registryForTest();
  registry.faults.cut({ times: 1 });
  const response = await fetch(registry.url + SERVICES);
  expect(response.headers.get('content-length')).toBe('13');
  await expect(response.text()).rejects.toThrow();
});

test('drip: all of it, slowly', async () => {
  const registry = await registryForTest();
  registry.faults.drip({ bytes: 4, everyMs: 1 });
  const response = await fetch(registry.url + SERVICES);
  let pieces = 0;
  let text = '';
  for await (const piece of response.body!) {
    pieces += 1;
    text += Buffer.from(piece).toString();
  }
  expect(text).toBe('{"consul":[]}');
  expect(pieces).toBeGreaterThan(1);
});

test('latency: waits before it answers', async () => {
  const registry = await registryForTest();
  registry.faults.latency(30, { path: SERVICES });
  const before = performance.now();
  await ask(registry, SERVICES);
  expect(performance.now() - before).toBeGreaterThanOrEqual(25);
});

test('wipe: no data, a lower index, no open query', async () => {
  const registry = await registryForTest();
  for (let i = 0; i < 5; i++) registry.register({ Name: `s${i}`, Check: { TTL: '60s' } });
  registry.putKey('k', 'v');
  const before = await ask(registry, SERVICES);
  const { answer } = await sleeping(registry, `${SERVICES}?index=${before.index}`);
  const broken = expect(answer).rejects.toThrow();
  registry.faults.wipe();
  await broken;
  const after = await ask(registry, SERVICES);
  expect(after.json).toEqual({ consul: [] });
  expect(after.index).toBeLessThan(before.index);
  expect(after.index).toBeGreaterThan(0);
  expect((await ask(registry, '/v1/kv/k')).status).toBe(404);
  expect((await ask(registry, '/v1/agent/checks')).json).toEqual({});
});

test('refuseConnections and acceptAgain: a killed agent that returns on its port', async () => {
  const registry = await registryForTest();
  registry.register({ Name: 'web' });
  const { url } = registry;
  const { answer } = await sleeping(registry, `${SERVICES}?index=1000`);
  const broken = expect(answer).rejects.toThrow();
  await registry.faults.refuseConnections();
  await broken;
  await expect(fetch(url)).rejects.toMatchObject({ cause: { code: 'ECONNREFUSED' } });
  await registry.faults.refuseConnections();
  await registry.faults.acceptAgain();
  await registry.faults.acceptAgain();
  expect(registry.url).toBe(url);
  expect((await ask(registry, SERVICES)).json).toEqual({ consul: [], web: [] });
});

test('dropConnections: open queries break, new ones are answered', async () => {
  const registry = await registryForTest();
  const { answer } = await sleeping(registry, `${SERVICES}?index=1000`);
  const broken = expect(answer).rejects.toThrow();
  expect(registry.connections).toBeGreaterThan(0);
  registry.faults.dropConnections();
  await broken;
  await expect.poll(() => registry.connections).toBe(0);
  expect((await ask(registry, SERVICES)).status).toBe(200);
});

test('requests are counted by path, failed ones too', async () => {
  const registry = await registryForTest();
  registry.faults.fail(500, '', { times: 1 });
  await ask(registry, `${SERVICES}?stale`);
  await ask(registry, SERVICES);
  await ask(registry, '/v1/health/service/web');
  expect(Object.fromEntries(registry.faults.requests)).toEqual({
    [SERVICES]: 2,
    '/v1/health/service/web': 1,
  });
  expect(registry.faults.requestCount()).toBe(3);
  expect(registry.faults.requestCount('/v1/health')).toBe(1);
});

test('faults add up', async () => {
  const registry = await registryForTest();
  registry.faults.loseIndex('missing');
  registry.faults.empty();
  registry.faults.latency(1);
  const got = await ask(registry, SERVICES);
  expect(got.headers.get('x-consul-index')).toBeNull();
  expect(got.text).toBe('{}');
  registry.faults.clear();
  expect((await ask(registry, SERVICES)).json).toEqual({ consul: [] });
});
