import { afterEach, expect, test } from 'vitest';
import { followTogether } from '../../../../src/control/providers/aggregate.ts';
import type { WatchContext } from '../../../../src/control/providers/blocking-query.ts';
import { checkSignatures, readChecks, touchedBy } from '../../../../src/control/providers/checks.ts';
import type { ReadOptions, ReadResult } from '../../../../src/control/providers/consul-client.ts';
import { fault } from '../../../../src/control/providers/fault.ts';
import type { Follower } from '../../../../src/control/providers/follower.ts';
import { createGate } from '../../../../src/control/providers/gate.ts';
import { readKvLines } from '../../../../src/control/providers/kv-lines.ts';
import type { ServiceBook } from '../../../../src/control/providers/service-book.ts';
import { manualClock } from './manual-clock.ts';

const SERVICE = '/v1/health/service/';
const ANY = '/v1/health/state/any';

let life = new AbortController();
afterEach(() => {
  life.abort();
  life = new AbortController();
});

const check = (service: string, id = `service:${service}`, node = 'n1') => ({
  Node: node,
  CheckID: id,
  ServiceName: service,
  Status: 'passing',
});
const json = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));

function rig(names: readonly string[], parallel = 16) {
  const clock = manualClock();
  const bodies = new Map<string, unknown>([[ANY, names.map((name) => check(name))]]);
  const reads: string[] = [];
  /** Held reads of services, to be answered by the test; null answers at once. */
  let held: (() => void)[] | null = null;
  const read = (path: string, { index = 0, signal }: ReadOptions): Promise<ReadResult> => {
    const answer: ReadResult = { kind: 'ok', index: 5, body: json(bodies.get(path) ?? []), receivedAt: 0 };
    if (index > 0) {
      return new Promise((resolve) => {
        signal.addEventListener('abort', () => resolve(fault('aborted', 'aborted')));
      });
    }
    reads.push(path);
    const queue = held;
    if (queue === null || !path.startsWith(SERVICE)) return Promise.resolve(answer);
    return new Promise((resolve) => queue.push(() => resolve(answer)));
  };
  const context: WatchContext = {
    client: { read },
    clock,
    gate: createGate(clock, async () => ({ kind: 'ok' }), life.signal),
    waitMs: 1000,
    onAnswer() {},
    onFault() {},
    onLostMemory() {},
  };
  const book = { take: async () => 'accepted', onNode: () => [] } as unknown as ServiceBook;
  const follower: Follower = followTogether(context, book, parallel, life.signal);
  follower.follow(new Set(names));
  return {
    clock,
    bodies,
    follower,
    count: (prefix: string) => reads.filter((path) => path.startsWith(prefix)).length,
    reset: () => void reads.splice(0),
    hold: () => {
      held = [];
    },
    held: () => held?.length ?? 0,
    release: () => {
      for (const answer of held?.splice(0) ?? []) answer();
    },
  };
}

const many = Array.from({ length: 1000 }, (_, i) => `svc-${i}`);

test('reads every service once, after the lists of checks', async () => {
  const { clock, count } = rig(many);
  await clock.advance(0);
  await clock.advance(50);
  expect(count(SERVICE)).toBe(1000);
  expect(count('/v1/health/state/')).toBe(3);
});

test('without any hint everything is read again within a minute, at an even pace', async () => {
  const { clock, count, reset } = rig(many);
  await clock.advance(100);
  reset();
  await clock.advance(1000);
  expect(count(SERVICE)).toBeLessThanOrEqual(21);
  await clock.advance(49_500);
  expect(count(SERVICE)).toBeGreaterThanOrEqual(1000);
  expect(count(SERVICE)).toBeLessThan(1100);
});

test('a registration is found at once by the survey, and what it does not show by a faster round', async () => {
  const { clock, bodies, follower, count, reset } = rig(many);
  await clock.advance(1500);
  reset();
  bodies.set(ANY, [...many.map((name) => check(name)), check('svc-999', 'service:second')]);
  follower.registrationsMoved([]);
  await clock.advance(0);
  expect(count(ANY)).toBe(1);
  expect(count(`${SERVICE}svc-999`)).toBe(1);
  await clock.advance(5500);
  expect(new Set(many).size).toBeLessThanOrEqual(count(SERVICE));
});

test('surveys asked for without pause become one a second', async () => {
  const { clock, follower, count, reset } = rig(['a']);
  await clock.advance(1500);
  reset();
  for (let i = 0; i < 30; i += 1) {
    follower.registrationsMoved([]);
    await clock.advance(100);
  }
  expect(count(ANY)).toBeLessThanOrEqual(4);
  expect(count(ANY)).toBeGreaterThanOrEqual(3);
});

test('a service is never read twice at the same time; a hint during a read causes another', async () => {
  const { clock, follower, hold, held, release, count, reset } = rig(['a', 'b']);
  await clock.advance(100);
  reset();
  hold();
  for (let i = 0; i < 5; i += 1) follower.suspect(['a']);
  await clock.advance(0);
  expect(held()).toBe(1);
  release();
  await clock.advance(0);
  expect(held()).toBe(1);
  release();
  await clock.advance(0);
  expect(count(`${SERVICE}a`)).toBe(2);
});

test('reads run side by side up to the bound', async () => {
  const { clock, follower, hold, held } = rig(many, 4);
  await clock.advance(1000);
  hold();
  follower.suspectAll();
  await clock.advance(0);
  expect(held()).toBe(4);
});

test('checks that came, went or changed hands touch their services and nodes', () => {
  const before = readChecks(json([check('a'), check('b'), check('', 'serfHealth'), check('c', 'moved')]));
  const after = readChecks(
    json([check('a'), check('d'), check('', 'serfHealth', 'n2'), check('e', 'moved')]),
  );
  const { services, nodes } = touchedBy(before, after);
  expect([...services].sort()).toEqual(['b', 'c', 'd', 'e']);
  expect([...nodes].sort()).toEqual(['n1', 'n2']);
});

test('signatures of checks do not depend on their order', () => {
  const list = [check('a', '1'), check('a', '2'), check('b')];
  expect(checkSignatures(json(list))).toEqual(checkSignatures(json(list.toReversed())));
  expect(checkSignatures(json(list)).get('a')).not.toBe(checkSignatures(json(list.slice(1))).get('a'));
});

test('KV values are decoded and sorted; folders are left out', () => {
  const value = (text: string): string => Buffer.from(text).toString('base64');
  const answer = [
    { Key: 'f/b', Value: value('second ü') },
    { Key: 'f/', Value: null },
    { Key: 'f/a', Value: value('first') },
  ];
  expect(readKvLines(json(answer))).toEqual([
    ['f/a', 'first'],
    ['f/b', 'second ü'],
  ]);
  expect(readKvLines(null)).toEqual([]);
});
