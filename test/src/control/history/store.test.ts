import { mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type HistoryStore, openHistoryStore } from '../../../../src/control/history/store.ts';

let folder: string;
const stores: HistoryStore[] = [];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'fairlead-history-'));
});

afterEach(async () => {
  for (const store of stores.splice(0)) store.close();
  await rm(folder, { recursive: true, force: true });
});

function open(where = folder, limit = 5): HistoryStore {
  const store = openHistoryStore(where, limit);
  stores.push(store);
  return store;
}

function save(store: HistoryStore, version: number, more = {}): void {
  store.save({ version, atMs: version * 1_000, text: JSON.stringify({ version, ...more }) });
}

function versions(store: HistoryStore, below = 1_000, limit = 1_000): number[] {
  return store.load(below, limit).map(({ version }) => version);
}

test('what was saved is there, oldest first, and only the latest of it', async () => {
  const store = open();
  expect([store.lastVersion, store.warning]).toEqual([0, null]);
  for (let version = 1; version <= 8; version++) save(store, version);
  save(store, 8, { lagMs: 2 });
  store.close();
  const again = open();
  expect(again.lastVersion).toBe(8);
  expect(versions(again)).toEqual([4, 5, 6, 7, 8]);
  expect(versions(again, 7, 2)).toEqual([5, 6]);
  expect(again.load(9, 1)).toEqual([{ version: 8, atMs: 8_000, text: '{"version":8,"lagMs":2}' }]);
  expect((await stat(join(folder, 'history.sqlite'))).mode & 0o777).toBe(0o600);
});

test('many at once are written without waiting', () => {
  const store = open(folder, 1_000);
  for (let version = 1; version <= 250; version++) save(store, version);
  expect(versions(open(folder, 1_000))).toHaveLength(250);
});

test('a damaged row is left out, a damaged file is set aside', async () => {
  const store = open();
  for (const version of [1, 2, 3]) save(store, version);
  store.close();
  const database = new DatabaseSync(join(folder, 'history.sqlite'));
  database.exec(`UPDATE entry SET text = '{"version":2' WHERE version = 2`);
  database.close();
  const damaged = open();
  expect(versions(damaged)).toEqual([1, 3]);
  damaged.close();
  await writeFile(
    join(folder, 'history.sqlite'),
    'no database at all, but long enough to be looked at'.repeat(90),
  );
  const fresh = open();
  expect(fresh.warning).toContain('history.sqlite.broken-1');
  expect(fresh.lastVersion).toBe(0);
  expect(await readdir(folder)).toContain('history.sqlite.broken-1');
});

test('where nothing can be written it is kept in memory', async () => {
  await writeFile(join(folder, 'file'), '');
  const store = open(join(folder, 'file', 'below'));
  expect(store.warning).toContain('the history is kept in memory only');
  save(store, 1);
  expect(store.lastVersion).toBe(0);
});

test('a failure of the disk is a warning and nothing else', () => {
  const store = open();
  const database = new DatabaseSync(join(folder, 'history.sqlite'));
  database.exec('DROP TABLE entry');
  database.close();
  save(store, 1);
  expect(versions(store)).toEqual([]);
  expect(store.warning).toContain('no such table');
  store.close();
});
