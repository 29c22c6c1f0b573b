/** Upgrades: the connection changes its protocol, and with it who may end what when. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { echoWebSocket, type Handler } from '../../support/backend.ts';
import { rawRequest } from '../../support/client.ts';
import { head } from '../../support/engine.ts';
import { eventually } from '../../support/process.ts';
import { backend, begin, plane } from './stage.ts';

const UPGRADE = head('GET /ws HTTP/1.1', 'Host: a', 'Connection: keep-alive, Upgrade', 'Upgrade: raw');
const SWITCH = head(
  'HTTP/1.1 101 Switching',
  'Connection: upgrade, X-Hop',
  'Upgrade: raw',
  'X-Hop: 1',
  'X-Ok: 1',
);

/** The backend's sockets that have switched, in order; nothing is done with them. */
function switching(sockets: Socket[], early = ''): Handler {
  return async (_, reply) => {
    const rest = reply.takeOver();
    reply.socket.pause().on('error', () => {});
    sockets.push(reply.socket);
    await reply.write(SWITCH + early);
    if (rest.length > 0) reply.socket.unshift(rest);
  };
}

/** What a socket receives, as text so far. */
function heard(socket: Socket): { text: string; ended: boolean; error: string } {
  const state = { text: '', ended: false, error: '' };
  socket.on('data', (bytes) => {
    state.text += bytes.toString('latin1');
  });
  socket.on('end', () => {
    state.ended = true;
  });
  socket.on('error', (error: NodeJS.ErrnoException) => {
    state.error = error.code ?? 'error';
  });
  socket.resume();
  return state;
}

async function open(early = ''): Promise<[client: Socket, upstream: Socket]> {
  const sockets: Socket[] = [];
  await begin(switching(sockets, early));
  const client = connect({ port: plane.port, host: '127.0.0.1', allowHalfOpen: true });
  client.write(UPGRADE);
  await eventually(() => sockets.length === 1);
  return [client, sockets[0]!];
}

test('WebSocket messages of any size go both ways and the close handshake ends everything', async () => {
  await begin(echoWebSocket);
  const socket = new WebSocket(`ws://127.0.0.1:${plane.port}/chat`);
  await once(socket, 'open');
  expect(plane.inFlight()).toBe(1);
  for (const message of ['hi', 'x'.repeat(70_000), 'y'.repeat(3_000_000)]) {
    socket.send(message);
    const [data] = (await once(socket, 'message')) as [Buffer];
    expect(data.toString() === message).toBe(true);
  }
  socket.close(1000);
  await once(socket, 'close');
  await plane.quiet();
  expect(plane.log()[0]).toMatchObject({ status: 101, path: '/chat' });
  expect(plane.log()[0]!.bytesIn).toBeGreaterThan(3_000_000);
});

test('the heads of a switch are written anew', async () => {
  const [client] = await open();
  const state = heard(client);
  await eventually(() => expect(state.text).toContain('\r\n\r\n'));
  expect(state.text).toBe(head('HTTP/1.1 101 Switching', 'Connection: Upgrade', 'X-Ok: 1', 'Upgrade: raw'));
  const { header } = backend.requests[0]!;
  expect([header('connection'), header('upgrade')]).toEqual(['Upgrade', 'raw']);
  client.resetAndDestroy();
});

test('bytes that come with the 101 arrive, from either side (A50)', async () => {
  const sockets: Socket[] = [];
  await begin(switching(sockets, 'early'));
  const client = connect(plane.port, '127.0.0.1');
  const state = heard(client);
  client.write(`${UPGRADE}before`);
  await eventually(() => sockets.length === 1);
  const upstream = heard(sockets[0]!);
  await eventually(() => expect(state.text).toMatch(/\r\n\r\nearly$/));
  await eventually(() => expect(upstream.text).toBe('before'));
  // Held until the 101: the head came alone.
  expect(backend.requests[0]!.head.endsWith('\r\n\r\n')).toBe(true);
  client.resetAndDestroy();
});

test('a request that is pipelined behind a refused upgrade is not read (A50)', async () => {
  await begin((_, reply) => reply.send({ status: 200, body: 'no' }));
  const { responses, closed } = await rawRequest(plane.port, UPGRADE + head('GET /2 HTTP/1.1', 'Host: a'));
  expect(responses.map((one) => [one.status, one.body])).toEqual([[200, 'no']]);
  expect(responses[0]!.headers.get('connection')).toBe('close');
  expect(closed).toBe('end');
  expect(backend.requests.length).toBe(1);
});

test.each([200, 403, 404, 500])('a %i to an upgrade is a plain answer (F14)', async (status) => {
  await begin((_, reply) => reply.send({ status, body: 'no' }));
  const { responses, closed } = await rawRequest(plane.port, UPGRADE);
  expect(responses.map((one) => [one.status, one.body])).toEqual([[status, 'no']]);
  expect(closed).toBe('end');
});

test('an upgrade that we refuse ourselves ends the connection too (A50)', async () => {
  await begin(undefined, { routes: [] });
  const { responses, closed } = await rawRequest(plane.port, UPGRADE + head('GET /2 HTTP/1.1', 'Host: a'));
  expect(responses.map((one) => one.status)).toEqual([404]);
  expect(closed).toBe('end');
});

test('h2c is stripped and the request served as it is (A52)', async () => {
  await begin();
  const fields = ['Connection: Upgrade, HTTP2-Settings', 'Upgrade: h2c', 'HTTP2-Settings: AAMAAABkAAQ'];
  const { responses } = await rawRequest(plane.port, head('GET / HTTP/1.1', 'Host: a', ...fields), {
    until: 1,
  });
  expect(responses.map((one) => one.status)).toEqual([200]);
  expect(backend.requests[0]!.head).not.toMatch(/upgrade|http2|h2c/i);
  expect(backend.requests[0]!.header('connection')).toBeUndefined();
});

test.each([
  ['without Connection', head('GET / HTTP/1.1', 'Host: a', 'Upgrade: raw')],
  ['in HTTP/1.0', head('GET / HTTP/1.0', 'Connection: Upgrade', 'Upgrade: raw')],
  [
    'with a body',
    `${head('POST / HTTP/1.1', 'Host: a', 'Connection: Upgrade', 'Upgrade: raw', 'Content-Length: 1')}x`,
  ],
])('Upgrade %s is none', async (_, bytes) => {
  await begin();
  const { responses } = await rawRequest(plane.port, bytes, { until: 1 });
  expect(responses[0]!.status).toBe(200);
  expect(backend.requests[0]!.header('upgrade')).toBeUndefined();
});

test('the client ends its side and still hears the rest (E13)', async () => {
  const [client, upstream] = await open();
  const [mine, theirs] = [heard(client), heard(upstream)];
  client.end('last');
  await eventually(() => expect(theirs).toMatchObject({ text: 'last', ended: true }));
  upstream.write('more');
  await eventually(() => expect(mine.text).toMatch(/more$/));
  expect(mine.ended).toBe(false);
  upstream.end('bye');
  await eventually(() => expect(mine).toMatchObject({ ended: true, error: '' }));
  expect(mine.text).toMatch(/morebye$/);
});

test('the upstream ends its side and still hears the rest (E13)', async () => {
  const [client, upstream] = await open();
  const [mine, theirs] = [heard(client), heard(upstream)];
  upstream.end('last');
  await eventually(() => expect(mine).toMatchObject({ ended: true }));
  client.write('more');
  await eventually(() => expect(theirs.text).toBe('more'));
  client.end('bye');
  await eventually(() => expect(theirs).toMatchObject({ text: 'morebye', ended: true, error: '' }));
});

test('a lot to send when both sides have ended arrives whole', async () => {
  const [client, upstream] = await open();
  const theirs = heard(upstream);
  upstream.pause();
  client.resume();
  const block = 'x'.repeat(2_000_000);
  client.end(block);
  upstream.end();
  await eventually(() => expect(plane.engine.clients.size).toBeLessThan(2));
  upstream.resume();
  await eventually(() => expect([theirs.text.length, theirs.ended]).toEqual([block.length, true]));
});

test.each(['client', 'upstream'])('a reset by the %s is a reset for the other', async (who) => {
  const [client, upstream] = await open();
  const [mine, theirs] = [heard(client), heard(upstream)];
  await eventually(() => expect(mine.text).not.toBe(''));
  (who === 'client' ? client : upstream).resetAndDestroy();
  await eventually(() => expect((who === 'client' ? theirs : mine).error).toBe('ECONNRESET'));
  await plane.quiet();
});

test('a tunnel in which nothing moves is closed in time, also after its buffers were full (E13)', async () => {
  const sockets: Socket[] = [];
  await begin(switching(sockets), { timeouts: { tunnelIdleMs: 1500 } });
  const client = connect(plane.port, '127.0.0.1');
  const state = heard(client);
  client.write(UPGRADE);
  await eventually(() => sockets.length === 1);
  client.pause();
  const size = 20_000_000;
  sockets[0]!.write(Buffer.alloc(size));
  await eventually(() => expect(plane.http1()[0]!.hasUnsent).toBe(true));
  client.resume();
  await eventually(() => expect(state.text.length).toBeGreaterThan(size));
  // The buffers may run empty after the last byte has moved.
  for (const one of plane.http1()) one.onDrain();
  await plane.quiet();
});

test('a reader that is slow stops the sender, in both directions (E13)', async () => {
  const [client, upstream] = await open();
  client.pause();
  const size = 40_000_000;
  client.write(Buffer.alloc(size));
  upstream.write(Buffer.alloc(size));
  // Both sides stand still with most of it unsent.
  let last = [0, 0];
  await eventually(async () => {
    await new Promise((resolve) => setTimeout(resolve, 50));
    const now = [client.writableLength, upstream.writableLength];
    const isSteady = now.every((unsent, i) => unsent === last[i]);
    last = now;
    expect(isSteady).toBe(true);
  });
  const [mine, theirs] = [heard(client), heard(upstream)];
  client.resume();
  upstream.resume();
  await eventually(() => expect([mine.text.length > size, theirs.text.length]).toEqual([true, size]));
  client.resetAndDestroy();
});

test('a client that ended its side and never hears of the upstream is not kept for long', async () => {
  const sockets: Socket[] = [];
  await begin(switching(sockets), { timeouts: { tunnelIdleMs: 60_000, streamIdleMs: 200 } });
  const client = connect({ port: plane.port, host: '127.0.0.1', allowHalfOpen: true });
  client.write(UPGRADE);
  await eventually(() => sockets.length === 1);
  client.on('error', () => {}).end();
  await plane.quiet();
  client.destroy();
});

test('an upgrade that also asks for trailers is still an upgrade', async () => {
  const sockets: Socket[] = [];
  await begin(switching(sockets));
  const client = connect(plane.port, '127.0.0.1');
  client.write(head('GET / HTTP/1.1', 'Host: a', 'Connection: TE, Upgrade', 'Upgrade: raw', 'TE: trailers'));
  await eventually(() => sockets.length === 1);
  expect(backend.requests[0]!.header('upgrade')).toBe('raw');
  client.resetAndDestroy();
});
