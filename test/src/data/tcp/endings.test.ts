import type { Socket } from 'node:net';
import { describe, expect, test } from 'vitest';
import { Family } from '../../../../src/shared/counters.ts';
import { eventually } from '../../../support/process.ts';
import { accepted, begin, echo, instance, lines, named, plane, TCP, talk } from './stage.ts';

describe('silence', () => {
  test('a connection in which nothing moves ends orderly; one in which something moves does not', async () => {
    await begin([await instance(echo)], { timeouts: { tcpIdleMs: 400 } });
    const [quiet, busy] = [talk('a'), talk('b')];
    const timer = setInterval(() => busy.socket.write('b'), 50);
    expect(await quiet.ended()).toBe('end');
    expect(await lines(1)).toMatchObject([{ reason: 'idle', status: 200 }]);
    expect(busy.ending).toBe('');
    clearInterval(timer);
    expect(await busy.ended()).toBe('end');
  });

  test('what nobody reads after both have ended is given up', async () => {
    await begin([await instance((socket) => void socket.end(Buffer.alloc(16 * 1024 * 1024)))], {
      timeouts: { tcpIdleMs: 300 },
    });
    const client = talk();
    client.socket.pause();
    client.socket.end();
    const [line] = await lines(1);
    expect(line).toMatchObject({ reason: 'client_closed' });
    expect(plane.inFlight()).toBe(0);
  });
});

describe('slowness', () => {
  /** A stream of which the client's side, or the instance's, does not take what it is sent. */
  async function stuck(side: 'client' | 'instance') {
    const piece = Buffer.alloc(64 * 1024);
    const flood = (socket: Socket): void => {
      const pour = (): void => {
        while (!socket.destroyed && socket.write(piece));
      };
      socket.on('drain', pour);
      pour();
    };
    const isClient = side === 'client';
    const server = await instance((socket) => void (isClient ? flood(socket) : socket.pause()));
    await begin([server], { timeouts: { tcpIdleMs: 300 } });
    const client = talk();
    if (isClient) client.socket.pause();
    else flood(client.socket);
    await eventually(() => plane.engine.streams.size === 1);
    const [passed] = [...accepted];
    const [upstream] = [...plane.endpoint(server).connections] as unknown as { socket: Socket }[];
    const slow = isClient ? passed! : upstream!.socket;
    await eventually(() => slow.writableNeedDrain);
    return { client, slow };
  }

  test.each(['client', 'instance'] as const)(
    'a slow %s that takes a little each time is not silence',
    async (side) => {
      const { client, slow } = await stuck(side);
      // What the system takes at a time is not for a test to say.
      let left = 128 * 1024;
      Object.defineProperty(slow, 'writableLength', { get: () => left });
      const timer = setInterval(() => {
        left -= 1000;
      }, 50);
      await new Promise((resolve) => setTimeout(resolve, 1_200));
      expect([client.ending, plane.engine.streams.size]).toEqual(['', 1]);
      clearInterval(timer);
      expect(await lines(1)).toMatchObject([{ reason: 'idle' }]);
    },
  );

  test.each(['client', 'instance'] as const)('a %s that takes nothing is given up', async (side) => {
    await stuck(side);
    const before = performance.now();
    expect(await lines(1)).toMatchObject([{ reason: 'idle' }]);
    expect(performance.now() - before).toBeLessThan(2_000);
    expect(plane.inFlight()).toBe(0);
  });
});

describe('an instance that leaves', () => {
  test('finishes what it has, within the time, and gets nothing new', async () => {
    const [a, b] = [await instance(echo), await instance(named('b'))];
    await begin([a], { timeouts: { drainMs: 500 } });
    const client = talk('one');
    await client.hears(/one/);
    plane.setPools({ main: [b] });
    client.socket.write(' two');
    await client.hears(/one two/);
    await talk().hears(/b/);
    expect(await client.ended()).toBe('reset');
    expect(await lines(1)).toMatchObject([{ reason: 'drained', bytesIn: 7 }]);
    await eventually(() => plane.released.length === 1);
  });

  test('that comes back goes on as if nothing had been', async () => {
    const a = await instance(echo);
    await begin([a], { timeouts: { drainMs: 300 } });
    const client = talk('one');
    await client.hears(/one/);
    plane.setPools({ main: [] });
    plane.setPools({ main: [a] });
    await new Promise((resolve) => setTimeout(resolve, 500));
    client.socket.write(' two');
    await client.hears(/one two/);
  });

  test('ends its connections at once where the route says so', async () => {
    const [a, b] = [await instance(echo), await instance(named('b'))];
    await begin([a], { routes: [{ ...TCP, options: { departure: 'close' } }] });
    const client = talk('one');
    await client.hears(/one/);
    plane.setPools({ main: [b] });
    expect(await client.ended()).toBe('reset');
    await talk().hears(/b/);
  });
});

test('the engine that closes cuts what is open, and says so', async () => {
  await begin([await instance(echo)]);
  const client = talk('x');
  await client.hears(/x/);
  for (const stream of [...plane.engine.streams]) stream.cut();
  expect(await client.ended()).toBe('reset');
  expect(await lines(1)).toMatchObject([{ reason: 'drained' }]);
});

test('connects and resets by the thousand leave nothing behind', async () => {
  await begin([await instance(echo)]);
  for (let round = 0; round < 20; round++) {
    const clients = Array.from({ length: 100 }, (_, i) => talk(i % 3 === 0 ? 'x' : ''));
    await Promise.all(
      clients.map(async ({ socket }, i) => {
        if (i % 2 === 0) await eventually(() => !socket.connecting);
        socket.resetAndDestroy();
      }),
    );
  }
  await plane.quiet();
  expect(plane.sum(Family.connections)).toBe(0);
}, 60_000);
