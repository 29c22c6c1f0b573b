/** Request bodies that come too slowly. The clock of the deadlines is moved by hand. */
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { describe, expect, test } from 'vitest';
import type { PlaneOptions } from '../../support/engine.ts';
import { head } from '../../support/engine.ts';
import { eventually } from '../../support/process.ts';
import { backend, begin as beginStage, plane } from './stage.ts';

const SLOW: PlaneOptions = {
  limits: { bodyRate: 100 },
  timeouts: { streamIdleMs: 60_000, responseMs: 60_000 },
};
const CHUNKED = head('POST / HTTP/1.1', 'Host: a', 'Transfer-Encoding: chunked');

/** From here on no deadline passes by itself. */
async function begin(...options: Parameters<typeof beginStage>): Promise<void> {
  await beginStage(...options);
  plane.engine.deadlines.close();
}

interface Upload {
  readonly socket: Socket;
  text: string;
  isOver: boolean;
}

/** Starts a request; resolves when the backend has its head. */
async function upload(first: string): Promise<Upload> {
  const self: Upload = { socket: connect(plane.port, '127.0.0.1'), text: '', isOver: false };
  self.socket.on('data', (bytes) => {
    self.text += bytes.toString('latin1');
  });
  self.socket.on('error', () => {});
  self.socket.on('close', () => {
    self.isOver = true;
  });
  self.socket.write(first);
  await eventually(() => plane.inFlight() === 1);
  return self;
}

/** Sends body bytes and waits until the backend has as many. */
async function more(one: Upload, bytes: number): Promise<void> {
  const before = backend.requests[0]?.bodyBytes ?? 0;
  one.socket.write(`${bytes.toString(16)}\r\n${'x'.repeat(bytes)}\r\n`);
  await eventually(() => backend.requests[0]?.bodyBytes === before + bytes);
}

/** The clock goes on by this much. */
function later(ms: number): void {
  plane.engine.deadlines.sweep(plane.engine.deadlines.now + ms);
}

async function isRefused(one: Upload): Promise<void> {
  await eventually(() => one.isOver);
  expect(one.text).toMatch(/(^|\r\n\r\n)HTTP\/1\.1 408 [\s\S]*\r\nX-Fairlead-Reason: request_timeout\r\n/);
  await plane.quiet();
  expect(backend.requests.every((request) => !request.complete)).toBe(true);
}

describe('limits.bodyRate', () => {
  test('nothing after the grace: 408, and the upstream gets no whole request (E02)', async () => {
    await begin(undefined, SLOW);
    const one = await upload(CHUNKED);
    await more(one, 10);
    later(4000);
    expect(plane.inFlight()).toBe(1);
    later(1100);
    await isRefused(one);
  });

  test('each interval counts by itself: what came early does not pay for later', async () => {
    await begin(undefined, SLOW);
    const one = await upload(CHUNKED);
    await more(one, 5000);
    later(5000);
    await more(one, 800);
    later(5000);
    expect(plane.inFlight()).toBe(1);
    await more(one, 100);
    later(5000);
    await isRefused(one);
  });

  test('0 allows any', async () => {
    await begin(undefined, { ...SLOW, limits: { bodyRate: 0 } });
    const one = await upload(CHUNKED);
    await more(one, 1);
    later(30_000);
    await more(one, 1);
    one.socket.write('0\r\n\r\n');
    await eventually(() => expect(one.text).toMatch(/^HTTP\/1\.1 200 /));
    one.socket.destroy();
  });

  test('a body whose answer has begun has its own pace', async () => {
    await begin(async (request, reply) => {
      await reply.head(200, [['Transfer-Encoding', 'chunked']]);
      for await (const bytes of request.body) await reply.chunk(bytes);
      await reply.write('0\r\n\r\n');
    }, SLOW);
    const one = await upload(CHUNKED);
    await eventually(() => one.text.includes('HTTP/1.1 200 '));
    await more(one, 1);
    later(12_000);
    await more(one, 1);
    one.socket.write('0\r\n\r\n');
    await eventually(() => one.text.endsWith('\r\n0\r\n\r\n'));
    one.socket.destroy();
  });

  test('who waits for 100 Continue is not slow, nor just after it', async () => {
    const [gate, reached] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    await begin(async (request, reply) => {
      reached.resolve();
      await gate.promise;
      await reply.write(head('HTTP/1.1 100 Continue'));
      for await (const _ of request.body);
      await reply.send();
    }, SLOW);
    const one = await upload(
      head('POST / HTTP/1.1', 'Host: a', 'Expect: 100-continue', 'Transfer-Encoding: chunked'),
    );
    await reached.promise;
    later(5000);
    later(5000);
    gate.resolve();
    await eventually(() => one.text.includes(' 100 '));
    later(5000);
    expect(plane.inFlight()).toBe(1);
    later(5000);
    await isRefused(one);
  });

  test('an interval with a pause of ours does not count, the next one does', async () => {
    const [taken, sockets] = [{ bytes: 0 }, [] as Socket[]];
    const server = createServer((socket) => {
      sockets.push(socket.pause());
      socket.on('error', () => {});
      socket.on('data', (bytes) => {
        taken.bytes += bytes.length;
      });
      socket.pause();
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const MiB = 1024 * 1024;
    await begin(undefined, { ...SLOW, limits: { bodyRate: 1024 * MiB } });
    plane.setPools({ main: [(server.address() as { port: number }).port] });
    const one = await upload(head('POST / HTTP/1.1', 'Host: a', `Content-Length: ${64 * MiB}`));
    one.socket.write(Buffer.alloc(16 * MiB));
    const [client] = plane.http1();
    await eventually(() => client!.isPaused);
    sockets[0]!.resume();
    await eventually(() => taken.bytes > 16 * MiB && !client!.isPaused);
    later(5000);
    expect(plane.inFlight()).toBe(1);
    later(5000);
    await isRefused(one);
    server.close();
  });

  test('an upstream that does not take the body is no fault of the client', async () => {
    const deaf: Socket[] = [];
    const server = createServer((socket) => {
      deaf.push(socket.pause());
      socket.on('error', () => {});
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    await begin(undefined, SLOW);
    plane.setPools({ main: [(server.address() as { port: number }).port] });
    const size = 64 * 1024 * 1024;
    const one = await upload(head('POST / HTTP/1.1', 'Host: a', `Content-Length: ${size}`));
    one.socket.write(Buffer.alloc(size));
    await eventually(() => plane.http1().some((client) => client.isPaused));
    for (let i = 0; i < 4; i++) later(5000);
    expect(plane.inFlight()).toBe(1);
    expect(one.text).toBe('');
    one.socket.destroy();
    for (const socket of deaf) socket.destroy();
    server.close();
  });
});
