import { chmodSync, closeSync, existsSync, mkdirSync, openSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { Instance } from '../../router/model.ts';

/** The last good catalog on disk: what a cold start serves while Consul cannot be asked. */
export interface CatalogStore {
  load(): StoredCatalog;
  /** Remembers the instances of a service, or with `[]` that it has none. Written after the settle time. */
  save(service: string, instances: readonly Instance[]): void;
  /** Writes what is pending now; false when that failed (see `warning`), it is then tried again later. */
  flush(): boolean;
  /** Flushes and lets go of the file. */
  close(): void;
  /** Why the catalog will not, or not fully, survive this process; for the log. */
  readonly warning: string | null;
}

export interface StoredCatalog {
  readonly services: Map<string, Instance[]>;
  /** Epoch milliseconds of the last write; null when there was none. */
  readonly savedAt: number | null;
}

export interface CatalogStoreOptions {
  /** How long changes are gathered before they are written, at most a second. */
  readonly settleMs?: number;
}

const FILE = 'catalog.sqlite';
/** `FLcs`: tells our file from any other SQLite file. */
const APPLICATION_ID = 0x464c6373;
const SCHEMA_VERSION = 1;
const MAX_SETTLE_MS = 1000;
const RETRY_MS = 5000;
/** Writes are synchronous: this many rows take a few milliseconds. */
const ROWS_PER_TURN = 250;
const SQLITE_CORRUPT = 11;
const SQLITE_NOTADB = 26;

/** Opens `<dir>/catalog.sqlite`. Never throws: what is broken is moved aside, what cannot be written is replaced by memory. */
export function openCatalogStore(dir: string, options: CatalogStoreOptions = {}): CatalogStore {
  const settleMs = Math.min(MAX_SETTLE_MS, Math.max(0, options.settleMs ?? 200));
  const opened = openDatabase(dir);
  const { database } = opened;
  let warning = opened.warning;
  const upsert = database.prepare('INSERT OR REPLACE INTO service (name, instances) VALUES (?, ?)');
  const remove = database.prepare('DELETE FROM service WHERE name = ?');
  const touch = database.prepare("INSERT OR REPLACE INTO meta (name, value) VALUES ('savedAt', ?)");
  const pending = new Map<string, readonly Instance[]>();
  let timer: NodeJS.Timeout | null = null;

  function schedule(ms: number): void {
    timer ??= setTimeout(() => {
      timer = null;
      const written = write(ROWS_PER_TURN);
      if (pending.size > 0) schedule(written ? 0 : RETRY_MS);
    }, ms).unref();
  }

  function write(limit: number): boolean {
    const batch = [...pending.entries()].slice(0, limit);
    if (batch.length === 0) return true;
    try {
      database.exec('BEGIN IMMEDIATE');
      for (const [service, instances] of batch) {
        if (instances.length === 0) remove.run(service);
        else upsert.run(service, JSON.stringify(instances));
      }
      touch.run(Date.now());
      database.exec('COMMIT');
    } catch (error) {
      if (database.isTransaction) database.exec('ROLLBACK');
      warning = `the catalog could not be saved: ${(error as Error).message}`;
      return false;
    }
    for (const [service] of batch) pending.delete(service);
    warning = opened.warning;
    return true;
  }

  function stopTimer(): void {
    if (timer !== null) clearTimeout(timer);
    timer = null;
  }

  return {
    load: () => loadFrom(database),
    save(service, instances) {
      pending.set(service, instances);
      schedule(settleMs);
    },
    flush() {
      stopTimer();
      const written = write(Number.POSITIVE_INFINITY);
      if (!written) schedule(RETRY_MS);
      return written;
    },
    close() {
      stopTimer();
      if (!database.isOpen) return;
      write(Number.POSITIVE_INFINITY);
      database.close();
    },
    get warning() {
      return warning;
    },
  };
}

interface Opened {
  readonly database: DatabaseSync;
  readonly warning: string | null;
}

function openDatabase(dir: string): Opened {
  const file = join(dir, FILE);
  try {
    mkdirSync(dir, { recursive: true, mode: 0o700 });
    // Created by us, so that it is private from its first moment; SQLite gives its side files the same mode.
    closeSync(openSync(file, 'a', 0o600));
    chmodSync(file, 0o600);
    return openOrReplace(file);
  } catch (error) {
    const why = (error as Error).message;
    return {
      database: inMemory(),
      warning: `${file} cannot be used (${why}): the catalog is kept in memory only`,
    };
  }
}

function openOrReplace(file: string): Opened {
  try {
    return { database: openFile(file), warning: null };
  } catch (error) {
    if (!isBroken(error)) throw error;
    const aside = moveAside(file);
    closeSync(openSync(file, 'a', 0o600));
    const warning = `${file} was unusable (${(error as Error).message}) and is now ${aside}`;
    return { database: openFile(file), warning };
  }
}

function openFile(file: string): DatabaseSync {
  const database = new DatabaseSync(file, { timeout: 100 });
  try {
    check(database);
    database.exec('PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;');
    prepareSchema(database);
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

/** Not ours, from a later version, or damaged. */
class BrokenFile extends Error {
  override readonly name = 'BrokenFile';
}

function check(database: DatabaseSync): void {
  const tables = database.prepare("SELECT count(*) AS n FROM sqlite_schema WHERE type = 'table'").get();
  if (tables?.n === 0) return;
  if (pragma(database, 'application_id') !== APPLICATION_ID) throw new BrokenFile('not a fairlead catalog');
  const version = pragma(database, 'user_version');
  if (version !== SCHEMA_VERSION) throw new BrokenFile(`schema version ${String(version)}`);
  const verdict = pragma(database, 'quick_check');
  if (verdict !== 'ok') throw new BrokenFile(String(verdict));
}

function pragma(database: DatabaseSync, name: string): unknown {
  const row = database.prepare(`PRAGMA ${name}`).get();
  return row === undefined ? undefined : Object.values(row)[0];
}

function prepareSchema(database: DatabaseSync): void {
  database.exec(`
    PRAGMA application_id = ${APPLICATION_ID};
    PRAGMA user_version = ${SCHEMA_VERSION};
    CREATE TABLE IF NOT EXISTS service (name TEXT PRIMARY KEY, instances TEXT NOT NULL);
    CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value);
  `);
}

function inMemory(): DatabaseSync {
  const database = new DatabaseSync(':memory:');
  prepareSchema(database);
  return database;
}

/** A locked or unreadable file is somebody's good file: it is never moved. */
function isBroken(error: unknown): boolean {
  if (error instanceof BrokenFile) return true;
  const code = (error as { errcode?: number }).errcode;
  return code !== undefined && [SQLITE_CORRUPT, SQLITE_NOTADB].includes(code & 0xff);
}

function moveAside(file: string): string {
  let n = 1;
  while (existsSync(`${file}.broken-${n}`)) n += 1;
  const aside = `${file}.broken-${n}`;
  for (const side of ['', '-wal', '-shm']) {
    if (existsSync(file + side)) renameSync(file + side, aside + side);
  }
  return aside;
}

function loadFrom(database: DatabaseSync): StoredCatalog {
  const services = new Map<string, Instance[]>();
  try {
    const saved = database.prepare("SELECT value FROM meta WHERE name = 'savedAt'").get()?.value;
    for (const row of database.prepare('SELECT name, instances FROM service ORDER BY name').iterate()) {
      const instances = readInstances(row.instances);
      if (instances !== null) services.set(String(row.name), instances);
    }
    return { services, savedAt: typeof saved === 'number' ? saved : null };
  } catch {
    // Damage that the check on opening did not see: what was read before it is as good as ever.
    return { services, savedAt: null };
  }
}

/** Rows are our own writing; one that is not complete JSON of the right shape is left out. */
function readInstances(value: unknown): Instance[] | null {
  try {
    const list: unknown = JSON.parse(String(value));
    return Array.isArray(list) && list.every(isInstance) ? list : null;
  } catch {
    return null;
  }
}

function isInstance(value: unknown): value is Instance {
  if (typeof value !== 'object' || value === null) return false;
  const it = value as Partial<Record<keyof Instance, unknown>>;
  return (
    [it.id, it.service, it.serviceId, it.node, it.address, it.health].every(
      (field) => typeof field === 'string',
    ) &&
    typeof it.port === 'number' &&
    [it.tags, it.checks].every(Array.isArray) &&
    [it.meta, it.weights].every((field) => typeof field === 'object' && field !== null)
  );
}
