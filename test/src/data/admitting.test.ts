/** Who is let in: connections over all, connections of one client, requests of one connection. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import v8 from 'node:v8';
import { describe, expect, test, vi } from 'vitest';
import { Family } from '../../../src/shared/counters.ts';
import { get, rawRequest } from '../../support/client.ts';
import { head } from '../../support/engine.ts';
import { eventually } from '../../support/process.ts';
import { begin, plane } from './stage.ts';

const H = 'Host: a';

/** A connection that the plane has let in. */
async function hold(): Promise<Socket> {
  const before = plane.engine.clients.size;
  const socket = connect(plane.port, '127.0.0.1');
  await once(socket, 'connect');
  await eventually(() => plane.engine.clients.size === before + 1);
  return socket;
}

/** What somebody gets who does not even ask; null when we wait for the question. */
async function greeting() {
  const { responses, closed } = await rawRequest(plane.port, '', { until: 1, timeoutMs: 2000 });
  const [answer] = responses;
  if (answer === undefined) return null;
  const { status, headers } = answer;
  const [reason, retryAfter, connection] = ['x-fairlead-reason', 'retry-after', 'connection'].map((name) =>
    headers.get(name),
  );
  return { status, reason, retryAfter, connection, closed };
}

const OVERLOADED = {
  ...{ status: 503, reason: 'overloaded', retryAfter: '1', connection: 'close', closed: 'end' },
};

describe('limits.connections', () => {
  test('beyond it: 503 at once, no connection of ours, and room again when one leaves', async () => {
    await begin(undefined, { limits: { connections: 2 } });
    const [first, second] = [await hold(), await hold()];
    expect(await greeting()).toEqual(OVERLOADED);
    expect(plane.engine.clients.size).toBe(2);
    expect(plane.sum(Family.invented)).toBe(1);
    expect(plane.sum(Family.accepted)).toBe(2);
    expect(plane.log()).toMatchObject([{ status: 503, reason: 'overloaded', client: '127.0.0.1' }]);
    second.destroy();
    await eventually(() => plane.engine.clients.size === 1);
    expect((await get(plane.port)).status).toBe(200);
    first.destroy();
  });

  test('who sends at once gets the answer too, not a reset', async () => {
    await begin(undefined, { limits: { connections: 1 } });
    const held = await hold();
    const upload = [head('POST / HTTP/1.1', H, 'Content-Length: 30000'), 'x'.repeat(30_000)];
    for (let i = 0; i < 20; i++) {
      const { responses, closed } = await rawRequest(plane.port, upload);
      expect([responses.map(({ status }) => status), closed]).toEqual([[503], 'end']);
    }
    await eventually(() => plane.engine.farewells.size === 0);
    held.destroy();
  });

  test('who never leaves is left', async () => {
    await begin(undefined, { limits: { connections: 1 } });
    const held = await hold();
    const stuck = connect({ port: plane.port, host: '127.0.0.1', allowHalfOpen: true });
    stuck.on('error', () => {});
    stuck.resume();
    await once(stuck, 'end');
    // The answer is out; the client may still be sending.
    expect(plane.engine.farewells.size).toBe(1);
    plane.engine.deadlines.sweep(performance.now() + 1_100);
    expect(plane.engine.farewells.size).toBe(0);
    stuck.destroy();
    held.destroy();
  });
});

test('a heap that is nearly full lets nobody in until it is better', async () => {
  const statistics = v8.getHeapStatistics();
  const heap = vi.spyOn(v8, 'getHeapStatistics');
  const uses = (share: number) =>
    heap.mockReturnValue({ ...statistics, used_heap_size: share * statistics.heap_size_limit });
  try {
    uses(0.86);
    await begin();
    await eventually(() => plane.engine.admission.refusal(0) === 'overloaded');
    expect(await greeting()).toEqual(OVERLOADED);
    uses(0.84);
    await eventually(() => plane.engine.admission.refusal(0) === null);
    expect((await get(plane.port)).status).toBe(200);
  } finally {
    heap.mockRestore();
  }
});

describe('limits.connectionsPerClient', () => {
  test('beyond it: 429 at once; other requests of the client go on', async () => {
    await begin(undefined, { limits: { connectionsPerClient: 1 } });
    const held = await hold();
    expect(await greeting()).toEqual({ ...OVERLOADED, status: 429, reason: 'rate_limited' });
    held.destroy();
    await eventually(() => plane.engine.clients.size === 0);
    expect(plane.engine.admission.clients).toBe(0);
    expect((await get(plane.port)).status).toBe(200);
  });

  test('a trusted proxy stands for many clients', async () => {
    await begin(undefined, { limits: { connectionsPerClient: 1 }, trustedProxies: ['127.0.0.1'] });
    const held = [await hold(), await hold(), await hold()];
    for (const socket of held) socket.destroy();
  });
});
