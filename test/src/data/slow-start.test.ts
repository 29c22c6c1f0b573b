/** Newcomers to pools at work. The clock of the deadlines is moved by hand; leases are taken without requests. */
import { afterEach, describe, expect, test } from 'vitest';
import type { Balance } from '../../../router/model.ts';
import { EndpointState } from '../../../src/shared/counters.ts';
import { type EndpointSpec, type Plane, type PlaneOptions, startPlane } from '../../support/engine.ts';

const SLOW_START_MS = 10_000;
const [A, B, C] = [10_001, 10_002, 10_003];

let plane: Plane;

afterEach(async () => {
  plane.setPools({ main: [] });
  expect(plane.engine.deadlines.size).toBe(0);
  await plane.close();
});

async function begin(ports: EndpointSpec[], options: PlaneOptions = {}): Promise<void> {
  plane = await startPlane({ slowStartMs: SLOW_START_MS, pools: { main: ports }, ...options });
  plane.engine.deadlines.close();
}

function later(ms: number): void {
  plane.engine.deadlines.sweep(plane.engine.deadlines.now + ms);
}

/** How many of `count` requests, one after the other, go to each port. */
function shares(count: number, pool = 'main'): Record<number, number> {
  const counts: Record<number, number> = {};
  // Evenly spread chances: as exact as turns.
  let point = 0;
  for (let i = 0; i < count; i++) {
    const random = (): number => {
      point = (point + 0.618033988749895) % 1;
      return point;
    };
    const member = plane
      .pool(pool)
      .acquire({ random, key: `${i}`, tried: null }, plane.engine.deadlines.now)!;
    counts[member.endpoint.port] = (counts[member.endpoint.port] ?? 0) + 1;
    member.endpoint.release();
  }
  return counts;
}

function stateOf(port: number): number {
  return plane.counters.state(plane.endpoint(port).slot);
}

describe.each<Balance['kind']>(['least', 'rr', 'random'])('a newcomer, balanced by %s', (kind) => {
  test('takes a fifth of its weight at once, and all of it in the end', async () => {
    await begin([A, B], { balance: { kind } as Balance });
    expect(shares(100)).toEqual({ [A]: 50, [B]: 50 });
    plane.setPools({ main: [A, B, C] });
    expect(stateOf(C)).toBe(EndpointState.slowStart);
    for (const [ms, share] of [
      [0, 0.2],
      [SLOW_START_MS / 2, 0.6],
      [SLOW_START_MS * 0.49, 0.992],
    ] as const) {
      later(ms);
      const counts = shares(2_200);
      expect(counts[C]! / 2_200).toBeCloseTo(share / (2 + share), 2);
      expect(counts[A]! / counts[B]!).toBeCloseTo(1, 1);
    }
    later(SLOW_START_MS * 0.02);
    expect(stateOf(C)).toBe(EndpointState.active);
    expect(plane.engine.deadlines.size).toBe(0);
    const counts = shares(300);
    for (const port of [A, B, C]) expect(Math.abs(counts[port]! - 100)).toBeLessThan(5);
  });
});

test('under load a newcomer holds its part of what is in flight', async () => {
  await begin([A, B]);
  const ask = { random: Math.random, key: null, tried: null };
  const held = Array.from({ length: 100 }, () => plane.pool().acquire(ask, 0)!);
  plane.setPools({ main: [A, B, C] });
  for (let i = 0; i < 1_000; i++) {
    held.push(plane.pool().acquire(ask, 0)!);
    held.splice((i * 7) % held.length, 1)[0]!.endpoint.release();
  }
  expect(plane.endpoint(C).inFlight()).toBeGreaterThanOrEqual(5);
  // 0.2 of 2.2, and no more than one above.
  expect(plane.endpoint(C).inFlight()).toBeLessThanOrEqual(11);
  for (const { endpoint } of held) endpoint.release();
});

describe('a canary has what its weight says', () => {
  const stable = (port: number): EndpointSpec => ({ port, weight: 95 });
  const canary: EndpointSpec = { port: B, weight: 5 };

  test.each([
    ['when it comes', [stable(A)]],
    ['when the one beside it comes', [canary]],
  ])('%s', async (_, first) => {
    await begin(first);
    plane.setPools({ main: [stable(A), canary] });
    expect([shares(1_000), stateOf(A), stateOf(B)]).toEqual([{ [A]: 950, [B]: 50 }, 0, 0]);
  });

  test('when the one beside it was left out for failing', async () => {
    await begin([stable(A), canary]);
    plane.endpoint(A).failed('connect', plane.engine.deadlines.now);
    expect(shares(10)).toEqual({ [B]: 10 });
    later(1_000);
    expect([shares(1_000), stateOf(A)]).toEqual([{ [A]: 950, [B]: 50 }, EndpointState.active]);
  });

  test('and its own pool beside another one that starts slowly elsewhere', async () => {
    const routes = [{}, { path: '/two', pool: 'two' }];
    const shared: EndpointSpec = { port: C, weight: 95, id: 'c' };
    await begin([stable(A)], { routes, pools: { main: [stable(A)], two: [canary] } });
    plane.setPools({ main: [stable(A), shared], two: [canary, shared] });
    expect(shares(120)).toEqual({ [A]: 100, [C]: 20 });
    expect(shares(1_000, 'two')).toEqual({ [C]: 950, [B]: 50 });
    plane.setPools({ two: [] });
  });
});

test('one that starts slowly is a neighbour like any other for the next', async () => {
  await begin([A]);
  plane.setPools({ main: [A, B] });
  plane.setPools({ main: [B, C] });
  expect([stateOf(B), stateOf(C)]).toEqual([EndpointState.slowStart, EndpointState.slowStart]);
});

test('hashing ignores it: the keys of a newcomer go to it at once', async () => {
  await begin([A, B], { balance: { kind: 'hash', on: 'ip' } });
  plane.setPools({ main: [A, B, C] });
  expect(stateOf(C)).toBe(EndpointState.active);
  const before = shares(3_000);
  expect(before[C]! / 3_000).toBeCloseTo(1 / 3, 1);
  later(SLOW_START_MS);
  expect(shares(3_000)).toEqual(before);
});

describe('at once takes all', () => {
  test('everybody when slow start is off', async () => {
    await begin([A], { slowStartMs: 0 });
    plane.setPools({ main: [A, B] });
    expect([stateOf(B), shares(100)]).toEqual([EndpointState.active, { [A]: 50, [B]: 50 }]);
  });

  test('everybody of the first table, of an incomplete one, and of one that is told again', async () => {
    await begin([A]);
    expect(stateOf(A)).toBe(EndpointState.active);
    plane.setPools({ main: [A, B] }, [], null, { isComplete: false });
    later(SLOW_START_MS);
    plane.setPools({ main: [A, B, C] });
    expect(stateOf(C)).toBe(EndpointState.active);
    plane.setPools({ main: [A, B, 10_004] }, [], null, { reset: true });
    expect(stateOf(10_004)).toBe(EndpointState.active);
  });

  test('the instances of a new service, which come one after the other', async () => {
    await begin([]);
    plane.setPools({ main: [A] });
    later(SLOW_START_MS - 1);
    plane.setPools({ main: [A, B] });
    expect([stateOf(B), shares(100)]).toEqual([EndpointState.active, { [A]: 50, [B]: 50 }]);
    later(1);
    plane.setPools({ main: [A, B, C] });
    expect(stateOf(C)).toBe(EndpointState.slowStart);
  });

  test('who changes its weight', async () => {
    await begin([A, { port: B, weight: 0 }]);
    plane.setPools({ main: [A, { port: B, weight: 1 }] });
    expect([stateOf(B), shares(100)]).toEqual([EndpointState.active, { [A]: 50, [B]: 50 }]);
  });

  test('all of a pool that is new, or has nobody left from before', async () => {
    await begin([A]);
    plane.setPools({ main: [B, C] });
    expect([stateOf(B), stateOf(C)]).toEqual([EndpointState.active, EndpointState.active]);
  });

  test('who is at work in another pool already', async () => {
    const routes = [{}, { path: '/two', pool: 'two' }];
    const b: EndpointSpec = { port: B, id: 'b' };
    await begin([A, b], { routes, pools: { main: [A, b], two: [C] } });
    plane.setPools({ two: [C, b] });
    expect(stateOf(B)).toBe(EndpointState.active);
    plane.setPools({ two: [] });
  });
});

describe('from the beginning again starts', () => {
  test('who left and comes back', async () => {
    await begin([A, B]);
    plane.setPools({ main: [A] });
    plane.setPools({ main: [A, B] });
    expect(stateOf(B)).toBe(EndpointState.slowStart);
    expect(shares(600)).toEqual({ [A]: 500, [B]: 100 });
  });

  test('who was left out for failing, when it is asked again', async () => {
    await begin([A, B]);
    const failing = plane.endpoint(B);
    failing.failed('connect', plane.engine.deadlines.now);
    expect([stateOf(B), shares(100)]).toEqual([EndpointState.ejected, { [A]: 100 }]);
    later(1_000);
    expect(shares(600)).toEqual({ [A]: 500, [B]: 100 });
    expect(stateOf(B)).toBe(EndpointState.slowStart);
    // It fails once more, in the middle of it.
    failing.failed('connect', plane.engine.deadlines.now);
    expect([stateOf(B), plane.engine.deadlines.size]).toEqual([EndpointState.ejected, 0]);
    later(2_000);
    shares(1);
    later(SLOW_START_MS);
    expect([stateOf(B), shares(100)]).toEqual([EndpointState.active, { [A]: 50, [B]: 50 }]);
  });
});

test('one that is new in two pools starts slowly in both, whichever comes first', async () => {
  const routes = [{}, { path: '/two', pool: 'two' }];
  const c: EndpointSpec = { port: C, id: 'c' };
  await begin([A], { routes, pools: { two: [B], main: [A] } });
  plane.setPools({ two: [c], main: [A, c] });
  expect(stateOf(C)).toBe(EndpointState.slowStart);
  expect(shares(600)).toEqual({ [A]: 500, [C]: 100 });
  expect(shares(10, 'two')).toEqual({ [C]: 10 });
  plane.setPools({ two: [] });
});

test('the weight of one that starts slowly may change meanwhile', async () => {
  await begin([A]);
  plane.setPools({ main: [A, B] });
  plane.setPools({ main: [A, { port: B, weight: 2 }] });
  expect(shares(700)).toEqual({ [A]: 500, [B]: 200 });
});
