/** The instruments themselves: a fault here would make every other test lie. */
import { createServer } from 'node:net';
import { describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { answerName, digestUpload, echoWebSocket, huge, startBackend } from './backend.ts';
import { Client, get, rawRequest } from './client.ts';
import { startLoad } from './load.ts';
import { accepts, freePorts } from './ports.ts';
import { eventually, start } from './process.ts';

const request = (method = 'GET', extra = ''): string => `${method} / HTTP/1.1\r\nHost: a\r\n${extra}\r\n`;

describe('the backend and the raw client', () => {
  test('answer pipelined requests one by one and keep the exact bytes', async () => {
    const backend = await startBackend({ name: 'one' });
    const bytes =
      request('HEAD') + request('POST', 'Content-Length: 3\r\nX:\t y \r\n').concat('abc') + request();
    const { responses, closed } = await rawRequest(backend.port, [bytes.slice(0, 30), 5, bytes.slice(30)], {
      until: 3,
    });
    expect(responses.map((response) => [response.status, response.body])).toEqual([
      [200, ''],
      [200, 'one'],
      [200, 'one'],
    ]);
    expect(closed).toBe('open');
    expect(backend.transcripts()[0]?.toString()).toBe(bytes);
    expect(backend.requests[1]?.head).toBe(
      'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nX:\t y \r\n\r\n',
    );
    expect(backend.requests[1]).toMatchObject({ bodyBytes: 3, complete: true, connection: 0 });
    expect(backend.requests[1]?.header('x')).toBe('y');
    await backend.close();
    await eventually(() => backend.connections === 0);
  });

  test.each(['length', 'chunked', 'close'] as const)('carry a body framed by %s', async (framing) => {
    const handler = huge(3_000_000, framing);
    const backend = await startBackend({ name: 'huge', handler });
    const { bytes, headers } = await get(backend.port);
    expect(bytes.length).toBe(3_000_000);
    expect(headers.get('x-instance')).toBe('huge');
    await backend.close();
  });

  test('carry interim answers, trailers and chunked uploads', async () => {
    const backend = await startBackend({ name: 'up', handler: digestUpload });
    const upload = request(
      'PUT',
      'Expect: 100-continue\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n',
    );
    const body = '3;x=y\r\nabc\r\n0\r\nT: 1\r\n\r\n';
    const { responses } = await rawRequest(backend.port, [upload, 20, body], { until: 1, halfClose: true });
    expect(responses.map(({ status }) => status)).toEqual([100, 200]);
    expect(JSON.parse(responses[1]!.body)).toMatchObject({ bytes: 3, trailers: [['T', '1']] });
    backend.handler = (_, reply) => reply.send({ body: 'hi', trailers: [['Sum', '2']] });
    expect((await get(backend.port)).trailers).toEqual([['Sum', '2']]);
    await backend.close();
  });

  test('notice what no router may send', async () => {
    const backend = await startBackend({ name: 'strict' });
    for (const bad of [
      'Content-Length: 3\r\nTransfer-Encoding: chunked\r\n',
      'A : b\r\n',
      'A: b\nC: d\r\n',
    ]) {
      expect((await rawRequest(backend.port, request('POST', bad))).responses).toEqual([]);
    }
    await rawRequest(backend.port, request('POST', 'Content-Length: 9\r\n'), { timeoutMs: 30 });
    expect(backend.violations).toHaveLength(3);
    await backend.close();
  });

  test('tell a reset, a truncated body and a hang apart', async () => {
    const backend = await startBackend({ name: 'bad', handler: (_, reply) => reply.reset() });
    expect(await rawRequest(backend.port, request())).toMatchObject({ closed: 'reset', error: 'ECONNRESET' });
    backend.handler = async (_, reply) => {
      await reply.head(200, [['Content-Length', '9']]);
      await reply.write('abc');
      reply.socket.end();
    };
    const cut = await rawRequest(backend.port, request());
    expect(cut).toMatchObject({ closed: 'end', responses: [{ body: 'abc', fault: /short/ }] });
    await expect(get(backend.port)).rejects.toThrow('short');
    backend.handler = answerName;
    backend.pause();
    await expect(get(backend.port, { timeoutMs: 50 })).rejects.toThrow('timeout');
    const held = get(backend.port);
    backend.resume();
    expect((await held).body).toBe('bad');
    await backend.kill();
    await expect(get(backend.port)).rejects.toThrow('ECONNREFUSED');
  });

  test('speak WebSocket', async () => {
    const backend = await startBackend({ name: 'ws', handler: echoWebSocket });
    const socket = new WebSocket(backend.url.replace('http', 'ws'));
    const answer = await new Promise((resolve) => {
      socket.on('open', () => socket.send('hello')).on('message', (data) => resolve(String(data)));
    });
    expect(answer).toBe('hello');
    await backend.kill();
  });
});

test('the keep-alive client dials again only after an announced close', async () => {
  const backend = await startBackend({ name: 'ka', keepAliveRequests: 2 });
  const client = new Client(backend.port);
  for (let sent = 0; sent < 5; sent += 1) expect((await client.request()).body).toBe('ka');
  expect(client.connects).toBe(3);
  client.close();
  await backend.close();
});

describe('the load', () => {
  test('keeps its rate and counts by instance', async () => {
    const backend = await startBackend({ name: 'a' });
    const methods = ['GET', 'POST', 'HEAD'];
    const load = startLoad({ port: backend.port, host: 'x', connections: 4, ratePerSecond: 200, methods });
    await eventually(() => load.counters.sent >= 60);
    const result = await load.stop();
    expect(result).toMatchObject({ failed: [], unsent: 0, ok: result.sent });
    expect(result.byInstance).toEqual(new Map([['a', result.sent]]));
    expect(backend.transcripts()).toHaveLength(4);
    await backend.close();
  });

  test('sends what is due at the end, unless the other side hangs', async () => {
    const backend = await startBackend({ name: 'a' });
    const held: (() => void)[] = [];
    backend.handler = (_, reply) => void held.push(() => reply.send({}));
    const options = { port: backend.port, host: 'x', connections: 1, ratePerSecond: 200 };
    const [slow, stuck] = [startLoad(options), startLoad({ ...options, timeoutMs: 500, graceMs: 100 })];
    await eventually(() => held.length === 2);
    await new Promise((resolve) => setTimeout(resolve, 50));
    backend.handler = (_, reply) => reply.send({});
    const [first, second] = [slow.stop(), stuck.stop()];
    held[0]!();
    const [answered, unanswered] = await Promise.all([first, second]);
    expect(answered).toMatchObject({ failed: [], unsent: 0, ok: answered.sent });
    expect(answered.sent).toBeGreaterThan(1);
    expect(unanswered).toMatchObject({ failed: [{ error: 'timeout', count: 1 }], ok: 0 });
    expect(unanswered.unsent).toBeGreaterThan(0);
    await backend.kill();
  });

  test('reports errors, bad statuses and answers of another request', async () => {
    const backend = await startBackend({ name: 'a' });
    const faults = [503, 404, 0, -1];
    backend.handler = (_, reply) => {
      const status = faults[backend.requests.length % 4]!;
      if (status === 0) return reply.reset();
      if (status === -1)
        return reply.head(200, [
          ['x-load-id', 'other'],
          ['Content-Length', '0'],
        ]);
      return reply.send({ status });
    };
    const load = startLoad({ port: backend.port, host: 'x', connections: 1, ratePerSecond: 200 });
    await eventually(() => load.counters.sent >= 8);
    const { failed, ok } = await load.stop();
    expect(ok).toBe(0);
    expect(failed.map(({ error }) => error).sort()).toEqual([
      '404',
      '503',
      'ECONNRESET',
      'answer of another request',
    ]);
    await backend.kill();
  });
});

test('free ports are free and differ', async () => {
  const ports = await freePorts(5);
  expect(new Set(ports).size).toBe(5);
  await expect(accepts(ports[0]!)).rejects.toThrow('ECONNREFUSED');
  const server = createServer().listen(ports[0]);
  await eventually(() => accepts(ports[0]!));
  server.close();
});

describe('processes', () => {
  test('give their lines and their exit', async () => {
    const script = 'echo one; echo two >&2; trap "exit 7" TERM; echo ready; while :; do sleep 0.01; done';
    const child = await start('sh', ['-c', script], { env: { A: 'b' } });
    expect(await child.line(/^read/)).toBe('ready');
    expect([child.stdout, child.stderr]).toEqual([['one', 'ready'], ['two']]);
    expect(await child.stop()).toEqual({ code: 7, signal: null });
  });

  test('fail clearly', async () => {
    await expect(start('/no/such/program', [])).rejects.toThrow('ENOENT');
    const child = await start('sh', ['-c', 'echo why >&2; exit 3']);
    await expect(child.line(/ready/)).rejects.toThrow(/exit 3\n {2}why/);
    const deaf = await start('sh', ['-c', 'trap "" TERM; echo deaf; while :; do sleep 0.01; done']);
    await deaf.line(/deaf/);
    await expect(deaf.stop('SIGTERM', 50)).rejects.toThrow('still running 50 ms after SIGTERM');
  });

  test('eventually tells its last error', async () => {
    const never = eventually(() => expect(1).toBe(2), { timeoutMs: 30, what: 'arithmetic' });
    await expect(never).rejects.toThrow(/arithmetic did not hold within 30 ms: expected 1 to be 2/);
  });
});
