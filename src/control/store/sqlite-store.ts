import { randomUUID } from 'node:crypto';
import { closeSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { makeFolder } from '../make-folder.ts';
import { createLease } from './lease.ts';
import { startRefresh } from './refresh.ts';
import { ABSENT, checkKey, checkWrite, type Entry, type Store, StoreError } from './store.ts';

const FILE = 'shared.sqlite';
/** Another process may be writing; its transactions take well under a millisecond. */
const BUSY_MS = 2000;
/** How often other processes' writes are looked for: one integer in memory that SQLite shares between them. */
const LOOK_MS = 200;

const SCHEMA = `
CREATE TABLE IF NOT EXISTS entry (key TEXT PRIMARY KEY, value TEXT NOT NULL, version INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS lease (name TEXT PRIMARY KEY, owner TEXT NOT NULL, until INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS counter (id INTEGER PRIMARY KEY CHECK (id = 0), value INTEGER NOT NULL);
INSERT OR IGNORE INTO counter VALUES (0, 0);`;

/**
 * `<dir>/shared.sqlite`: for one machine, also for several processes on it. SQLite gives what files by themselves do
 * not: writes that are whole after a crash, check-and-set and locks without a race over stale lock files.
 */
export function openSqliteStore(dir: string): Store {
  const db = reach(() => open(dir));
  const next = db.prepare('UPDATE counter SET value = value + 1 RETURNING value');
  const select = db.prepare('SELECT value, version FROM entry WHERE key = ?');
  const upsert = db.prepare('INSERT OR REPLACE INTO entry (key, value, version) VALUES (?, ?, ?)');
  const remove = db.prepare('DELETE FROM entry WHERE key = ?');
  const below = db.prepare('SELECT key, value, version FROM entry WHERE key >= ? AND key < ? ORDER BY key');
  const held = db.prepare('SELECT owner FROM lease WHERE name = ? AND until > ?');
  const take = db.prepare('INSERT OR REPLACE INTO lease (name, owner, until) VALUES (?, ?, ?)');
  const extend = db.prepare('UPDATE lease SET until = ? WHERE name = ? AND owner = ? AND until > ?');
  const giveBack = db.prepare('DELETE FROM lease WHERE name = ? AND owner = ?');
  const version = db.prepare('PRAGMA data_version');
  const refreshers = new Set<() => void>();

  function transaction<T>(work: () => T): T {
    return reach(() => {
      db.exec('BEGIN IMMEDIATE');
      try {
        const result = work();
        db.exec('COMMIT');
        return result;
      } catch (error) {
        if (db.isTransaction) db.exec('ROLLBACK');
        throw error;
      }
    });
  }

  const draw = (): number => Number(next.get()?.value);
  const versionOf = (key: string): number => Number(select.get(key)?.version ?? ABSENT);
  /** Null where it cannot be read: the listing fails then, too, and says why. */
  const dataVersion = (): number | null => {
    try {
      return Number(version.get()?.data_version);
    } catch {
      return null;
    }
  };
  const tellOwnWatchers = (): void => {
    for (const refresh of refreshers) refresh();
  };

  return {
    async get(key) {
      checkKey(key);
      const row = reach(() => select.get(key));
      return row === undefined ? null : { value: String(row.value), version: Number(row.version) };
    },
    async put(key, value, { ifVersion } = {}) {
      checkWrite(key, value);
      const written = transaction(() => {
        if (ifVersion !== undefined && versionOf(key) !== ifVersion) return null;
        const fresh = draw();
        upsert.run(key, value, fresh);
        return fresh;
      });
      if (written !== null) tellOwnWatchers();
      return written;
    },
    async delete(key, { ifVersion } = {}) {
      checkKey(key);
      const deleted = transaction(() => {
        if (ifVersion !== undefined && versionOf(key) !== ifVersion) return false;
        remove.run(key);
        return true;
      });
      if (deleted) tellOwnWatchers();
      return deleted;
    },
    list: async (prefix) => list(prefix),
    watch(prefix, watcher, signal) {
      if (signal.aborted) return;
      const refresh = startRefresh(async () => list(prefix), watcher, signal);
      let seen: number | null = -1;
      const timer = setInterval(() => {
        if (!db.isOpen) return clearInterval(timer);
        const now = dataVersion();
        if (now === null || now !== seen) refresh();
        seen = now;
      }, LOOK_MS).unref();
      refreshers.add(refresh);
      signal.addEventListener('abort', () => {
        clearInterval(timer);
        refreshers.delete(refresh);
      });
    },
    async lock(name, ttlMs) {
      checkKey(name);
      const owner = randomUUID();
      const since = performance.now();
      const token = transaction(() => {
        if (held.get(name, Date.now()) !== undefined) return null;
        take.run(name, owner, Date.now() + ttlMs);
        return draw();
      });
      if (token === null) return null;
      return createLease({
        ...{ token, ttlMs, since },
        extend: async () =>
          reach(() => extend.run(Date.now() + ttlMs, name, owner, Date.now())).changes === 1,
        giveBack: async () => void reach(() => giveBack.run(name, owner)),
      });
    },
    async close() {
      if (db.isOpen) db.close();
    },
  };

  function list(prefix: string): readonly Entry[] {
    const rows = reach(() => below.all(prefix, `${prefix}\u{10ffff}`));
    return rows.map((row) => ({
      key: String(row.key),
      value: String(row.value),
      version: Number(row.version),
    }));
  }
}

function open(dir: string): DatabaseSync {
  makeFolder(dir, 0o700);
  const file = join(dir, FILE);
  // Made by us, so that private keys are private from the first moment; SQLite's side files get the same mode.
  closeSync(openSync(file, 'a', 0o600));
  const db = new DatabaseSync(file, { timeout: BUSY_MS });
  db.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;');
  db.exec(SCHEMA);
  return db;
}

function reach<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw new StoreError('unavailable', `${FILE}: ${(error as Error).message}`, error);
  }
}
