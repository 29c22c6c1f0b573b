import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { describe, expect, test } from 'vitest';
import { Family } from '../../../../src/shared/counters.ts';
import { UDP_DROPS } from '../../../../src/shared/udp-drops.ts';
import { freePorts } from '../../../support/ports.ts';
import { eventually } from '../../../support/process.ts';
import { begin, echo, instance, lines, named, plane, port, ports, silent, talk, udp } from './stage.ts';

const dropped = (reason: (typeof UDP_DROPS)[number]): number =>
  plane.sum(Family.udpDropped, UDP_DROPS.indexOf(reason));

describe('passing on', () => {
  test('a client is one session, and its answers come from the port it asked', async () => {
    const server = await instance(echo);
    await begin([server]);
    const client = await talk();
    expect([await client.ask('one'), await client.ask('two')]).toEqual(['one', 'two']);
    expect([server.peers.size, plane.engine.sessions.size, plane.inFlight()]).toEqual([1, 1, 1]);
    expect(plane.sum(Family.udpSessions, port)).toBe(1);
    expect([plane.sum(Family.udpDatagrams, 0), plane.sum(Family.udpDatagrams, 1)]).toEqual([2, 2]);
    ports.set([]);
    expect(await lines(1)).toMatchObject([
      {
        ...{ listener: `udp:${port}`, client: '127.0.0.1', protocol: 'udp', reason: 'drained', status: 200 },
        ...{ bytesIn: 6, bytesOut: 6, endpoint: `127.0.0.1:${server.port}`, retries: 0 },
      },
    ]);
    expect(plane.sum(Family.udpSessions)).toBe(0);
  });

  test('each of many clients hears what was meant for it', async () => {
    const server = await instance((bytes, reply) => reply(`to ${bytes}`));
    await begin([server]);
    const clients = await Promise.all(Array.from({ length: 50 }, talk));
    const answers = await Promise.all(clients.map(({ ask }, i) => ask(`${i}`)));
    expect(answers).toEqual(clients.map((_, i) => `to ${i}`));
    expect(server.peers.size).toBe(50);
  });

  test('one datagram may have many answers, or none, and an answer may come unasked', async () => {
    const server = await instance((bytes, reply) => {
      for (const part of bytes.toString().split(' ')) reply(part);
    });
    await begin([server]);
    const client = await talk();
    client.say('a b c');
    await eventually(() => expect(client.heard).toEqual(['a', 'b', 'c']));
    server.socket.send('later', [...server.peers][0]!, '127.0.0.1');
    await eventually(() => expect(client.heard.at(-1)).toBe('later'));
  });

  test.each([0, 1, 1472, 9000, 65_507])('%i bytes arrive as one datagram, both ways', async (length) => {
    await begin([await instance(echo)]);
    const client = await talk();
    const text = 'x'.repeat(length);
    expect((await client.ask(text)) === text).toBe(true);
  });

  test('nobody but the instance can answer in a session', async () => {
    const [server, other] = [await instance(silent), await instance(silent)];
    await begin([server]);
    const client = await talk();
    client.say('ask');
    await eventually(() => server.peers.size === 1);
    const [own] = server.peers;
    other.socket.send('forged', own!, '127.0.0.1');
    server.socket.send('real', own!, '127.0.0.1');
    await eventually(() => expect(client.heard).toEqual(['real']));
  });

  test('a name is looked up', async () => {
    const server = await instance(echo);
    await begin([], { pools: { main: [{ port: server.port, address: 'localhost' }] } });
    expect(await (await talk()).ask('x')).toBe('x');
  });
});

describe('whom a session goes to', () => {
  test('the instance with the fewest; the same client stays where it is', async () => {
    const [a, b] = [await instance(named('a')), await instance(named('b'))];
    await begin([a, b]);
    const clients = await Promise.all(Array.from({ length: 6 }, talk));
    const first = [];
    for (const client of clients) first.push(await client.ask('1'));
    expect(first.filter((name) => name === 'a')).toHaveLength(3);
    for (const [i, client] of clients.entries()) expect(await client.ask('2')).toBe(first[i]);
    expect(plane.inFlight()).toBe(6);
  });

  test('an instance that is not there is left for another one, and the question goes along', async () => {
    const [gone, b] = [await instance(silent), await instance(named('b'))];
    await begin([gone, b], { balance: { kind: 'rr' } });
    await gone.close();
    const clients = await Promise.all([talk(), talk()]);
    for (const client of clients) expect(await client.ask('x')).toBe('b');
    expect(b.received).toEqual(['x', 'x']);
    expect(plane.endpoint(gone.port).isOpen).toBe(false);
    expect(plane.inFlight()).toBe(2);
    ports.set([]);
    expect((await lines(2)).map(({ retries }) => retries).sort()).toEqual([0, 1]);
  });

  test('one that dies in the middle of a session costs it nothing but what was unanswered', async () => {
    const [a, b] = [await instance(named('a')), await instance(named('b'))];
    await begin([a]);
    const client = await talk();
    expect(await client.ask('1')).toBe('a');
    plane.setPools({ main: [a.port, b.port] });
    await a.close();
    expect(await client.ask('2')).toBe('b');
    expect(b.received).toEqual(['2']);
  });

  test('when nobody is there the session ends, and the next datagram tries anew', async () => {
    const server = await instance(echo);
    await begin([server], { route: { options: { retry: 0 } } });
    await server.close();
    const client = await talk();
    client.say('x');
    expect(await lines(1)).toMatchObject([{ reason: 'connect_failed', status: 502, bytesIn: 1 }]);
    expect([plane.engine.sessions.size, plane.inFlight()]).toEqual([0, 0]);
    await instance(echo, server.port);
    expect(await client.ask('y')).toBe('y');
  });
});

describe('the end', () => {
  test('a session in which nothing moves ends; one in which something moves does not', async () => {
    const server = await instance(echo);
    await begin([server], { timeouts: { udpIdleMs: 400 } });
    const [quiet, busy] = [await talk(), await talk()];
    await quiet.ask('q');
    await busy.ask('b');
    const timer = setInterval(() => busy.say('b'), 50);
    expect(await lines(1)).toMatchObject([{ reason: 'idle', status: 200, bytesIn: 1 }]);
    expect(plane.engine.sessions.size).toBe(1);
    clearInterval(timer);
    await lines(2);
    expect([plane.inFlight(), plane.engine.deadlines.size]).toEqual([0, 0]);
    // It is welcome again, as a new session.
    expect(await quiet.ask('q')).toBe('q');
    expect(server.peers.size).toBe(3);
  });

  test('with an instance that leaves: within the time, and then it goes to another one', async () => {
    const [a, b] = [await instance(named('a')), await instance(named('b'))];
    await begin([a], { timeouts: { drainMs: 400 } });
    const client = await talk();
    await client.ask('1');
    plane.setPools({ main: [b.port] });
    expect(await client.ask('2')).toBe('a');
    expect(await (await talk()).ask('1')).toBe('b');
    expect(await lines(1)).toMatchObject([{ reason: 'drained', bytesIn: 2 }]);
    expect(await client.ask('3')).toBe('b');
    expect(plane.released).toHaveLength(1);
  });

  test('at once, where the route says so', async () => {
    const [a, b] = [await instance(named('a')), await instance(named('b'))];
    await begin([a], { route: { options: { departure: 'close' } } });
    const client = await talk();
    await client.ask('1');
    plane.setPools({ main: [b.port] });
    expect(await client.ask('2')).toBe('b');
    expect(await lines(1)).toMatchObject([{ reason: 'drained', bytesIn: 1 }]);
  });

  test('a router that stops takes nobody new, and waits a moment for answers that are due', async () => {
    const server = await instance((bytes, reply) => {
      if (`${bytes}` === 'now') reply('done');
    });
    await begin([server]);
    const [done, due, never] = [await talk(), await talk(), await talk()];
    await done.ask('now');
    due.say('?');
    never.say('?');
    await eventually(() => server.received.length === 3);
    const stoppedAt = performance.now();
    ports.drain();
    // The catalog goes on meanwhile.
    const [other] = (await freePorts(1)) as [number];
    ports.set([port, other]);
    const taken = createSocket('udp4').bind(other, '127.0.0.1');
    await once(taken, 'listening').finally(() => taken.close());
    expect(plane.engine.sessions.size).toBe(2);
    (await talk()).say('new');
    await eventually(() => dropped('overloaded') === 1);
    due.say('now');
    await eventually(() => expect(due.heard).toEqual(['done']));
    await eventually(() => plane.engine.sessions.size === 0);
    expect(performance.now() - stoppedAt).toBeLessThan(5_000);
  });
});

describe('what is not passed on is counted, and nobody is told', () => {
  test('who may not', async () => {
    await begin([await instance(echo)], { route: { options: { deny: ['127.0.0.0/8'] } } });
    const client = await talk();
    client.say('x');
    await eventually(() => dropped('denied') === 1);
    plane.setRoutes([udp({ options: { allow: ['127.0.0.1'] } })]);
    expect(await client.ask('y')).toBe('y');
    expect([plane.log().length, client.heard.length]).toEqual([0, 1]);
  });

  test('for want of an instance, or of a route', async () => {
    await begin([]);
    const client = await talk();
    client.say('x');
    await eventually(() => dropped('no_healthy_instance') === 1);
    expect(await lines(1)).toMatchObject([{ reason: 'no_healthy_instance', status: 503 }]);
    plane.setRoutes([], [`udp:${port}`]);
    client.say('x');
    await eventually(() => dropped('no_route') === 1);
  });

  test('more clients of one address than may be', async () => {
    await begin([await instance(echo)], { limits: { connectionsPerClient: 1 } });
    const client = await talk();
    await client.ask('x');
    (await talk()).say('y');
    await eventually(() => dropped('rate_limited') === 1);
    expect(await client.ask('z')).toBe('z');
  });

  test('of 5,000 clients those beyond the limit; the others are served, and all is given back', async () => {
    await begin([await instance(echo)], {
      limits: { udpSessions: 4_000 },
      timeouts: { udpIdleMs: 60_000 },
    });
    const clients = [];
    for (let i = 0; i < 5_000; i += 50) {
      const batch = await Promise.all(Array.from({ length: 50 }, talk));
      if (i < 4_000) await Promise.all(batch.map(({ ask }) => ask('x')));
      else for (const { say } of batch) say('x');
      clients.push(...batch);
    }
    await eventually(() => dropped('overloaded') === 1_000);
    expect([plane.engine.sessions.size, plane.inFlight()]).toEqual([4_000, 4_000]);
    expect(await clients[0]!.ask('y')).toBe('y');
    ports.set([]);
    expect([plane.engine.sessions.size, plane.inFlight(), plane.engine.deadlines.size]).toEqual([0, 0, 0]);
  });

  test('beyond maxconn a session waits, with a bounded part of what it says', async () => {
    await begin([await instance(echo)], { maxconn: 1, timeouts: { queueMs: 60_000 } });
    const [first, second] = [await talk(), await talk()];
    await first.ask('x');
    const big = Buffer.alloc(30_000, 'y');
    for (let i = 0; i < 3; i++) second.say(big);
    await eventually(() => dropped('overloaded') === 1);
    expect(plane.queued().waiting).toBe(1);
    plane.setPools({}, []);
    plane.setPools({ main: plane.pool().members.map(({ endpoint }) => endpoint.port) }, [], null);
    await eventually(() => expect(second.heard.map((text) => text.length)).toEqual([30_000, 30_000]));
  });
});
