/** Large bodies: whole, in bounded memory, and no faster than the slower side. */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { connect } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { type Backend, digestUpload, type Handler, huge, startBackend } from '../../support/backend.ts';
import { head, type Plane, startPlane } from '../../support/engine.ts';
import { liveBytes } from '../../support/memory.ts';
import { eventually } from '../../support/process.ts';

const SIZE = 100 * 1024 * 1024;
/** Measured: below 1 MiB down, up to 11 MiB up (4 are the backend's transcript); a body that is kept is a hundred. */
const GROWTH = 20 * 1024 * 1024;

let backend: Backend;
let plane: Plane;

async function begin(handler: Handler): Promise<void> {
  backend = await startBackend({ name: 'b1', handler });
  plane = await startPlane({ pools: { main: [backend.port] } });
}

afterEach(async () => {
  await plane.quiet();
  await plane.close();
  expect(backend.violations).toEqual([]);
  await backend.kill();
});

/** How far live memory grows while something runs, what is only not collected yet left out; client and backend included. */
async function growth(run: () => Promise<void>): Promise<number> {
  const before = liveBytes();
  let most = before;
  const timer = setInterval(() => {
    most = Math.max(most, liveBytes());
  }, 100);
  await run();
  clearInterval(timer);
  return most - before;
}

/** Reads an answer, its payload undecoded, and counts its bytes after the head. */
async function download(version: string): Promise<number> {
  const socket = connect(plane.port, '127.0.0.1');
  socket.write(head(`GET / HTTP/${version}`, 'Host: a', 'Connection: close'));
  let bytes = 0;
  for await (const chunk of socket) bytes += (chunk as Buffer).length;
  return bytes;
}

test.each([
  ['length', '1.1'],
  ['chunked', '1.1'],
  ['close', '1.1'],
  ['chunked', '1.0'],
] as const)('100 MB down, framed by %s, to HTTP/%s, in bounded memory', async (framing, version) => {
  await begin(huge(SIZE, framing));
  let bytes = 0;
  const grown = await growth(async () => {
    bytes = await download(version);
  });
  expect(bytes).toBeGreaterThan(SIZE);
  expect(bytes).toBeLessThan(SIZE * 1.01);
  expect(grown).toBeLessThan(GROWTH);
});

test.each(['length', 'chunked'] as const)('100 MB up, framed by %s, in bounded memory', async (framing) => {
  await begin(digestUpload);
  const block = Buffer.alloc(65_536, 'fairlead ');
  const hash = createHash('sha256');
  for (let sent = 0; sent < SIZE; sent += block.length) hash.update(block);
  const isChunked = framing === 'chunked';
  const piece = isChunked ? Buffer.concat([Buffer.from('10000\r\n'), block, Buffer.from('\r\n')]) : block;
  let answer = '';
  const grown = await growth(async () => {
    const socket = connect(plane.port, '127.0.0.1');
    socket.on('data', (bytes) => {
      answer += bytes;
    });
    const field = isChunked ? 'Transfer-Encoding: chunked' : `Content-Length: ${SIZE}`;
    socket.write(head('PUT / HTTP/1.1', 'Host: a', 'Connection: close', field));
    for (let sent = 0; sent < SIZE; sent += block.length) {
      if (!socket.write(piece)) await once(socket, 'drain');
    }
    if (isChunked) socket.write('0\r\n\r\n');
    await once(socket, 'end');
  });
  expect(answer).toContain(`"bytes":${SIZE},"sha256":"${hash.digest('hex')}"`);
  expect(grown).toBeLessThan(GROWTH);
});

test('a client that does not read stops the upstream, and gets everything once it reads', async () => {
  let sent = 0;
  await begin(async (_, reply) => {
    await reply.head(200, [['Content-Length', String(SIZE)]]);
    const block = Buffer.alloc(65_536);
    for (; sent < SIZE; sent += block.length) await reply.write(block);
  });
  const socket = connect(plane.port, '127.0.0.1').pause();
  socket.write(head('GET / HTTP/1.1', 'Host: a'));
  await steady(() => sent);
  // What the kernel's buffers on the way hold, and not the whole.
  expect(sent).toBeGreaterThan(0);
  expect(sent).toBeLessThan(SIZE / 2);
  let bytes = 0;
  socket.on('data', (chunk) => {
    bytes += chunk.length;
  });
  socket.resume();
  await eventually(() => expect(bytes).toBeGreaterThan(SIZE), { timeoutMs: 10_000 });
  socket.destroy();
});

test('an upstream that does not read stops the client, and gets everything once it reads', async () => {
  const gate = Promise.withResolvers<void>();
  await begin(async (request, reply) => {
    await gate.promise;
    await digestUpload(request, reply);
  });
  const socket = connect(plane.port, '127.0.0.1');
  socket.write(head('PUT / HTTP/1.1', 'Host: a', `Content-Length: ${SIZE}`));
  let sent = 0;
  const sending = (async () => {
    const block = Buffer.alloc(65_536);
    for (; sent < SIZE; sent += block.length) if (!socket.write(block)) await once(socket, 'drain');
  })();
  await steady(() => sent);
  expect(sent).toBeLessThan(SIZE / 2);
  gate.resolve();
  const [answer] = (await once(socket, 'data')) as [Buffer];
  expect(answer.toString()).toContain(`"bytes":${SIZE}`);
  await sending;
  socket.destroy();
});

/** Waits until a number has grown and then stands still. */
async function steady(read: () => number): Promise<void> {
  let last = -1;
  await eventually(async () => {
    const now = read();
    const isSteady = now > 0 && now === last;
    last = now;
    if (!isSteady) await new Promise((resolve) => setTimeout(resolve, 100));
    expect(isSteady).toBe(true);
  });
}
