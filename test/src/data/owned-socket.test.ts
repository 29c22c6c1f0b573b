import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { reset } from '../../../src/data/owned-socket.ts';

let server: Server;
let ours: Socket;
let theirs: Socket;
/** What our socket told: its error's code, and its end. */
const told: string[] = [];

beforeEach(async () => {
  told.length = 0;
  server = createServer({ allowHalfOpen: true });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  ours = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  [theirs] = (await once(server, 'connection')) as [Socket];
  if (ours.connecting) await once(ours, 'connect');
  ours.on('error', ({ message }) => told.push(message));
  ours.on('close', () => told.push('close'));
});

afterEach(() => {
  ours.destroy();
  theirs.destroy();
  server.close();
});

/** How the peer learns of it. */
async function ending(): Promise<string> {
  theirs.resume();
  return new Promise((resolve) => {
    theirs.on('error', ({ message }) => resolve(message));
    theirs.on('end', () => resolve('end'));
  });
}

test('the peer of a connection that is reset does not see an end', async () => {
  ours.write('half of it');
  reset(ours);
  expect(await ending()).toMatch(/ECONNRESET/);
  expect(told).toEqual(['close']);
});

test('a connection whose end is on its way out closes all the same', async () => {
  ours.end();
  reset(ours);
  expect(await ending()).toBe('end');
  await expect.poll(() => told).toEqual(['close']);
});

test('a connection that has ended is reset', async () => {
  ours.end();
  await once(ours, 'finish');
  const closed = once(ours, 'close');
  reset(ours);
  await closed;
  expect(told).toEqual(['close']);
});

test('what waits for a slow peer is not followed by an end', async () => {
  theirs.pause();
  ours.end(Buffer.alloc(32 * 1024 * 1024));
  expect(ours.writableLength).toBeGreaterThan(0);
  reset(ours);
  expect(await ending()).toMatch(/ECONNRESET/);
  await expect.poll(() => told).toEqual(['close']);
});
