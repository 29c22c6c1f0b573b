import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { Health, Instance } from '../../../../router/model.ts';
import { Planner } from '../../../../router/planner.ts';
import type { HistoryEntry } from '../../../../src/control/history/entry.ts';
import { History } from '../../../../src/control/history/history.ts';
import { openHistoryStore } from '../../../../src/control/history/store.ts';
import { instance, instances } from '../facts.ts';

const accepts = (health: Health): boolean => health === 'passing';

let folder: string;
let planner: Planner;
let history: History;
let version: number;
let told: number[];
let known: Map<string, readonly Instance[]>;

beforeEach(async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'], now: Date.UTC(2026, 0, 31, 12) });
  folder = await mkdtemp(join(tmpdir(), 'fairlead-history-'));
  planner = new Planner({
    ...{ dialects: { fairlead: true, fabio: null }, datacenter: '', listeners: ['web'], accepts },
    ...{ tcpPorts: null, udpPorts: null, takenPorts: new Map(), tlsListeners: [] },
  });
  version = 0;
  told = [];
  known = new Map();
  begin();
});

afterEach(async () => {
  history.close();
  vi.useRealTimers();
  await rm(folder, { recursive: true, force: true });
});

/** A life of the router. */
function begin(): void {
  history = new History({ accepts, outputOf: () => null });
  const store = openHistoryStore(folder, 1_000);
  history.open(store);
  version = store.lastVersion;
  history.follow((record) => void told.push(record.version));
}

/** The news of a service, committed. */
function news(service: string, now: readonly Instance[]): void {
  history.note({ kind: 'service', service, before: known.get(service) ?? [], after: now, how: 'reported' });
  known.set(service, now);
  planner.setService(service, now);
  history.committed(++version, planner.commit(), planner.replaced);
}

function entries(since: Parameters<History['since']>[0] = { kind: 'all' }): HistoryEntry[] {
  return history.since(since).map((text) => JSON.parse(text) as HistoryEntry);
}

test('an entry says what changed, why, and when it was live', () => {
  news('a', instances('a', 2));
  news('a', [instance('a', 1), instance('a', 2, { health: 'critical' })]);
  history.live(1, 2.71499);
  history.live(2, 1);
  expect(entries()).toEqual([
    {
      ...{ version: 1, at: '2026-01-31T12:00:00.000Z', cause: 'a came with 2 instances', lagMs: 2.71 },
      changes: [
        ...[1, 2].map((n) => ({
          ...{ kind: 'endpoint-in', service: 'a', endpoint: `a@10.0.0.97:100${n}`, instance: `n/a-${n}` },
          ...{ pools: ['a'], why: 'registered' },
        })),
        { kind: 'route-added', route: 'a.test/' },
      ],
    },
    {
      ...{ version: 2, at: '2026-01-31T12:00:00.000Z', lagMs: 1 },
      cause: 'check c of n/a-2 went from passing to critical: refused',
      changes: [
        {
          ...{ kind: 'endpoint-out', service: 'a', endpoint: 'a@10.0.0.97:1002', instance: 'n/a-2' },
          ...{ pools: ['a'], why: 'c is critical: refused' },
        },
      ],
    },
  ]);
});

test('weights, options, tags and departures', () => {
  news('a', instances('a', 2));
  news('a', [instance('a', 1), instance('a', 2, { weights: { passing: 5, warning: 1 } })]);
  news('a', [
    instance('a', 1),
    instance('a', 2, { tags: ['fairlead:a.test/ strip=/x balance=rr', 'fairlead:b.test/'] }),
  ]);
  news('a', [instance('a', 1, { tags: [] })]);
  news('a', []);
  const [, weight, tags, gone, left] = entries().map(({ changes }) => changes);
  expect(weight).toMatchObject([{ kind: 'weight', instance: 'n/a-2', from: 1, to: 5 }]);
  expect(tags).toContainEqual({ kind: 'route-added', route: 'b.test/' });
  expect(tags).toContainEqual({ kind: 'route-changed', route: 'a.test/', what: ['options', 'source'] });
  expect(tags).toContainEqual({ kind: 'pool-changed', pool: 'a', what: ['balance'] });
  expect(gone).toContainEqual(
    expect.objectContaining({ kind: 'endpoint-out', instance: 'n/a-1', why: 'other tags' }),
  );
  expect(gone).toContainEqual(expect.objectContaining({ instance: 'n/a-2', why: 'deregistered' }));
  expect(gone).toContainEqual({ kind: 'route-removed', route: 'a.test/' });
  expect(left).toBeUndefined();
});

test('one endpoint in many pools is one change, and a change of thousands is cut', () => {
  const tags = Array.from(
    { length: 30 },
    (_, i) => `fairlead:a.test/${i} balance=${i % 2 ? 'rr' : 'random'} maxconn=${i + 1}`,
  );
  news('a', [instance('a', 1, { tags })]);
  const [{ changes, omitted } = { changes: [], omitted: 0 }] = entries();
  expect(changes.filter(({ kind }) => kind === 'endpoint-in')).toHaveLength(1);
  expect(changes[0]).toMatchObject({ pools: { length: 5 } });
  expect([changes.length, omitted]).toEqual([31, undefined]);
  news('b', instances('b', 400));
  expect(entries().at(-1)).toMatchObject({ changes: { length: 50 }, omitted: 351 });
});

test('what changes nothing is no entry, and no cause of the next', () => {
  news('a', instances('a', 1));
  history.note({ kind: 'config' });
  history.committed(version, planner.commit(), planner.replaced);
  news('b', instances('b', 1));
  expect(entries().map(({ version: of, cause }) => [of, cause])).toEqual([
    [1, 'a came with 1 instance'],
    [2, 'b came with 1 instance'],
  ]);
});

describe('readers', () => {
  test('are told in order, when an entry is live everywhere', () => {
    news('a', instances('a', 1));
    news('b', instances('b', 1));
    history.live(2, 1);
    expect(told).toEqual([]);
    history.live(1, 2);
    expect(told).toEqual([1, 2]);
    expect(entries().map(({ lagMs }) => lagMs)).toEqual([2, 1]);
  });

  test('do not wait for a worker that is late; its lag is filled in', () => {
    news('a', instances('a', 1));
    vi.advanceTimersByTime(249);
    expect(told).toEqual([]);
    vi.advanceTimersByTime(1);
    expect(told).toEqual([1]);
    expect(entries()[0]!.lagMs).toBeNull();
    history.live(1, 400);
    expect(entries()[0]!.lagMs).toBe(400);
    expect(told).toEqual([1]);
  });
});

describe('questions', () => {
  beforeEach(() => {
    for (const [i, name] of ['a', 'b', 'c'].entries()) {
      vi.setSystemTime(Date.UTC(2026, 0, 31, 12, i));
      news(name, instances(name, 1));
      history.live(i + 1, 1);
    }
  });

  test('by version and by time', () => {
    const versions = (since: Parameters<History['since']>[0]): number[] =>
      entries(since).map((each) => each.version);
    expect(versions({ kind: 'version', version: 1 })).toEqual([2, 3]);
    expect(versions({ kind: 'version', version: 9 })).toEqual([]);
    expect(versions({ kind: 'time', atMs: Date.UTC(2026, 0, 31, 12, 1) })).toEqual([2, 3]);
  });

  test('what followed a version is known, or known to be unknown', () => {
    const following = (of: number): number[] | undefined =>
      history.after(of, version)?.map((record) => record.version);
    expect([following(0), following(2), following(3)]).toEqual([[1, 2, 3], [3], []]);
    expect(following(4)).toBeUndefined();
  });

  test('only so many are kept', () => {
    for (let i = 0; i < 1_000; i++) {
      news('flap', instances('flap', 1 + (i % 2)));
      history.live(version, 1);
    }
    expect(entries()).toHaveLength(1_000);
    expect(entries()[0]!.version).toBe(4);
    expect(history.after(2, version)).toBeNull();
    expect(history.after(3, version)).toHaveLength(1_000);
  });

  test('and only so many bytes', () => {
    const tags = Array.from({ length: 60 }, (_, i) => `fairlead:a.test/${'x'.repeat(2_000)}${i}`);
    for (let i = 0; i < 80; i++) {
      news('a', [instance('a', 1, { tags: i % 2 ? tags : [] })]);
      history.live(version, 1);
    }
    const size = history.since({ kind: 'all' }).join('').length;
    expect(size).toBeLessThan(4 * 1024 * 1024);
    expect(size).toBeGreaterThan(3 * 1024 * 1024);
    expect(entries().at(-1)!.version).toBe(version);
  });
});

describe('a restart', () => {
  test('goes on with the versions and keeps what was written, whether anybody asked or not', () => {
    news('a', instances('a', 1));
    history.live(1, 5);
    news('b', instances('b', 1));
    history.close();
    begin();
    expect(version).toBe(2);
    news('c', instances('c', 1));
    expect(history.after(0, version)!.map((record) => record.version)).toEqual([1, 2]);
    expect(entries().map(({ version: of, lagMs }) => [of, lagMs])).toEqual([
      [1, 5],
      [2, null],
      [3, null],
    ]);
  });
});
