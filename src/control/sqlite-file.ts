import { chmodSync, closeSync, existsSync, openSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { makeFolder } from './make-folder.ts';

/** What a file of ours looks like. */
export interface SqliteShape {
  readonly file: string;
  /** In words, for messages. */
  readonly what: string;
  /** Tells our file from any other SQLite file. */
  readonly applicationId: number;
  readonly version: number;
  /** Creates what is missing. */
  readonly schema: string;
}

const SQLITE_CORRUPT = 11;
const SQLITE_NOTADB = 26;

export interface Opened {
  readonly database: DatabaseSync;
  /** Why what is written will not, or not fully, survive this process; for the log. */
  readonly warning: string | null;
}

/** Opens `<dir>/<file>`. Never throws: what is broken is moved aside, what cannot be written is replaced by memory. */
export function openSqlite(dir: string, shape: SqliteShape): Opened {
  const file = join(dir, shape.file);
  try {
    makeFolder(dir, 0o700);
    // Created by us, so that it is private from its first moment; SQLite gives its side files the same mode.
    closeSync(openSync(file, 'a', 0o600));
    chmodSync(file, 0o600);
    return openOrReplace(file, shape);
  } catch (error) {
    const why = (error as Error).message;
    return {
      database: inMemory(shape),
      warning: `${file} cannot be used (${why}): ${shape.what} is kept in memory only`,
    };
  }
}

function openOrReplace(file: string, shape: SqliteShape): Opened {
  try {
    return { database: openFile(file, shape), warning: null };
  } catch (error) {
    if (!isBroken(error)) throw error;
    const aside = moveAside(file);
    closeSync(openSync(file, 'a', 0o600));
    const warning = `${file} was unusable (${(error as Error).message}) and is now ${aside}`;
    return { database: openFile(file, shape), warning };
  }
}

function openFile(file: string, shape: SqliteShape): DatabaseSync {
  const database = new DatabaseSync(file, { timeout: 100 });
  try {
    check(database, shape);
    database.exec('PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;');
    prepareSchema(database, shape);
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

function check(database: DatabaseSync, shape: SqliteShape): void {
  const tables = database.prepare("SELECT count(*) AS n FROM sqlite_schema WHERE type = 'table'").get();
  if (tables?.n === 0) return;
  if (pragma(database, 'application_id') !== shape.applicationId)
    throw new BrokenFile(`not ${shape.what} of a router`);
  const version = pragma(database, 'user_version');
  if (version !== shape.version) throw new BrokenFile(`schema version ${String(version)}`);
  const verdict = pragma(database, 'quick_check');
  if (verdict !== 'ok') throw new BrokenFile(String(verdict));
}

function pragma(database: DatabaseSync, name: string): unknown {
  const row = database.prepare(`PRAGMA ${name}`).get();
  return row === undefined ? undefined : Object.values(row)[0];
}

function prepareSchema(database: DatabaseSync, { applicationId, version, schema }: SqliteShape): void {
  database.exec(`PRAGMA application_id = ${applicationId}; PRAGMA user_version = ${version}; ${schema}`);
}

function inMemory(shape: SqliteShape): DatabaseSync {
  const database = new DatabaseSync(':memory:');
  prepareSchema(database, shape);
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
