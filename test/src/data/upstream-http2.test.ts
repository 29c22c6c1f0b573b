/** Instances with `proto=h2c`: requests of both kinds of clients over one connection, and how streams end. */
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterEach, describe, expect, test } from 'vitest';
import { startBackend } from '../../support/backend.ts';
import { get, rawRequest } from '../../support/client.ts';
import { head, type Plane, type PlaneOptions, startPlane } from '../../support/engine.ts';
import { type H2Client, h2Client } from '../../support/http2.ts';
import {
  answer,
  countUpload,
  type Http2Backend,
  type Http2BackendOptions,
  startHttp2Backend,
} from '../../support/http2-backend.ts';
import { eventually } from '../../support/process.ts';

let backend: Http2Backend;
let plane: Plane;
let client: H2Client | null = null;

const plain = (port: number) => ({ port, protocol: 'h2c' as const });

async function begin(options: Http2BackendOptions = {}, more: PlaneOptions = {}): Promise<void> {
  backend = await startHttp2Backend(options);
  plane = await startPlane({ pools: { main: [plain(backend.port)] }, ...more });
}

async function secure(options: Http2BackendOptions = {}, more: PlaneOptions = {}): Promise<H2Client> {
  await begin(options, { scheme: 'https', ...more });
  client = await h2Client(plane.securePort);
  return client;
}

afterEach(async () => {
  client?.close();
  client = null;
  await plane.quiet();
  await plane.close();
  await backend.close();
});

const ask = (path = '/') => get(plane.port, { host: 'a.test', path });

describe('a request', () => {
  test('of HTTP/1.1 reaches an instance with HTTP/2, on one connection for all', async () => {
    await begin();
    const answers = await Promise.all(Array.from({ length: 50 }, () => ask('/a?b')));
    expect(new Set(answers.map(({ status, body }) => `${status} ${body}`))).toEqual(new Set(['200 h2']));
    expect(backend.sessions.size).toBe(1);
    const [request] = backend.requests;
    expect(request!.raw.slice(0, 8)).toEqual([
      ...[':method', 'GET', ':scheme', 'http', ':authority', 'a.test', ':path', '/a?b'],
    ]);
    expect(request!.header('x-forwarded-for')).toBe('127.0.0.1');
    expect(request!.raw).not.toContain('connection');
  });

  test('of HTTP/2 does too, with trailers both ways', async () => {
    const h2 = await secure({
      handler: async (stream, request) => {
        stream.additionalHeaders({ ':status': 103, link: '</a.css>' });
        request.body = await text(stream);
        stream.respond(
          { ':status': 200, 'x-a': 'b', 'set-cookie': ['c=1', 'd=2'] },
          { waitForTrailers: true },
        );
        stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
        stream.end('pong');
      },
    });
    const got = await h2.request({ ':method': 'POST', te: 'trailers' }, 'ping', {
      trailers: { 'x-sum': '7' },
    });
    expect(got).toMatchObject({ status: 200, body: 'pong', interim: [103], rstCode: 0 });
    expect(got.headers).toMatchObject({ 'x-a': 'b', 'set-cookie': ['c=1', 'd=2'] });
    expect(got.trailers).toMatchObject({ 'grpc-status': '0' });
    expect(backend.requests[0]).toMatchObject({ body: 'ping', trailers: ['x-sum', '7'] });
    expect(backend.requests[0]!.header('te')).toBe('trailers');
  });

  test('that is answered by fields alone ends with them', async () => {
    const h2 = await secure({
      handler: (stream) => stream.respond({ ':status': 200, 'grpc-status': '5' }, { endStream: true }),
    });
    const got = await h2.request({ ':method': 'POST', te: 'trailers' }, 'x');
    expect(got).toMatchObject({ status: 200, body: '', rstCode: 0 });
    expect(got.headers).toMatchObject({ 'grpc-status': '5' });
    expect(await ask()).toMatchObject({ status: 200, body: '' });
  });

  test.each([
    ['with a length', `Content-Length: 1000000`, (body: string) => body],
    ['in chunks', 'Transfer-Encoding: chunked', (body: string) => `f4240\r\n${body}\r\n0\r\n\r\n`],
  ])('%s arrives whole', async (_, framing, framed) => {
    await begin({ handler: countUpload });
    const request = head('POST / HTTP/1.1', 'Host: a', 'Connection: close', framing);
    const { responses } = await rawRequest(plane.port, request + framed('x'.repeat(1_000_000)));
    expect(responses[0]!.body.toString()).toBe('1000000');
    expect(plane.log()).toMatchObject([{ bytesIn: 1_000_000, status: 200 }]);
  });

  test('for WebSocket is answered 501: HTTP/2 has no upgrade', async () => {
    await begin();
    const upgrade = [
      'Connection: Upgrade',
      'Upgrade: websocket',
      'Sec-WebSocket-Key: a',
      'Sec-WebSocket-Version: 13',
    ];
    const { responses } = await rawRequest(plane.port, head('GET / HTTP/1.1', 'Host: a', ...upgrade));
    expect(responses[0]).toMatchObject({ status: 501 });
    expect(backend.requests).toEqual([]);
  });
});

describe('pressure', () => {
  test('a client that does not read holds its own stream alone', async () => {
    const sent: number[] = [];
    const h2 = await secure({
      handler: (stream, request) => {
        if (request.header(':path') === '/small') return answer(stream, 'small');
        stream.respond({ ':status': 200 });
        let bytes = 0;
        const more = (): void => {
          for (let goesOn = true; goesOn && bytes < 50_000_000; bytes += 65_536) {
            goesOn = stream.write(Buffer.alloc(65_536));
          }
          sent[0] = bytes;
        };
        stream.on('drain', more);
        more();
      },
    });
    const slow = h2.session.request({ ':path': '/big', ':authority': 'a.test' });
    slow.on('error', () => {});
    await eventually(() => sent[0]! > 100_000);
    await expect.poll(async () => (await ask('/small')).body).toBe('small');
    expect(sent[0]!).toBeLessThan(10_000_000);
    slow.close(8);
    await eventually(() => backend.requests.find((each) => each.header(':path') === '/big')!.ended !== null);
  });

  test('an instance that does not read pauses the client', async () => {
    const held: (() => unknown)[] = [];
    await begin({ handler: (stream, request) => held.push(() => countUpload(stream, request)) });
    const socket = connect(plane.port, '127.0.0.1');
    socket.write(head('POST / HTTP/1.1', 'Host: a', 'Connection: close', 'Content-Length: 30000000'));
    socket.write(Buffer.alloc(30_000_000));
    await eventually(() => held.length === 1 && plane.http1()[0]?.isPaused === true);
    expect(socket.writableLength).toBeGreaterThan(0);
    held[0]!();
    expect(await text(socket)).toMatch(/\r\n30000000\r\n/);
  });
});

describe('an instance that', () => {
  test('refuses a stream is asked elsewhere, whatever the method', async () => {
    const other = await startHttp2Backend({ name: 'other' });
    await begin({ handler: (stream) => stream.close(7) }, { balance: { kind: 'rr' } });
    plane.setPools({ main: [plain(backend.port), plain(other.port)] });
    for (let i = 0; i < 2; i++) {
      const { responses } = await rawRequest(
        plane.port,
        head('POST / HTTP/1.1', 'Host: a', 'Connection: close'),
      );
      expect(responses[0]!.body.toString()).toBe('other');
    }
    await plane.close();
    await other.close();
  });

  test.each([
    ['resets', (stream: { close(code: number): void }) => stream.close(2), 'upstream_reset'],
    [
      'ends its stream without an answer',
      (stream: { close(code: number): void }) => stream.close(0),
      'upstream_reset',
    ],
  ])('%s has a GET repeated and a POST answered 502', async (_, handler, reason) => {
    const other = await startHttp2Backend({ name: 'other' });
    await begin({ handler: handler as never }, { balance: { kind: 'rr' } });
    const posted = await rawRequest(plane.port, head('POST / HTTP/1.1', 'Host: a', 'Connection: close'));
    expect(posted.responses[0]!.status).toBe(502);
    expect(plane.log()).toMatchObject([{ reason, retries: 0 }]);
    plane.setPools({ main: [plain(backend.port), plain(other.port)] });
    for (let i = 0; i < 3; i++) expect((await ask()).body).toBe('other');
    await plane.close();
    await other.close();
  });

  test('says goodbye finishes what runs, and is dialled anew', async () => {
    const held: (() => void)[] = [];
    await begin({
      handler: (stream, request) =>
        request.header(':path') === '/held' ? held.push(() => answer(stream, 'late')) : answer(stream, 'ok'),
    });
    const late = ask('/held');
    await eventually(() => held.length === 1);
    const [session] = backend.sessions;
    session!.goaway(0);
    await eventually(() => plane.endpoint(backend.port).sessions.length === 0);
    expect((await ask()).body).toBe('ok');
    held[0]!();
    expect((await late).body).toBe('late');
    expect(backend.requests.map(({ connection }) => connection)).toEqual([0, 1]);
    await eventually(() => backend.sessions.size === 1);
  });

  test('dies in the midst of an answer leaves it incomplete, for both kinds of clients', async () => {
    const h2 = await secure({
      handler: (stream) => {
        stream.respond({ ':status': 200 });
        stream.write('part');
        setTimeout(() => stream.session!.destroy(), 50);
      },
    });
    const got = await h2.request();
    expect(got.rstCode).not.toBe(0);
    await expect(ask()).rejects.toThrow();
  });

  test('allows few streams gets further connections', async () => {
    await begin({ http2: { settings: { maxConcurrentStreams: 2 } } });
    await ask();
    const held: (() => void)[] = [];
    backend.handler = (stream) => void held.push(() => answer(stream, 'x'));
    const all = Array.from({ length: 6 }, () => ask());
    await eventually(() => held.length === 6);
    expect(backend.sessions.size).toBe(3);
    for (const go of held) go();
    expect((await Promise.all(all)).map(({ status }) => status)).toEqual(Array(6).fill(200));
  });

  test('does not answer is cancelled, and must answer a PING before it gets more', async () => {
    await begin(
      { handler: () => {} },
      { timeouts: { responseMs: 200, connectMs: 300 }, routes: [{ options: { retry: 0 } }] },
    );
    const got = await ask();
    expect([got.status, got.headers.get('x-fairlead-reason')]).toEqual([504, 'upstream_timeout']);
    await eventually(() => backend.requests[0]!.ended === 8);
    backend.handler = (stream) => answer(stream, 'ok');
    expect((await ask()).body).toBe('ok');
  });

  test('is a server of HTTP/1.1 is answered 502', async () => {
    await begin();
    const h1 = await startBackend({ name: 'b1' });
    plane.setPools({ main: [plain(h1.port)] });
    expect((await ask()).status).toBe(502);
    await h1.kill();
  });
});

test('a client that leaves has its stream cancelled', async () => {
  const h2 = await secure({ handler: () => {} });
  const stream = h2.session.request({ ':path': '/', ':authority': 'a.test' });
  stream.on('error', () => {});
  await eventually(() => backend.requests.length === 1);
  stream.close(8);
  await eventually(() => backend.requests[0]!.ended === 8);
});

test('idle connections are closed, and endpoints that leave close theirs', async () => {
  await begin({}, { timeouts: { upstreamIdleMs: 300 } });
  await ask();
  expect(backend.sessions.size).toBe(1);
  await eventually(() => backend.sessions.size === 0);
  await ask();
  plane.setPools({ main: [] });
  await eventually(() => backend.sessions.size === 0);
  await eventually(() => expect(plane.released).toHaveLength(1));
});
