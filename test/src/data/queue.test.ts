/** The queue by itself: who may come next is decided by what can be had. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Candidate } from '../../../router/balancers.ts';
import { Bell } from '../../../src/data/bell.ts';
import { Deadlines } from '../../../src/data/deadlines.ts';
import type { Member } from '../../../src/data/pools.ts';
import { type GaveUp, PoolQueue, type Waiter } from '../../../src/data/queue.ts';
import { createQueuesLayout, QueueCounters, QueueTotal } from '../../../src/shared/queue-counters.ts';

const SLOT = 7;
const WAIT_MS = 5_000;

let now: number;
let deadlines: Deadlines;
let counters: QueueCounters;
/** Members by name, and whether they can be had. */
let free: Map<string, boolean>;
let queue: PoolQueue;
let heard: string[];

beforeEach(() => {
  now = 1_000;
  deadlines = new Deadlines(60_000, () => now);
  counters = new QueueCounters(createQueuesLayout(2));
  free = new Map([
    ['a', false],
    ['b', false],
  ]);
  heard = [];
  queue = queueOf(0);
  return () => deadlines.close();
});

afterEach(() => {
  queue.close();
  expect([queue.size, deadlines.size, counters.waiting(SLOT)]).toEqual([0, 0, 0]);
});

function queueOf(worker: number): PoolQueue {
  const wanted = (tried: readonly Candidate[] | null): string[] =>
    [...free.keys()].filter((id) => !tried?.some((each) => each.id === id));
  return new PoolQueue(
    {
      take: ({ tried }) => {
        const id = wanted(tried).find((each) => free.get(each));
        if (id === undefined) return null;
        free.set(id, false);
        return { id } as Member;
      },
      hasCandidate: ({ tried }) => wanted(tried).length > 0,
    },
    SLOT,
    { counters, worker, bell: new Bell(counters, worker), deadlines, places: 4, waitMs: WAIT_MS },
  );
}

function waiter(name: string, ...tried: string[]): Waiter {
  return {
    ask: {
      random: Math.random,
      key: null,
      tried: tried.length === 0 ? null : tried.map((id) => ({ id }) as Member),
    },
    onTurn: ({ id }) => void heard.push(`${name} has ${id}`),
    onGaveUp: (reason: GaveUp) => void heard.push(`${name}: ${reason}`),
  };
}

function enter(...waiters: Waiter[]): void {
  for (const each of waiters) expect(queue.enter(each)).toBeNull();
}

/** A lease has come back. */
async function freed(id: string): Promise<void> {
  free.set(id, true);
  queue.freed();
  await settled();
}

/** Rings pass through a promise or two. */
const settled = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 5));

test('first come, first served, one for each that is free', async () => {
  enter(waiter('x'), waiter('y'), waiter('z'));
  await freed('b');
  expect(heard).toEqual(['x has b']);
  free.set('a', true);
  await freed('b');
  expect(heard).toEqual(['x has b', 'y has a', 'z has b']);
});

test('one that was everywhere else already does not hold up those behind it', async () => {
  enter(waiter('choosy', 'a'), waiter('y'));
  await freed('a');
  expect(heard).toEqual(['y has a']);
  await freed('b');
  expect(heard).toEqual(['y has a', 'choosy has b']);
});

test('one for whom nobody is left is told, the others wait on', async () => {
  enter(waiter('choosy', 'a'), waiter('y'));
  free.delete('b');
  queue.wake();
  await settled();
  expect(heard).toEqual(['choosy: no_healthy_instance']);
  expect(queue.enter(waiter('late', 'a'))).toBe('no_healthy_instance');
  expect(queue.size).toBe(1);
});

test('what came back just before somebody waited is found', async () => {
  enter(waiter('x'));
  free.set('a', true);
  await settled();
  expect(heard).toEqual(['x has a']);
});

test('time is up for each by itself, and those whose turn it is go first', () => {
  enter(waiter('x'), waiter('y'));
  deadlines.sweep(now + 100);
  enter(waiter('z'));
  free.set('a', true);
  deadlines.sweep(now + WAIT_MS);
  expect(heard).toEqual(['x has a', 'y: overloaded']);
  deadlines.sweep(now + WAIT_MS + 99);
  expect(queue.size).toBe(1);
  deadlines.sweep(now + WAIT_MS + 100);
  expect(heard.at(-1)).toBe('z: overloaded');
  expect(counters.total(SLOT, QueueTotal.timeouts)).toBe(2);
});

test('one that leaves because another one is served is not served', async () => {
  const second = waiter('second');
  const first = { ...waiter('first'), onTurn: () => queue.leave(second) };
  enter(first, second, waiter('third'));
  free.set('a', true);
  await freed('b');
  expect(heard).toEqual(['third has b']);
});

test('is closed when its pool is gone, and whoever comes then is told at once', () => {
  enter(waiter('x'), waiter('y'));
  queue.close();
  expect(heard).toEqual(['x: pool_gone', 'y: pool_gone']);
});

describe('beside the queue of another worker', () => {
  test('leases are left to each other in turn', async () => {
    const other = queueOf(1);
    enter(waiter('x'), waiter('y'));
    other.enter(waiter('there'));
    // Each looks once by itself when somebody comes.
    await settled();
    await freed('a');
    expect(heard).toEqual(['there has a']);
    await freed('a');
    expect(heard).toEqual(['there has a', 'x has a']);
  });

  test('each ring is heard, also one after the other', async () => {
    const other = queueOf(1);
    for (const name of ['1', '2', '3']) other.enter(waiter(name));
    for (let i = 0; i < 3; i++) await freed('a');
    expect(heard).toEqual(['1 has a', '2 has a', '3 has a']);
    // It does not listen for what nobody waits for, and listens again.
    counters.ring(1);
    await settled();
    other.enter(waiter('4'));
    await freed('a');
    expect(heard.at(-1)).toBe('4 has a');
  });
});
