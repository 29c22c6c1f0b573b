import { openSqlite, type SqliteShape } from '../sqlite-file.ts';

/** An entry as it is kept and sent: its JSON, and what one looks for it by. */
export interface HistoryRecord {
  readonly version: number;
  /** Epoch milliseconds. */
  readonly atMs: number;
  readonly text: string;
}

/** The history on disk, so that it survives a restart. */
export interface HistoryStore {
  /** The highest version written so far; 0 when there is none. */
  readonly lastVersion: number;
  /** What earlier lives wrote, oldest first: at most `limit` records below this version. */
  load(below: number, limit: number): HistoryRecord[];
  /** Remembers a record, or what has become of it. Written after the settle time. */
  save(record: HistoryRecord): void;
  /** Writes what is pending and lets go of the file. */
  close(): void;
  /** Why the history will not, or not fully, survive this process; for the log. */
  readonly warning: string | null;
}

const SHAPE: SqliteShape = {
  file: 'history.sqlite',
  what: 'the history',
  // `FLhi`.
  applicationId: 0x464c6869,
  version: 1,
  schema:
    'CREATE TABLE IF NOT EXISTS entry (version INTEGER PRIMARY KEY, at INTEGER NOT NULL, text TEXT NOT NULL);',
};
/** By then an entry is usually live in every worker, and written once. */
const SETTLE_MS = 1_000;
/** Writes are synchronous: this many rows take a few milliseconds. */
const MAX_PENDING = 250;

/** Opens `<dir>/history.sqlite`, which keeps the `limit` latest entries. Never throws, and no failure hurts anybody else. */
export function openHistoryStore(dir: string, limit: number): HistoryStore {
  const opened = openSqlite(dir, SHAPE);
  const { database } = opened;
  let { warning } = opened;
  const pending = new Map<number, HistoryRecord>();
  let timer: NodeJS.Timeout | null = null;
  const attempt = <T>(otherwise: T, run: () => T): T => {
    try {
      const result = run();
      warning = opened.warning;
      return result;
    } catch (error) {
      if (database.isOpen && database.isTransaction) database.exec('ROLLBACK');
      warning = `the history could not be kept: ${(error as Error).message}`;
      return otherwise;
    }
  };
  const lastVersion = attempt(0, () =>
    Number(database.prepare('SELECT max(version) AS v FROM entry').get()?.v ?? 0),
  );

  function write(): void {
    if (timer !== null) clearTimeout(timer);
    timer = null;
    if (pending.size === 0) return;
    const records = [...pending.values()];
    // A history with a gap is better than one that grows for as long as a disk is full.
    pending.clear();
    attempt(undefined, () => {
      const upsert = database.prepare('INSERT OR REPLACE INTO entry (version, at, text) VALUES (?, ?, ?)');
      database.exec('BEGIN IMMEDIATE');
      for (const { version, atMs, text } of records) upsert.run(version, atMs, text);
      database.prepare('DELETE FROM entry WHERE version <= (SELECT max(version) FROM entry) - ?').run(limit);
      database.exec('COMMIT');
    });
  }

  return {
    lastVersion,
    load: (below, most) =>
      attempt<HistoryRecord[]>([], () =>
        database
          .prepare('SELECT version, at, text FROM entry WHERE version < ? ORDER BY version DESC LIMIT ?')
          .all(below, most)
          .map(({ version, at, text }) => ({
            version: Number(version),
            atMs: Number(at),
            text: String(text),
          }))
          .filter(isWhole)
          .reverse(),
      ),
    save(record) {
      pending.set(record.version, record);
      if (pending.size >= MAX_PENDING) write();
      else timer ??= setTimeout(write, SETTLE_MS).unref();
    },
    close() {
      write();
      if (database.isOpen) database.close();
    },
    get warning() {
      return warning;
    },
  };
}

/** Rows are our own writing; one that is damaged is left out. */
function isWhole({ version, text }: HistoryRecord): boolean {
  try {
    return (JSON.parse(text) as { version?: unknown }).version === version;
  } catch {
    return false;
  }
}
