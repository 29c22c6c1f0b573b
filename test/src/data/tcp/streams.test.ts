import type { Socket } from 'node:net';
import { describe, expect, test } from 'vitest';
import { Family } from '../../../../src/shared/counters.ts';
import { freePort } from '../../../support/ports.ts';
import { eventually } from '../../../support/process.ts';
import { accepted, begin, echo, instance, lines, named, PORT, plane, port, TCP, talk } from './stage.ts';

describe('passing on', () => {
  test('bytes go both ways, and the end of each is the end of the other', async () => {
    await begin([await instance(echo)]);
    const client = talk('hello');
    await client.hears(/^hello$/);
    client.socket.end(' and bye');
    expect(await client.ended()).toBe('end');
    expect(client.text).toBe('hello and bye');
    const [line] = await lines(1);
    expect(line).toMatchObject({
      ...{ listener: `tcp:${PORT}`, client: '127.0.0.1', protocol: 'tcp', method: '', host: '', status: 200 },
      ...{
        reason: 'client_closed',
        bytesIn: 13,
        bytesOut: 13,
        route: `tcp:${PORT}`,
        service: 'main',
        retries: 0,
      },
    });
    expect(line!.durationMs).toBeGreaterThan(0);
    expect([plane.sum(Family.accepted), plane.sum(Family.connections)]).toEqual([1, 0]);
    expect([plane.sum(Family.streams), plane.sum(Family.streamBytes)]).toEqual([1, 26]);
  });

  test('a server that speaks first is heard before the client says anything', async () => {
    await begin([await instance(named('220 mail'))]);
    const client = talk();
    await client.hears(/^220 mail\n$/);
    expect(plane.inFlight()).toBe(1);
  });

  test('a client that has ended still hears what comes later', async () => {
    const heard: string[] = [];
    await begin([
      await instance((socket) => {
        socket.on('data', (bytes) => heard.push(String(bytes)));
        socket.on('end', () => setTimeout(() => socket.end('the answer'), 50));
      }),
    ]);
    const client = talk();
    client.socket.end('the question');
    expect(await client.ended()).toBe('end');
    expect([heard.join(''), client.text]).toEqual(['the question', 'the answer']);
    expect(await lines(1)).toMatchObject([{ reason: 'client_closed' }]);
  });

  test('a server that has ended still hears what comes later', async () => {
    let heard = '';
    await begin([
      await instance((socket) => {
        socket.end('first and last');
        socket.on('data', (bytes) => {
          heard += bytes;
        });
      }),
    ]);
    const client = talk();
    expect(await client.ended()).toBe('end');
    client.socket.write('late');
    await eventually(() => heard === 'late');
    expect(plane.inFlight()).toBe(1);
    client.socket.end();
    expect(await lines(1)).toMatchObject([{ reason: 'upstream_closed', bytesIn: 4, bytesOut: 14 }]);
  });

  test('a reset by the client arrives as a reset', async () => {
    const seen: string[] = [];
    await begin([
      await instance((socket) => {
        socket.on('error', ({ code }: NodeJS.ErrnoException) => seen.push(String(code)));
        socket.on('end', () => seen.push('end'));
        echo(socket);
      }),
    ]);
    const client = talk('x');
    await client.hears(/x/);
    client.socket.resetAndDestroy();
    await eventually(() => seen.length > 0);
    expect(seen).toEqual(['ECONNRESET']);
    expect(await lines(1)).toMatchObject([{ reason: 'client_reset', status: 499 }]);
  });

  test('a reset by the instance arrives as a reset', async () => {
    await begin([
      await instance((socket) => {
        socket.on('data', () => socket.resetAndDestroy());
      }),
    ]);
    expect(await talk('x').ended()).toBe('reset');
    expect(await lines(1)).toMatchObject([{ reason: 'upstream_reset', status: 502, retries: 0 }]);
  });

  test('what comes right before a reset is delivered before it', async () => {
    let heard = '';
    await begin([
      await instance((socket) => {
        socket.on('data', (bytes) => {
          heard += bytes;
          if (heard !== 'hello') return;
          socket.write('421 go away');
          socket.resetAndDestroy();
        });
      }),
    ]);
    const client = talk('hello');
    expect(await client.ended()).toBe('reset');
    expect(client.text).toBe('421 go away');
    heard = '';
    const leaving = talk('x');
    await eventually(() => heard === 'x');
    leaving.socket.write('QUIT');
    leaving.socket.resetAndDestroy();
    await eventually(() => expect(heard).toBe('xQUIT'));
  });

  test('many megabytes arrive whole, at the pace of a slow reader', async () => {
    const bytes = 64 * 1024 * 1024;
    await begin([
      await instance((socket) => {
        const piece = Buffer.alloc(1024 * 1024, 'x');
        for (let sent = 0; sent < bytes; sent += piece.length) socket.write(piece);
        socket.end();
      }),
    ]);
    const client = talk();
    client.socket.removeAllListeners('data');
    client.socket.pause();
    let received = 0;
    await eventually(() => plane.engine.streams.size === 1);
    const [stream] = plane.engine.streams;
    await eventually(() => stream!.bytesOut > 0);
    const settled = await untilStill(() => stream!.bytesOut);
    expect(settled).toBeLessThan(16 * 1024 * 1024);
    client.socket.on('data', (chunk) => {
      received += chunk.length;
    });
    client.socket.resume();
    await eventually(() => expect(received).toBe(bytes), { timeoutMs: 20_000 });
    client.socket.end();
    expect(await lines(1)).toMatchObject([{ bytesOut: bytes, reason: 'upstream_closed' }]);
  });

  test('a client that never reads does not grow memory', async () => {
    await begin([await instance((socket) => flood(socket))]);
    const clients = Array.from({ length: 20 }, () => talk());
    for (const { socket } of clients) socket.pause();
    await eventually(() => plane.engine.streams.size === 20);
    await untilStill(() => [...plane.engine.streams].reduce((sum, { bytesOut }) => sum + bytesOut, 0));
    const held = [...accepted].map(({ writableLength }) => writableLength);
    expect(Math.max(...held)).toBeLessThan(256 * 1024);
    expect(Math.min(...held)).toBeGreaterThan(0);
  });
});

/** Writes for as long as somebody takes it. */
function flood(socket: Socket): void {
  const piece = Buffer.alloc(64 * 1024);
  const pour = (): void => {
    while (!socket.destroyed && socket.write(piece));
  };
  socket.on('drain', pour);
  pour();
}

/** The value once it has not changed for a while. */
async function untilStill(value: () => number): Promise<number> {
  let last = -1;
  let since = performance.now();
  return eventually(
    () => {
      const now = value();
      if (now !== last) since = performance.now();
      last = now;
      if (performance.now() - since < 300) throw new Error(`still moving: ${now}`);
      return now;
    },
    { timeoutMs: 15_000 },
  );
}

describe('whom a connection goes to', () => {
  test('the instance with the fewest open connections', async () => {
    await begin([await instance(named('a')), await instance(named('b')), await instance(named('c'))]);
    const clients = Array.from({ length: 9 }, () => talk());
    for (const client of clients) await client.hears(/\n/);
    const counts = Map.groupBy(clients, ({ text }) => text);
    expect([...counts.values()].map((each) => each.length)).toEqual([3, 3, 3]);
    for (const client of counts.get('b\n')!) client.socket.destroy();
    await eventually(() => plane.inFlight() === 6);
    const next = [talk(), talk(), talk()];
    for (const client of next) await client.hears(/\n/);
    expect(next.map(({ text }) => text)).toEqual(['b\n', 'b\n', 'b\n']);
  });

  test('the same client address goes to the same instance with hash:ip', async () => {
    const ports = [await instance(named('a')), await instance(named('b')), await instance(named('c'))];
    await begin(ports, { balance: { kind: 'hash', on: 'ip' } });
    const clients = Array.from({ length: 6 }, () => talk());
    for (const client of clients) await client.hears(/\n/);
    expect(new Set(clients.map(({ text }) => text)).size).toBe(1);
  });

  test('another one when it refuses; it is left out and no client notices', async () => {
    const dead = await freePort();
    await begin([dead, await instance(named('alive'))]);
    for (let i = 0; i < 4; i++) {
      const client = talk();
      await client.hears(/alive/);
      client.socket.end();
    }
    expect(plane.endpoint(dead).isOpen).toBe(false);
    expect((await plane.log()).length).toBeLessThanOrEqual(4);
  });

  test('another one when it accepts and resets before anything was said', async () => {
    const rude = await instance((socket) => void socket.resetAndDestroy());
    await begin([rude, await instance(named('kind'))]);
    const clients = [talk(), talk(), talk()];
    for (const client of clients) await client.hears(/kind/);
  });

  test('nobody: the client is reset, and the line says what happened', async () => {
    await begin([await freePort(), await freePort()]);
    expect(await talk().ended()).toBe('reset');
    expect(await lines(1)).toMatchObject([{ reason: 'connect_failed', status: 502, retries: 1 }]);
    plane.setPools({ main: [] });
    expect(await talk().ended()).toBe('reset');
    expect((await lines(2))[1]).toMatchObject({ reason: 'no_healthy_instance', status: 503, endpoint: '' });
  });
});

describe('who may', () => {
  test('deny and allow are about the client, and a denied one is reset', async () => {
    await begin([await instance(named('in'))], { routes: [{ ...TCP, options: { deny: ['127.0.0.0/8'] } }] });
    expect(await talk().ended()).toBe('reset');
    plane.setRoutes([{ ...TCP, options: { allow: ['10.0.0.0/8'] } }]);
    expect(await talk().ended()).toBe('reset');
    plane.setRoutes([{ ...TCP, options: { allow: ['127.0.0.1/32'] } }]);
    await talk().hears(/in/);
    expect((await lines(2)).map(({ reason, status }) => [reason, status])).toEqual([
      ['denied', 403],
      ['denied', 403],
    ]);
  });

  test('connections in all and per client are bounded together with those of HTTP', async () => {
    await begin([await instance(named('in'))], { limits: { connections: 2 } });
    const clients = [talk(), talk()];
    for (const client of clients) await client.hears(/in/);
    expect(await talk().ended()).toBe('reset');
    expect(await lines(1)).toMatchObject([{ reason: 'overloaded', status: 503 }]);
    clients[0]!.socket.destroy();
    await eventually(() => plane.engine.openConnections === 1);
    await talk().hears(/in/);
  });

  test('one client has so many connections', async () => {
    await begin([await instance(named('in'))], { limits: { connectionsPerClient: 1 } });
    await talk().hears(/in/);
    expect(await talk().ended()).toBe('reset');
    expect(await lines(1)).toMatchObject([{ reason: 'rate_limited', status: 429 }]);
    expect(plane.engine.admission.clients).toBe(1);
  });

  test('a port without a route closes what comes', async () => {
    await begin([await instance(named('in'))]);
    plane.setRoutes([], [`tcp:${PORT}`]);
    expect(await talk('GET / HTTP/1.1\r\n\r\n').ended()).not.toBe('');
    expect(port).toBeGreaterThan(0);
  });
});
