/** Endpoints that leave and come back, and the process that ends: running work finishes, new work goes elsewhere. */
import { connect, type Socket } from 'node:net';
import { describe, expect, test } from 'vitest';
import { type Backend, echoWebSocket, startBackend } from '../../support/backend.ts';
import { Client, get, rawRequest } from '../../support/client.ts';
import { head } from '../../support/engine.ts';
import { eventually } from '../../support/process.ts';
import { backend, begin, plane } from './stage.ts';

/** Answers `/wait` only when the returned function is called. */
function holding(of: Backend): () => void {
  const gate = Promise.withResolvers<void>();
  of.handler = async (request, reply) => {
    if (request.target === '/wait') await gate.promise;
    await reply.send();
  };
  return () => gate.resolve();
}

describe('an endpoint that leaves its pool', () => {
  test('finishes what runs, gets nothing new, and is released after the last answer', async () => {
    await begin();
    const other = await startBackend({ name: 'b2' });
    const release = holding(backend);
    const slow = get(plane.port, { path: '/wait' });
    await eventually(() => backend.requests.length === 1);
    const leaving = plane.endpoint(backend.port);
    plane.setPools({ main: [other.port] });
    for (let i = 0; i < 10; i++) expect((await get(plane.port)).body).toBe('b2');
    expect([leaving.isDeparting, leaving.ownInFlight, plane.engine.departures.size]).toEqual([true, 1, 1]);
    expect(plane.released).toEqual([]);
    release();
    expect((await slow).body).toBe('b1');
    await eventually(() => expect(plane.released).toEqual([leaving.slot]));
    expect([leaving.connections.size, plane.engine.departures.size]).toEqual([0, 0]);
    await other.kill();
  });

  test('with nothing but idle connections is released at once', async () => {
    await begin();
    await get(plane.port);
    const leaving = plane.endpoint(backend.port);
    expect(leaving.idle.length).toBe(1);
    plane.setPools({ main: [] });
    await eventually(() => expect(plane.released).toEqual([leaving.slot]));
    await eventually(() => expect(backend.connections).toBe(0));
    expect((await get(plane.port)).status).toBe(503);
  });

  test('is cut at the drain limit: answers are broken off, tunnels too', async () => {
    await begin(undefined, { timeouts: { drainMs: 300 } });
    holding(backend);
    const asked = get(plane.port, { path: '/wait' });
    await eventually(() => backend.requests.length === 1);
    const leaving = plane.endpoint(backend.port);
    backend.handler = echoWebSocket;
    const socket = connect(plane.port, '127.0.0.1');
    const fields = ['Connection: Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Version: 13'];
    socket.on('error', () => {});
    socket.write(head('GET / HTTP/1.1', 'Host: a', ...fields, 'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA=='));
    await new Promise((resolve) => socket.once('data', resolve));
    const start = performance.now();
    plane.setPools({ main: [] });
    const closed = new Promise((resolve) => socket.once('close', resolve));
    const answer = await asked;
    expect(answer.headers.get('x-fairlead-reason')).toBe('upstream_reset');
    await closed;
    expect(performance.now() - start).toBeGreaterThan(180);
    await eventually(() => expect(plane.released).toEqual([leaving.slot]));
  });

  test('and comes back while it drains is the same endpoint with its count', async () => {
    await begin();
    const release = holding(backend);
    const slow = get(plane.port, { path: '/wait' });
    await eventually(() => backend.requests.length === 1);
    const endpoint = plane.endpoint(backend.port);
    plane.setPools({ main: [] });
    plane.setPools({ main: [{ port: backend.port, weight: 3 }] });
    expect(plane.endpoint(backend.port)).toBe(endpoint);
    expect([endpoint.inFlight(), endpoint.isDeparting]).toEqual([1, false]);
    expect(plane.pool().members[0]!.weight).toBe(3);
    expect((await get(plane.port)).body).toBe('b1');
    release();
    expect((await slow).body).toBe('b1');
    expect(plane.released).toEqual([]);
    await plane.quiet();
    expect(endpoint.idle.length).toBeGreaterThan(0);
  });

  test('and comes back and leaves again has the whole drain time, and no idle connections', async () => {
    await begin(undefined, { timeouts: { drainMs: 600 } });
    const release = holding(backend);
    const slow = get(plane.port, { path: '/wait' });
    await eventually(() => backend.requests.length === 1);
    const endpoint = plane.endpoint(backend.port);
    plane.setPools({ main: [] });
    plane.setPools({ main: [backend.port] });
    await get(plane.port);
    await new Promise((resolve) => setTimeout(resolve, 400));
    plane.setPools({ main: [] });
    expect(endpoint.idle.length).toBe(0);
    await new Promise((resolve) => setTimeout(resolve, 350));
    release();
    expect((await slow).body).toBe('b1');
    await eventually(() => expect(plane.released).toEqual([endpoint.slot]));
  });

  test('stays as long as another pool has it', async () => {
    await begin(undefined, { routes: [{}, { path: '/two', pool: 'two' }] });
    plane.setPools({ main: [backend.port], two: [backend.port] });
    await get(plane.port);
    plane.setPools({ two: [] });
    expect((await get(plane.port)).status).toBe(200);
    expect(plane.endpoint(backend.port).idle.length).toBe(1);
  });

  test('a failed attempt on it does not go back to it', async () => {
    await begin();
    const other = await startBackend({ name: 'b2' });
    backend.handler = (_, reply) => {
      plane.setPools({ main: [other.port] });
      reply.reset();
    };
    expect((await get(plane.port)).body).toBe('b2');
    await eventually(() => expect(plane.released.length).toBe(1));
    await other.kill();
  });
});

describe('shutdown', () => {
  test('ends idle connections at once and busy ones with their answer', async () => {
    await begin();
    const release = holding(backend);
    const idle = new Client(plane.port);
    await idle.request();
    const fresh = connect(plane.port, '127.0.0.1');
    const busy = rawRequest(plane.port, head('GET /wait HTTP/1.1', 'Host: a').repeat(2));
    await eventually(() => backend.requests.length === 2);
    await eventually(() => plane.engine.clients.size === 3);
    const freshEnds = new Promise((resolve) => fresh.once('end', resolve).resume());
    plane.engine.drain();
    await freshEnds;
    await eventually(() => expect(plane.engine.clients.size).toBe(1));
    release();
    const { responses, closed } = await busy;
    expect(responses.map((one) => [one.body, one.headers.get('connection')])).toEqual([['b1', 'close']]);
    expect(closed).toBe('end');
    idle.close();
  });

  test('a request that was arriving is still answered, and so is one that we answer ourselves', async () => {
    await begin(undefined, { routes: [{ host: 'a' }] });
    const sockets: Socket[] = [];
    const answers: string[] = [];
    for (const host of ['a', 'b']) {
      const socket = connect(plane.port, '127.0.0.1');
      const index = sockets.push(socket) - 1;
      answers.push('');
      socket.on('data', (bytes) => {
        answers[index] = `${answers[index]}${bytes}`;
      });
      socket.write(`GET / HTTP/1.1\r\nHost: ${host}\r\n`);
    }
    await eventually(() => plane.engine.clients.size === 2);
    await eventually(() =>
      plane.http1().every((client) => client.deadline - plane.engine.deadlines.now < 10_001),
    );
    await new Promise((resolve) => setTimeout(resolve, 20));
    plane.engine.drain();
    for (const socket of sockets) socket.write('\r\n');
    await plane.quiet();
    expect(answers[0]).toMatch(/^HTTP\/1\.1 200 [\s\S]*Connection: close\r\n[\s\S]*b1$/);
    expect(answers[1]).toMatch(/^HTTP\/1\.1 404 [\s\S]*Connection: close\r\n/);
  });

  test('close ends whatever is left, upstream connections included', async () => {
    await begin();
    await get(plane.port);
    backend.handler = () => new Promise(() => {});
    const kept = plane.pool().members[0]!.endpoint;
    const other = await startBackend({ name: 'b2', handler: backend.handler });
    plane.setPools({ main: [backend.port, { port: other.port, weight: 1000 }] });
    const asked = get(plane.port).catch((error: Error) => error.message);
    await eventually(() => other.requests.length === 1);
    expect(kept.idle.length).toBe(1);
    plane.engine.close();
    expect(await asked).toMatch(/closed|reset/);
    for (const { endpoint } of plane.pool().members) expect(endpoint.connections.size).toBe(0);
    await other.kill();
    expect(plane.inFlight()).toBe(0);
    expect(plane.engine.deadlines.size).toBe(0);
  });
});
