/** `maxconn` for connections that are passed on: those beyond it wait their turn. */
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { expect, test } from 'vitest';
import { eventually } from '../../../support/process.ts';
import { begin, echo, instance, lines, named, PORT, plane, TCP, talk } from './stage.ts';

/** One instance with room for one connection, which somebody has. */
async function beginFull(options: Parameters<typeof begin>[1] = {}): Promise<ReturnType<typeof talk>> {
  await begin([await instance(echo)], { maxconn: 1, ...options });
  const holder = talk('first');
  await holder.hears(/first/);
  return holder;
}

const waiting = (count: number): Promise<boolean> => eventually(() => plane.queued().waiting === count);

test('a connection beyond it waits, with what it has sent, until another one ends', async () => {
  const holder = await beginFull();
  const [second, third] = [talk('sec'), talk('third')];
  await waiting(2);
  second.socket.write('ond');
  expect([second.text, third.text, plane.inFlight()]).toEqual(['', '', 1]);
  holder.socket.end();
  await second.hears(/^second$/);
  expect(third.text).toBe('');
  second.socket.end();
  await third.hears(/^third$/);
  third.socket.end();
  expect(await lines(3)).toMatchObject([{ bytesIn: 5 }, { bytesIn: 6 }, { bytesIn: 5 }]);
});

test('one that sends all it has and ends its side still gets its answer', async () => {
  const holder = await beginFull();
  const second = talk();
  second.socket.end('a question');
  await waiting(1);
  holder.socket.end();
  await second.hears(/^a question$/);
  expect(await second.ended()).toBe('end');
});

test('who waits and sends much is not read on', async () => {
  const holder = await beginFull();
  const second = talk();
  await waiting(1);
  const bytes = 8 * 1024 * 1024;
  second.socket.write(Buffer.alloc(bytes, 'x'));
  // What the router did not take stays with the client.
  await eventually(() => second.socket.writableLength > 0 && second.socket.bytesWritten > 0);
  await new Promise((resolve) => setTimeout(resolve, 100));
  expect(second.socket.writableLength).toBeGreaterThan(0);
  holder.socket.end();
  await eventually(() => expect(second.text.length).toBe(bytes), { timeoutMs: 10_000 });
  second.socket.end();
});

test.each([
  ['closes', (socket: Socket) => void socket.end(), 'client_closed', 200],
  ['is reset', (socket: Socket) => void socket.resetAndDestroy(), 'client_reset', 499],
])('a client that %s while it waits gives its place up', async (_, leave, reason, status) => {
  const holder = await beginFull();
  const second = talk();
  await waiting(1);
  leave(second.socket);
  await waiting(0);
  expect(await lines(1)).toMatchObject([{ reason, status, endpoint: '' }]);
  expect(plane.inFlight()).toBe(1);
  holder.socket.end();
});

test('too many that wait, or one that waits for too long, are reset', async () => {
  const holder = await beginFull({ limits: { queue: 1 }, timeouts: { queueMs: 300 } });
  const second = talk();
  await waiting(1);
  const third = talk();
  expect(await third.ended()).toBe('reset');
  expect(await second.ended()).toBe('reset');
  expect(await lines(2)).toMatchObject([
    { reason: 'overloaded', status: 503 },
    { reason: 'overloaded', status: 503 },
  ]);
  expect(plane.queued()).toMatchObject({ timeouts: 1, overflows: 1 });
  holder.socket.end();
});

test('when the last instance leaves, who waits is told at once', async () => {
  const holder = await beginFull();
  const second = talk();
  await waiting(1);
  plane.setPools({ main: [] });
  expect(await second.ended()).toBe('reset');
  expect(await lines(1)).toMatchObject([{ reason: 'no_healthy_instance', status: 503 }]);
  holder.socket.end();
});

test('when the pool itself goes, its route is looked up anew, with who may go there', async () => {
  const holder = await beginFull();
  const [second, other] = [talk(), await instance(named('other'))];
  await waiting(1);
  plane.setPools({ next: [other] }, [], null);
  plane.setRoutes([{ ...TCP, pool: 'next' }]);
  plane.setPools({}, ['main']);
  await second.hears(/other/);
  second.socket.end();
  holder.socket.destroy();
  expect(await lines(2)).toContainEqual(expect.objectContaining({ service: 'next' }));
});

test.each([
  ['refuses the client', { deny: ['127.0.0.1'] }, 'denied'],
  ['is not there', null, 'no_healthy_instance'],
])('when the pool goes and the route %s, it ends', async (_, options, reason) => {
  const holder = await beginFull();
  const second = talk();
  await waiting(1);
  plane.setPools({ next: [await instance(echo)] }, [], null);
  if (options === null) plane.setRoutes([], [`tcp:${PORT}`]);
  else plane.setRoutes([{ ...TCP, pool: 'next', options }]);
  plane.setPools({}, ['main']);
  expect(await second.ended()).toBe('reset');
  expect(await lines(1)).toContainEqual(expect.objectContaining({ reason }));
  holder.socket.destroy();
  await once(holder.socket, 'close');
});
