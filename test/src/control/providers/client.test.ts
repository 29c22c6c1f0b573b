import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type ConsulClient, createConsulClient } from '../../../../src/control/providers/consul-client.ts';
import { createTokenSource } from '../../../../src/control/providers/consul-token.ts';
import { consulConfig } from './recorder.ts';

interface Reply {
  readonly status?: number;
  readonly headers?: Record<string, string>;
  readonly body?: string;
}

let server: Server;
let url: string;
let reply: (request: IncomingMessage) => Reply | null = () => ({});
const clients: ConsulClient[] = [];
const signal = new AbortController().signal;

beforeAll(async () => {
  server = createServer((request, response) => {
    const answer = reply(request);
    if (answer === null) return;
    response.writeHead(answer.status ?? 200, answer.headers).end(answer.body ?? '[]');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterEach(() => Promise.all(clients.splice(0).map((client) => client.close())));
afterAll(() => {
  server.closeAllConnections();
  server.close();
});

function client(changes = {}, limits = {}): ConsulClient {
  const made = createConsulClient(consulConfig(url, changes), limits);
  clients.push(made);
  return made;
}

describe('request', () => {
  test('path prefix, datacenter, namespace, index, wait and token', async () => {
    const asked: string[] = [];
    reply = (request) => {
      asked.push(`${request.url} ${String(request.headers['x-consul-token'])}`);
      return {};
    };
    const subject = client({ url: `${url}/base`, datacenter: 'dc 2', namespace: 'team', token: 'secret' });
    await subject.read('/v1/kv/a?recurse', { signal, index: 7, waitMs: 1500 });
    await client().read('/v1/x', { signal, index: 0, waitMs: 1500, consistent: true });
    expect(asked).toEqual([
      '/base/v1/kv/a?recurse&dc=dc%202&ns=team&index=7&wait=1500ms secret',
      '/v1/x?consistent undefined',
    ]);
  });

  test.each([
    ['12', 12],
    ['0', 0],
    ['abc', 0],
    ['-1', 0],
    ['1e3', 0],
    ['18446744073709551616', 0],
    ['9007199254740993', 0],
  ])('index %s is %i', async (text, index) => {
    reply = () => ({ headers: { 'x-consul-index': text } });
    expect(await client().read('/v1/x', { signal })).toMatchObject({ kind: 'ok', index });
  });

  test('a 404 is data only where it was announced', async () => {
    reply = () => ({ status: 404, headers: { 'x-consul-index': '3' }, body: '' });
    expect(await client().read('/v1/kv/x', { signal, absent: true })).toMatchObject({ index: 3, body: null });
    expect(await client().read('/v1/x', { signal })).toMatchObject({ code: 'server', status: 404 });
  });
});

describe('faults', () => {
  test.each([
    [403, 'Permission denied', 'acl'],
    [401, '', 'acl'],
    [429, 'too many', 'rate_limited'],
    [500, 'No cluster leader', 'no_leader'],
    [500, 'rpc error: No known Consul servers', 'no_leader'],
    [500, 'something else', 'server'],
    [502, '<html>bad gateway</html>', 'server'],
    [400, 'Invalid index', 'server'],
    [301, '', 'server'],
  ])('%i %s is %s', async (status, body, code) => {
    reply = () => ({ status, body });
    expect(await client().read('/v1/x', { signal })).toMatchObject({ kind: 'error', code, status });
  });

  test('an encoding nobody asked for', async () => {
    reply = () => ({ headers: { 'content-encoding': 'gzip' } });
    expect(await client().read('/v1/x', { signal })).toMatchObject({ code: 'bad_answer' });
  });

  test('a body beyond the limit', async () => {
    reply = () => ({ body: 'x'.repeat(1001) });
    expect(await client({}, { bodyBytes: 1000 }).read('/v1/x', { signal })).toMatchObject({
      code: 'too_large',
    });
  });

  test('nobody there', async () => {
    const subject = client({ url: 'http://127.0.0.1:1' });
    expect(await subject.read('/v1/x', { signal })).toMatchObject({ code: 'unreachable' });
  });

  test('an answer that never comes ends at wait + wait/16 + grace', async () => {
    reply = () => null;
    const subject = client({}, { graceMs: 20 });
    const before = performance.now();
    const result = await subject.read('/v1/x', { signal, index: 1, waitMs: 160 });
    expect(result).toMatchObject({ code: 'timeout', message: 'no answer within 190 ms' });
    expect(performance.now() - before).toBeGreaterThan(185);
  });

  test('an abort ends the read at once', async () => {
    reply = () => null;
    const stop = new AbortController();
    const reading = client().read('/v1/x', { signal: stop.signal });
    setImmediate(() => stop.abort());
    expect(await reading).toMatchObject({ code: 'aborted' });
  });
});

test('no more connections than allowed', async () => {
  const open = new Set<unknown>();
  reply = (request) => {
    // Not what an earlier test has left on its way.
    if (request.url === '/v1/many') open.add(request.socket);
    return {};
  };
  const subject = client({ connections: 3 });
  await Promise.all(Array.from({ length: 50 }, () => subject.read('/v1/many', { signal })));
  expect(open.size).toBeLessThanOrEqual(7);
  expect(subject.connections()).toBeLessThanOrEqual(7);
});

describe('token file', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'fairlead-token-'));
  });
  afterAll(() => rm(folder, { recursive: true }));

  test('wins over the token, is read again after a refusal and when it changed', async () => {
    const file = join(folder, 'token');
    let now = 0;
    const source = createTokenSource({ token: 'fixed', tokenFile: file }, () => now);
    expect(source.current()).toBe('fixed');
    await writeFile(file, 'one\n');
    expect(source.current()).toBe('fixed');
    source.refused();
    expect(source.current()).toBe('one');
    await writeFile(file, 'two\n');
    now += 1000;
    expect(source.current()).toBe('two');
    await writeFile(file, '');
    now += 1000;
    expect(source.current()).toBe('two');
    await rm(file);
    now += 1000;
    expect(source.current()).toBe('two');
  });

  test('a refused token is replaced with the next attempt', async () => {
    const file = join(folder, 'rotated');
    await writeFile(file, 'old');
    await chmod(file, 0o600);
    reply = (request) =>
      request.headers['x-consul-token'] === 'new' ? {} : { status: 403, body: 'ACL not found' };
    const subject = client({ tokenFile: file });
    expect(await subject.read('/v1/x', { signal })).toMatchObject({ code: 'acl' });
    await writeFile(file, 'new');
    expect(await subject.read('/v1/x', { signal })).toMatchObject({ kind: 'ok' });
  });
});
