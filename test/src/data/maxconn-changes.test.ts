/** `maxconn` while endpoints come, go and fail. */
import { describe, expect, test, vi } from 'vitest';
import { Family } from '../../../src/shared/counters.ts';
import { startBackend } from '../../support/backend.ts';
import { get } from '../../support/client.ts';
import { freePort } from '../../support/ports.ts';
import { eventually } from '../../support/process.ts';
import { ask, beginHeld, reasonOf } from './held.ts';
import { backend, plane } from './stage.ts';

describe('a change of the catalog while requests wait', () => {
  test('a new endpoint takes them at once', async () => {
    const gate = await beginHeld();
    plane.engine.deadlines.close();
    const first = await ask('/first');
    const second = await ask('/second');
    const other = await startBackend({ name: 'b2' });
    plane.setPools({ main: [backend.port, other.port] });
    expect((await second.answer).body).toBe('b2');
    gate.next();
    await first.answer;
    await other.close();
  });

  test.each([
    ['higher', 2],
    ['gone', null],
  ])('a limit that is %s lets them go', async (_, maxconn) => {
    const gate = await beginHeld();
    plane.engine.deadlines.close();
    const first = await ask('/first');
    const second = await ask('/second');
    plane.setPools({ main: [backend.port] }, [], maxconn);
    await eventually(() => gate.running === 2);
    gate.next();
    gate.next();
    expect((await Promise.all([first.answer, second.answer])).map(({ status }) => status)).toEqual([
      200, 200,
    ]);
  });

  test('a limit that is lower is kept from then on', async () => {
    const gate = await beginHeld({ maxconn: 3 });
    const asked = [await ask('/0'), await ask('/1')];
    await eventually(() => gate.running === 2);
    plane.setPools({ main: [backend.port] }, [], 1);
    asked.push(await ask('/2'));
    gate.next();
    await asked[0]!.answer;
    expect([plane.inFlight(), plane.pool().queue.size]).toEqual([1, 1]);
    gate.next();
    await eventually(() => gate.targets[0] === '/2');
    gate.next();
    await Promise.all(asked.map(({ answer }) => answer));
  });

  test('a pool that is gone sends them to where the route leads now', async () => {
    const gate = await beginHeld();
    const first = await ask('/first');
    const second = await ask('/second');
    const other = await startBackend({ name: 'b2' });
    plane.setPools({ other: [other.port] });
    plane.setRoutes([{ pool: 'other' }]);
    expect((await get(plane.port)).body).toBe('b2');
    plane.setPools({}, ['main']);
    expect((await second.answer).body).toBe('b2');
    gate.next();
    expect((await first.answer).status).toBe(200);
    expect(plane.sum(Family.requestsInFlight)).toBe(0);
    await other.close();
  });
});

test('each lease that comes back is told once, however often the pool has changed', async () => {
  await beginHeld();
  for (let i = 0; i < 5; i++) plane.setPools({ main: [backend.port] }, [], i + 1);
  const freed = vi.spyOn(plane.pool().queue, 'freed');
  const endpoint = plane.endpoint(backend.port);
  endpoint.lease();
  endpoint.release();
  expect(freed).toHaveBeenCalledTimes(1);
  plane.setPools({ main: [backend.port] }, [], null);
  endpoint.lease();
  endpoint.release();
  expect(freed).toHaveBeenCalledTimes(1);
});

test('a lease that comes back through another pool makes room as well', async () => {
  const gate = await beginHeld({ routes: [{ path: '/' }, { path: '/own', pool: 'own' }], pools: {} });
  plane.engine.deadlines.close();
  // One endpoint in two pools: the same slot, as the catalog has it.
  plane.setPools({
    main: [backend.port],
    own: [{ port: backend.port, id: `main@127.0.0.1:${backend.port}` }],
  });
  plane.setRoutes([{ path: '/' }, { path: '/own', pool: 'own' }]);
  const own = get(plane.port, { path: '/own' });
  await eventually(() => gate.running === 1);
  const waiting = await ask('/waits');
  expect(plane.pool().queue.size).toBe(1);
  gate.next();
  await eventually(() => gate.targets[0] === '/waits');
  gate.next();
  expect([(await own).status, (await waiting.answer).status]).toEqual([200, 200]);
});

describe('failing endpoints', () => {
  test('a retry waits for its turn, and is not served before it', async () => {
    const gate = await beginHeld();
    const first = await ask('/first');
    await eventually(() => gate.running === 1);
    // The only one with room refuses connections.
    plane.setPools({ main: [backend.port, await freePort()] });
    const retried = get(plane.port, { path: '/retried' });
    await eventually(() => plane.pool().queue.size === 1);
    expect(plane.sum(Family.retries)).toBe(1);
    gate.next();
    await eventually(() => gate.targets[0] === '/retried');
    gate.next();
    expect((await retried).status).toBe(200);
    expect([(await first.answer).status, gate.most]).toEqual([200, 1]);
  });

  test('a retry that waits in vain says so, and not why the first attempt failed', async () => {
    const gate = await beginHeld({ timeouts: { queueMs: 100 } });
    const first = await ask('/first');
    await eventually(() => gate.running === 1);
    plane.setPools({ main: [backend.port, await freePort()] });
    expect(await reasonOf(get(plane.port))).toBe('503 overloaded');
    gate.next();
    expect((await first.answer).status).toBe(200);
  });

  test('one that is left out is not asked because the others are full', async () => {
    const gate = await beginHeld();
    const bad = await startBackend({ name: 'bad' });
    plane.setPools({ main: [backend.port, bad.port] });
    const out = plane.endpoint(bad.port);
    out.failed('connect', plane.engine.deadlines.now);
    expect(out.isOpen).toBe(false);
    const asked = [await ask('/0'), await ask('/1')];
    expect([out.inFlight(), plane.pool().queue.size]).toEqual([0, 1]);
    plane.setPools({ main: [backend.port] });
    for (const { answer } of asked) {
      await eventually(() => gate.running === 1);
      gate.next();
      await answer;
    }
    expect(bad.requests.length).toBe(0);
    await bad.close();
  });

  test('when all are left out, they are asked all the same, and no more than they may', async () => {
    const gate = await beginHeld();
    plane.endpoint(backend.port).failed('connect', plane.engine.deadlines.now);
    const asked = [await ask('/0'), await ask('/1')];
    await eventually(() => gate.running === 1);
    expect(plane.pool().queue.size).toBe(1);
    for (const { answer } of asked) {
      await eventually(() => gate.running === 1);
      gate.next();
      expect((await answer).status).toBe(200);
    }
  });
});
