/** Clients that leave: whatever was done for them ends, and nothing is left over (F19). */
import { connect, type Socket } from 'node:net';
import { expect, test } from 'vitest';
import { Family } from '../../../src/shared/counters.ts';
import { type Handler, huge } from '../../support/backend.ts';
import { get } from '../../support/client.ts';
import { head, type PlaneOptions } from '../../support/engine.ts';
import { eventually } from '../../support/process.ts';
import { backend, begin, plane } from './stage.ts';

const H = 'Host: a';
/** Never answers; like any server it gives up when the router does. */
const never: Handler = async (_, reply) => {
  await new Promise((resolve) => reply.socket.once('end', resolve).once('close', resolve));
  reply.closing = true;
};
/** Sends a part of its answer and then nothing more. */
const stalling: Handler = async (request, reply) => {
  await reply.head(200, [['Content-Length', '1000000']]);
  await reply.write('x'.repeat(50_000));
  await never(request, reply);
};
const readAll: Handler = async (request) => {
  for await (const _ of request.body);
};
const tunnel: Handler = async (_, reply) => {
  reply.takeOver();
  reply.socket.resume().on('error', () => {});
  reply.socket.on('end', () => reply.socket.end());
  await reply.write(head('HTTP/1.1 101 X', 'Connection: Upgrade', 'Upgrade: raw'));
};

const POST = head('POST / HTTP/1.1', H, 'Content-Length: 100000');
const CHUNKS = `${head('POST / HTTP/1.1', H, 'Transfer-Encoding: chunked')}5\r\nhello\r\n`;
const UPGRADE = head('GET / HTTP/1.1', H, 'Connection: Upgrade', 'Upgrade: raw');
const UPLOADING = () => expect(backend.requests[0]!.bodyBytes).toBeGreaterThan(0);
const ASKED = () => expect(backend.requests.length).toBe(1);

/** What is sent, what the backend does, and when the client leaves. */
const PHASES: [phase: string, bytes: string, handler: Handler, when: () => void, reads?: boolean][] = [
  ['before a byte', '', never, () => expect(plane.engine.clients.size).toBe(1)],
  ['in the head', 'GET / HT', never, () => expect(plane.engine.clients.size).toBe(1)],
  ['in an upload', `${POST}hello`, readAll, UPLOADING],
  ['in a chunked upload', CHUNKS, readAll, UPLOADING],
  ['before the answer', head('GET / HTTP/1.1', H), never, ASKED],
  [
    'before the answer to a POST',
    POST + 'x'.repeat(100_000),
    readAll,
    () => expect(backend.requests[0]?.complete).toBe(true),
  ],
  ['in a pipeline', head('GET / HTTP/1.1', H).repeat(50), never, ASKED],
  ['in a download', head('GET / HTTP/1.1', H), huge(50_000_000), ASKED, true],
  ['in a chunked download', head('GET / HTTP/1.1', H), huge(50_000_000, 'chunked'), ASKED, true],
  ['in a download it does not read', head('GET / HTTP/1.1', H), huge(50_000_000), ASKED],
  ['in a tunnel', `${UPGRADE}hello`, tunnel, ASKED, true],
];

test.each(PHASES.flatMap((row) => [['closes', ...row] as const, ['resets', ...row] as const]))(
  'a client that %s %s leaves nothing behind',
  async (how, _, bytes, handler, when, reads = false) => {
    await begin(handler);
    const socket = connect(plane.port, '127.0.0.1');
    socket.on('error', () => {});
    if (reads) socket.resume();
    socket.write(bytes);
    await eventually(when);
    if (how === 'closes') socket.destroy();
    else socket.resetAndDestroy();
    const left = performance.now();
    await eventually(() => expect(backend.connections).toBe(0));
    expect(performance.now() - left).toBeLessThan(1000);
    await plane.quiet();
    expect(plane.endpoint(backend.port).connections.size).toBe(0);
    for (const family of [Family.connections, Family.requestsInFlight]) expect(plane.sum(family)).toBe(0);
  },
);

test('the log says 499 for a client that did not wait', async () => {
  await begin(never);
  const socket = connect(plane.port, '127.0.0.1');
  socket.write(head('GET / HTTP/1.1', H));
  await eventually(ASKED);
  socket.destroy();
  await plane.quiet();
  expect(plane.log().map((line) => line.status)).toEqual([499]);
});

const CROWDS: [what: string, bytes: string, handler: Handler][] = [
  ['uploads', `${POST}hello`, readAll],
  ['downloads', head('GET / HTTP/1.1', H), stalling],
  ['tunnels', `${UPGRADE}hello`, tunnel],
];

test.each(CROWDS)(
  '1,000 clients that abort their %s leave nothing behind',
  { timeout: 30_000 },
  async (...row) => {
    const [, bytes, handler] = row;
    const options: PlaneOptions = { timeouts: { connectMs: 20_000 } };
    await begin(handler, options);
    await get(plane.port, { path: '/', timeoutMs: 300 }).catch(() => {});
    await plane.quiet();
    const baseline = plane.engine.deadlines.size;
    for (let round = 0; round < 5; round++) {
      const before = backend.requests.length;
      const clients: Socket[] = [];
      for (let i = 0; i < 200; i++) {
        const socket = connect(plane.port, '127.0.0.1');
        socket.on('error', () => {});
        socket.write(bytes);
        clients.push(socket);
      }
      await eventually(() => expect(backend.requests.length - before).toBe(200), { timeoutMs: 10_000 });
      expect(plane.engine.clients.size).toBeGreaterThanOrEqual(200);
      for (const [i, socket] of clients.entries()) {
        if (i % 2 === 0) socket.destroy();
        else socket.resetAndDestroy();
      }
      await plane.quiet();
    }
    await eventually(() => expect(plane.engine.deadlines.size).toBeLessThanOrEqual(baseline));
    await eventually(() => expect(backend.connections).toBeLessThanOrEqual(baseline));
    for (const family of [Family.connections, Family.requestsInFlight]) expect(plane.sum(family)).toBe(0);
  },
);
