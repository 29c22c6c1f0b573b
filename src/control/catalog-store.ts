import type { DatabaseSync } from 'node:sqlite';
import type { Instance } from '../../router/model.ts';
import { openSqlite, type SqliteShape } from './sqlite-file.ts';

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

const SHAPE: SqliteShape = {
  file: 'catalog.sqlite',
  what: 'the catalog',
  // `FLcs`.
  applicationId: 0x464c6373,
  version: 1,
  schema: `
    CREATE TABLE IF NOT EXISTS service (name TEXT PRIMARY KEY, instances TEXT NOT NULL);
    CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value);
  `,
};
const MAX_SETTLE_MS = 1000;
const RETRY_MS = 5000;
/** Writes are synchronous: this many rows take a few milliseconds. */
const ROWS_PER_TURN = 250;

/** Opens `<dir>/catalog.sqlite`. Never throws: what is broken is moved aside, what cannot be written is replaced by memory. */
export function openCatalogStore(dir: string, options: CatalogStoreOptions = {}): CatalogStore {
  const settleMs = Math.min(MAX_SETTLE_MS, Math.max(0, options.settleMs ?? 200));
  const opened = openSqlite(dir, SHAPE);
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
