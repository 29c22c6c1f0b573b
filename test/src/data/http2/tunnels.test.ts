/** WebSocket over one stream of HTTP/2 (RFC 8441), to an upstream that speaks HTTP/1.1; gRPC; and how connections end. */
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { credentials, Client as GrpcClient } from '@grpc/grpc-js';
import { afterEach, describe, expect, test } from 'vitest';
import { WebSocketServer } from 'ws';
import { everybody } from '../../../support/certificates.ts';
import { h2Client } from '../../../support/http2.ts';
import { Flag, frameClient, headers, Type } from '../../../support/http2-frames.ts';
import { eventually } from '../../../support/process.ts';
import { backend, begin, plane } from '../stage.ts';

const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0)) close();
});

const WEBSOCKET = {
  ':method': 'CONNECT',
  ':protocol': 'websocket',
  ':scheme': 'https',
  ':path': '/chat',
  ':authority': 'a.test',
  'sec-websocket-version': '13',
};

/** A text frame as a client masks it, with a mask of zeros. */
function text(message: string): Buffer {
  const bytes = Buffer.from(message);
  return Buffer.concat([Buffer.from([0x81, 0x80 | bytes.length, 0, 0, 0, 0]), bytes]);
}

describe('WebSocket over HTTP/2', () => {
  test('goes to the upstream as an upgrade, and both directions flow', async () => {
    const server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
    await once(server, 'listening');
    closing.push(() => server.close());
    server.on('connection', (socket, request) => {
      socket.send(`hello ${request.url} ${request.method}`);
      socket.on('message', (data) => socket.send(`echo ${data}`));
    });
    await begin(undefined, { scheme: 'https' });
    plane.setPools({ main: [(server.address() as AddressInfo).port] });
    const client = await h2Client(plane.securePort);
    if (!client.session.remoteSettings.enableConnectProtocol) await once(client.session, 'remoteSettings');
    expect(client.session.remoteSettings.enableConnectProtocol).toBe(true);
    const stream = client.session.request(WEBSOCKET, { endStream: false });
    let heard = '';
    stream.on('data', (chunk) => (heard += chunk));
    stream.on('end', () => stream.end());
    const [answer] = await once(stream, 'response');
    expect([answer[':status'], answer['sec-websocket-accept'], answer.upgrade]).toEqual([
      200,
      undefined,
      undefined,
    ]);
    stream.write(text('one'));
    await eventually(() => expect(heard).toContain('echo one'));
    expect(heard).toContain('hello /chat GET');
    for (const socket of server.clients) socket.terminate();
    await once(stream, 'close');
    client.close();
    await plane.quiet();
    expect(plane.log()).toMatchObject([{ status: 101, protocol: 'HTTP/2.0', path: '/chat' }]);
  });

  test('an upstream that refuses is heard', async () => {
    await begin((_, reply) => reply.send({ status: 403, body: 'no' }), { scheme: 'https' });
    const client = await h2Client(plane.securePort);
    if (!client.session.remoteSettings.enableConnectProtocol) await once(client.session, 'remoteSettings');
    const stream = client.session.request(WEBSOCKET, { endStream: false });
    stream.on('error', () => {});
    stream.resume();
    const [answer] = await once(stream, 'response');
    expect(answer[':status']).toBe(403);
    expect(backend.requests[0]!.header('sec-websocket-key')).toMatch(/^[\w+/]{22}==$/);
    client.close();
  });
});

test('gRPC: a call through an upstream that frames by chunks, with its status in trailers (F22)', async () => {
  await begin(
    async (request, reply) => {
      const chunks: Buffer[] = [];
      for await (const chunk of request.body) chunks.push(chunk);
      await reply.send({
        body: Buffer.concat(chunks),
        fields: [['content-type', 'application/grpc']],
        trailers: [
          ['grpc-status', '0'],
          ['x-mine', 'yes'],
        ],
      });
    },
    { scheme: 'https' },
  );
  const ca = Buffer.from((await everybody()).certPem);
  const client = new GrpcClient(
    `127.0.0.1:${plane.securePort}`,
    credentials.createSsl(ca, null, null, {
      checkServerIdentity: () => undefined,
      rejectUnauthorized: false,
    }),
  );
  closing.push(() => client.close());
  const same = (bytes: Buffer): Buffer => bytes;
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
  const trailers = Promise.withResolvers<string>();
  client
    .makeUnaryRequest('/a.B/C', same, same, Buffer.from('question'), (error, answer) =>
      error ? reject(error) : resolve(answer!),
    )
    .on('status', ({ metadata }) => trailers.resolve(String(metadata.get('x-mine'))));
  expect((await promise).toString()).toBe('question');
  expect(await trailers.promise).toBe('yes');
  client.close();
});

describe('the end of a connection', () => {
  test('is announced before it is decided, and what runs finishes (K01)', async () => {
    let release = (): void => {};
    await begin(
      async (_, reply) => {
        await new Promise<void>((resolve) => {
          release = resolve;
        });
        await reply.send({ body: 'late' });
      },
      { scheme: 'https' },
    );
    const client = await h2Client(plane.securePort);
    const goaways: number[] = [];
    client.session.on('goaway', (_code, last) => goaways.push(last));
    const running = client.request();
    await eventually(() => expect(backend.requests.length).toBe(1));
    plane.engine.drain();
    await eventually(() => expect(goaways.length).toBeGreaterThan(0));
    expect(goaways[0]).toBe(2 ** 31 - 1);
    await new Promise((resolve) => setTimeout(resolve, 700));
    release();
    expect(await running).toMatchObject({ status: 200, body: 'late', rstCode: 0 });
    await eventually(() => expect(plane.engine.clients.size).toBe(0));
  });

  test('comes after as many requests as the limit says', async () => {
    await begin(undefined, { scheme: 'https', limits: { requestsPerConnection: 3 } });
    const client = await h2Client(plane.securePort);
    const closed = once(client.session, 'close');
    for (let i = 0; i < 3; i++) expect((await client.request()).status).toBe(200);
    await closed;
  });

  test('by the upstream in the middle of a body never looks like its end (F10)', async () => {
    await begin(
      async (_, reply) => {
        await reply.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n');
        await new Promise((resolve) => setTimeout(resolve, 50));
        reply.reset();
      },
      { scheme: 'http', http2: true },
    );
    const client = await frameClient(plane.port);
    client.send(headers(1));
    await client.next(({ type }) => type === Type.reset);
    const own = client.heard.filter(({ stream }) => stream === 1);
    expect(own.map(({ type }) => type)).toEqual([Type.headers, Type.data, Type.reset]);
    expect(own.slice(0, 2).every(({ flags }) => (flags & Flag.endStream) === 0)).toBe(true);
    client.close();
  });

  test('by the upstream resets its stream and nothing else (F10)', async () => {
    await begin(
      async (request, reply) => {
        if (request.target === '/ok') return reply.send();
        await reply.write('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf');
        reply.reset();
      },
      { scheme: 'https' },
    );
    const client = await h2Client(plane.securePort);
    const cut = await client.request({ ':path': '/cut' });
    // Node's client finds the length wrong before it hears of the reset.
    expect(cut.rstCode).toBeGreaterThan(0);
    expect((await client.request({ ':path': '/ok' })).status).toBe(200);
    client.close();
  });
});
