import { hash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import type { Certificate } from '../../../tls/certificate.ts';
import { openSqlite, type SqliteShape } from '../sqlite-file.ts';
import type { CertificateSource, OnCertificates, RefusedCertificate } from './source.ts';

/** What one source had, kept on this machine. */
export interface CertificateCopy {
  /** By the source's own keys. What cannot be read is left out and listed. */
  load(): Promise<ReadonlyMap<string, Certificate>>;
  /** All that is good now. Written after the settle time; what is not among it is removed. */
  save(good: ReadonlyMap<string, Certificate>): void;
}

const SHAPE: SqliteShape = {
  file: 'certificates.sqlite',
  what: 'the copy of certificates',
  // `FLce`; the version rises with what a `Certificate` is.
  applicationId: 0x464c6365,
  version: 1,
  schema: `
    CREATE TABLE IF NOT EXISTS certificate (
      origin TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL, digest TEXT NOT NULL,
      PRIMARY KEY (origin, key)
    );
  `,
};
const SETTLE_MS = 200;
const RETRY_MS = 5_000;
/** Writes are synchronous: this many rows take a few milliseconds. */
const ROWS_PER_TURN = 100;
/** Some 30 µs each; other work takes turns with thousands of them. */
const READ_AT_ONCE = 500;

interface Origin {
  /** Ids by key, as the file has them; of a row that cannot be read, an empty text. */
  readonly written: Map<string, string>;
  /** Null until the source has said something. */
  wanted: ReadonlyMap<string, Certificate> | null;
}

/**
 * The last good certificates of sources on the network, in `<dir>/certificates.sqlite`: what a start serves while they
 * cannot be asked. Among the sources itself, with no certificate of its own: what is wrong with the file is listed.
 */
export class CertificateCopies implements CertificateSource {
  readonly name: string;
  readonly #dir: string;
  readonly #retryMs: number;
  readonly #origins = new Map<string, Origin>();
  readonly #unreadable = new Map<string, readonly RefusedCertificate[]>();
  #database: DatabaseSync | null = null;
  #warning: string | null = null;
  #trouble: string | null = null;
  #timer: NodeJS.Timeout | null = null;
  #tell: () => void = () => {};

  constructor(dir: string, { retryMs = RETRY_MS }: { readonly retryMs?: number } = {}) {
    this.#dir = dir;
    this.#retryMs = retryMs;
    this.name = `file ${join(dir, SHAPE.file)}`;
  }

  /** @param name tells a source from all others, those of another server among them */
  of(name: string): CertificateCopy {
    const origin: Origin = { written: new Map(), wanted: null };
    this.#origins.set(name, origin);
    return {
      load: () => this.#load(name, origin),
      save: (good) => {
        origin.wanted = good;
        this.#unreadable.delete(name);
        this.#schedule(SETTLE_MS);
      },
    };
  }

  /** Keys that no source stands for any more are nothing to keep. */
  watch(onCertificates: OnCertificates): void {
    this.#tell = () => onCertificates([], this.#refused());
    if (this.#origins.size > 0 || existsSync(join(this.#dir, SHAPE.file))) this.#prune();
    this.#tell();
  }

  /** Writes what is pending and lets go of the file. */
  close(): void {
    this.#stopTimer();
    if (this.#database === null) return;
    this.#write(Number.POSITIVE_INFINITY);
    this.#database.close();
    this.#database = null;
    this.#origins.clear();
  }

  #open(): DatabaseSync {
    if (this.#database !== null) return this.#database;
    const { database, warning } = openSqlite(this.#dir, SHAPE);
    // Keys that are removed are overwritten, not left in free pages.
    database.exec('PRAGMA secure_delete=ON');
    this.#warning = warning;
    this.#database = database;
    return database;
  }

  /** Rows are our own writing: whole ones are not judged again, which would take a start a millisecond for each. */
  async #load(name: string, { written }: Origin): Promise<ReadonlyMap<string, Certificate>> {
    const good = new Map<string, Certificate>();
    const unreadable: RefusedCertificate[] = [];
    for (const [index, { key, value, digest }] of this.#rows(name).entries()) {
      if (index % READ_AT_ONCE === READ_AT_ONCE - 1) await new Promise((resolve) => setImmediate(resolve));
      const certificate = digest === hash('sha256', value) ? (JSON.parse(value) as Certificate) : null;
      written.set(key, certificate?.id ?? '');
      if (certificate !== null) good.set(key, certificate);
      else unreadable.push({ source: this.name, reason: `the row of ${key} is damaged` });
    }
    this.#unreadable.set(name, unreadable);
    this.#tell();
    return good;
  }

  #rows(name: string): readonly Row[] {
    return this.#attempt([], (database) =>
      database
        .prepare('SELECT key, value, digest FROM certificate WHERE origin = ? ORDER BY key')
        .all(name)
        .map(({ key, value, digest }) => ({
          key: String(key),
          value: String(value),
          digest: String(digest),
        })),
    );
  }

  #prune(): void {
    this.#attempt(null, (database) => {
      const known = [...this.#origins.keys()];
      const places = known.map(() => '?').join(', ');
      database.prepare(`DELETE FROM certificate WHERE origin NOT IN (${places})`).run(...known);
      return null;
    });
  }

  #schedule(ms: number): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = null;
      const written = this.#write(ROWS_PER_TURN);
      if (written !== 0) this.#schedule(written === null ? this.#retryMs : 0);
      this.#tell();
    }, ms).unref();
  }

  #stopTimer(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }

  /** How many rows were written; null when none could be. */
  #write(limit: number): number | null {
    const changes = this.#changes(limit);
    if (changes.length === 0) return 0;
    return this.#attempt<number | null>(null, (database) => {
      const upsert = database.prepare('INSERT OR REPLACE INTO certificate VALUES (?, ?, ?, ?)');
      const remove = database.prepare('DELETE FROM certificate WHERE origin = ? AND key = ?');
      database.exec('BEGIN IMMEDIATE');
      for (const { name, key, certificate } of changes) {
        if (certificate === null) remove.run(name, key);
        else upsert.run(name, key, ...rowOf(certificate));
      }
      database.exec('COMMIT');
      for (const { origin, key, certificate } of changes) {
        if (certificate === null) origin.written.delete(key);
        else origin.written.set(key, certificate.id);
      }
      return changes.length;
    });
  }

  #changes(limit: number): readonly Change[] {
    const changes: Change[] = [];
    for (const [name, origin] of this.#origins) {
      const { written, wanted } = origin;
      if (wanted === null) continue;
      for (const [key, certificate] of wanted) {
        if (changes.length >= limit) return changes;
        if (written.get(key) !== certificate.id) changes.push({ name, origin, key, certificate });
      }
      for (const key of written.keys()) {
        if (changes.length >= limit) return changes;
        if (!wanted.has(key)) changes.push({ name, origin, key, certificate: null });
      }
    }
    return changes;
  }

  /** No failure of the file hurts anybody else: it is listed. */
  #attempt<T>(otherwise: T, run: (database: DatabaseSync) => T): T {
    const database = this.#open();
    try {
      const result = run(database);
      this.#trouble = null;
      return result;
    } catch (error) {
      if (database.isOpen && database.isTransaction) database.exec('ROLLBACK');
      this.#trouble = `certificates could not be kept: ${(error as Error).message}`;
      return otherwise;
    }
  }

  #refused(): readonly RefusedCertificate[] {
    const own = [this.#warning, this.#trouble].filter((reason) => reason !== null);
    return [
      ...own.map((reason) => ({ source: this.name, reason })),
      ...[...this.#unreadable.values()].flat(),
    ];
  }
}

/** The value, and what tells whether it is whole. */
function rowOf(certificate: Certificate): [string, string] {
  const value = JSON.stringify(certificate);
  return [value, hash('sha256', value)];
}

interface Row {
  readonly key: string;
  readonly value: string;
  readonly digest: string;
}

interface Change {
  readonly name: string;
  readonly origin: Origin;
  readonly key: string;
  /** Null where it is to be removed. */
  readonly certificate: Certificate | null;
}
