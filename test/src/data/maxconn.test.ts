/** `maxconn`: no endpoint has more than it may, and what comes meanwhile waits its turn. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { describe, expect, test, vi } from 'vitest';
import { echoWebSocket } from '../../support/backend.ts';
import { get } from '../../support/client.ts';
import { head } from '../../support/engine.ts';
import { eventually } from '../../support/process.ts';
import { ask, beginHeld, reasonOf } from './held.ts';
import { backend, begin, plane } from './stage.ts';

test('no endpoint has more than it may; the others wait, and go first come, first served', async () => {
  const gate = await beginHeld({ maxconn: 2 });
  const asked = [];
  for (let i = 0; i < 7; i++) asked.push(await ask(`/${i}`));
  await eventually(() => gate.running === 2);
  expect([plane.inFlight(), plane.pool().queue.size]).toEqual([2, 5]);
  const order: string[] = [];
  for (let i = 0; i < 7; i++) {
    await eventually(() => gate.targets.length >= Math.min(2, 7 - i));
    order.push(gate.targets[0]!);
    gate.next();
    await asked[i]!.answer;
  }
  expect(order).toEqual(['/0', '/1', '/2', '/3', '/4', '/5', '/6']);
  expect(gate.most).toBe(2);
  // Nobody held a connection while waiting.
  expect(backend.transcripts().length).toBe(2);
});

test('nobody overtakes those who wait, not even between a release and their turn', async () => {
  const gate = await beginHeld();
  const endpoint = plane.endpoint(backend.port);
  endpoint.lease();
  const waiting = await ask('/waits');
  endpoint.release();
  const overtaking = plane.pool().acquire({ random: Math.random, key: null, tried: null }, 0);
  expect(overtaking).toBeNull();
  await eventually(() => gate.running === 1);
  gate.next();
  expect((await waiting.answer).status).toBe(200);
});

test('when another worker was faster, the next endpoint is asked at once', async () => {
  await begin(undefined, { maxconn: 1 });
  plane.setPools({ main: [backend.port, { port: backend.port, id: 'other' }] });
  const [taken, other] = plane.pool().members.map(({ endpoint }) => endpoint);
  vi.spyOn(taken!, 'leaseWithin').mockReturnValueOnce(false);
  const member = plane.pool().acquire({ random: Math.random, key: null, tried: null }, 0)!;
  expect(member.endpoint).toBe(other);
  member.endpoint.release();
});

test('the next one goes without waiting for a sweep', async () => {
  const gate = await beginHeld();
  plane.engine.deadlines.close();
  const asked = [await ask('/0'), await ask('/1')];
  for (const { answer } of asked) {
    await eventually(() => gate.running === 1);
    gate.next();
    expect((await answer).status).toBe(200);
  }
});

test('pipelined requests and those of one connection after the other wait like any', async () => {
  const gate = await beginHeld();
  const first = await ask('/first');
  const socket = connect(plane.port, '127.0.0.1');
  let text = '';
  socket.on('data', (bytes) => {
    text += bytes.toString('latin1');
  });
  socket.write(head('GET /a HTTP/1.1', 'Host: a') + head('GET /b HTTP/1.1', 'Host: a'));
  await eventually(() => plane.pool().queue.size === 1);
  for (let i = 0; i < 3; i++) {
    await eventually(() => gate.targets.length === 1);
    gate.next();
  }
  await first.answer;
  await eventually(() => expect(text).toMatch(/\/a[\s\S]*\/b$/));
  socket.destroy();
});

describe('waiting in vain', () => {
  test('has a limit in time', async () => {
    const gate = await beginHeld({ timeouts: { queueMs: 250 } });
    const first = await ask('/first');
    const startedAt = performance.now();
    const second = await ask('/second');
    expect(await reasonOf(second.answer)).toBe('503 overloaded');
    expect((await second.answer).headers.get('retry-after')).toBe('1');
    expect(performance.now() - startedAt).toBeGreaterThan(140);
    expect([plane.queued().timeouts, plane.pool().queue.size]).toEqual([1, 0]);
    gate.next();
    expect((await first.answer).status).toBe(200);
    expect(plane.log().map(({ status, reason }) => `${status} ${reason}`)).toEqual([
      '503 overloaded',
      '200 ',
    ]);
  });

  test.each([2, 0])('has a limit of %i places', async (queue) => {
    const gate = await beginHeld({ limits: { queue } });
    const asked = [];
    for (let i = 0; i <= queue; i++) asked.push(await ask(`/${i}`));
    expect(await reasonOf(get(plane.port))).toBe('503 overloaded');
    expect(plane.queued()).toEqual({ waiting: queue, timeouts: 0, overflows: 1 });
    for (const { answer } of asked) {
      await eventually(() => gate.running === 1);
      gate.next();
      expect((await answer).status).toBe(200);
    }
    expect(plane.queued().waiting).toBe(0);
  });

  test('ends when the client leaves: its request is never sent', async () => {
    const gate = await beginHeld();
    const first = await ask('/first');
    const impatient = connect(plane.port, '127.0.0.1');
    impatient.write(head('GET /impatient HTTP/1.1', 'Host: a'));
    await eventually(() => plane.pool().queue.size === 1);
    const last = await ask('/last');
    impatient.destroy();
    await eventually(() => plane.pool().queue.size === 1);
    expect(plane.log().map(({ path, status }) => [path, status])).toEqual([['/impatient', 499]]);
    for (const { answer } of [first, last]) {
      await eventually(() => gate.running === 1);
      gate.next();
      await answer;
    }
    expect(backend.requests.map(({ target }) => target)).toEqual(['/first', '/last']);
  });

  test('ends at once when nobody is left to wait for', async () => {
    const gate = await beginHeld();
    plane.engine.deadlines.close();
    const first = await ask('/first');
    const second = await ask('/second');
    plane.setPools({ main: [] });
    expect(await reasonOf(second.answer)).toBe('503 no_healthy_instance');
    gate.next();
    expect((await first.answer).status).toBe(200);
  });
});

test('bodies stay unread while their request waits, and arrive whole', async () => {
  const gate = await beginHeld();
  const first = await ask('/first');
  const size = 4 * 1024 * 1024;
  const socket = connect(plane.port, '127.0.0.1');
  let text = '';
  socket.on('data', (bytes) => {
    text += bytes.toString('latin1');
  });
  socket.write(head('POST /up HTTP/1.1', 'Host: a', `Content-Length: ${size}`));
  socket.write(Buffer.alloc(size, 'x'));
  await eventually(() => plane.pool().queue.size === 1);
  // What the router and the system hold is less than what was sent: nobody reads on.
  await eventually(() => expect(plane.http1().some((client) => client.isPaused)).toBe(true));
  expect(socket.writableLength).toBeGreaterThan(0);
  backend.handler = async (request, reply) => {
    let bytes = 0;
    for await (const chunk of request.body) bytes += chunk.length;
    await reply.send({ body: `got ${bytes}` });
  };
  gate.next();
  await first.answer;
  await eventually(() => expect(text).toMatch(new RegExp(`got ${size}$`)), { what: text, timeoutMs: 10_000 });
  socket.destroy();
});

test('a WebSocket holds its place until it ends', async () => {
  await begin(echoWebSocket, { maxconn: 1 });
  const socket = await upgrade();
  backend.handler = (_, reply) => reply.send();
  const waiting = await ask('/after');
  expect([plane.inFlight(), plane.pool().queue.size]).toEqual([1, 1]);
  socket.destroy();
  expect((await waiting.answer).status).toBe(200);
});

async function upgrade(): Promise<Socket> {
  const socket = connect(plane.port, '127.0.0.1');
  const fields = ['Connection: Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Version: 13'];
  socket.write(head('GET / HTTP/1.1', 'Host: a', ...fields, 'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA=='));
  const [bytes] = await once(socket, 'data');
  expect(String(bytes)).toMatch(/^HTTP\/1\.1 101 /);
  return socket;
}

test('a router that stops serves its queue first', async () => {
  const gate = await beginHeld();
  const asked = [await ask('/0'), await ask('/1'), await ask('/2')];
  plane.engine.drain();
  for (const { answer } of asked) {
    await eventually(() => gate.running === 1);
    gate.next();
    expect((await answer).status).toBe(200);
  }
});
