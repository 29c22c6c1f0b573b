import { hash } from 'node:crypto';
import { type Certificate, type ReadCertificate, readCertificate } from '../../../tls/certificate.ts';
import type { CertificateCopy } from './copies.ts';
import type { RefusedCertificate } from './source.ts';

/** What a source found at one place, by a key of its own. */
export type Item =
  | { readonly source: string; readonly certPem: string; readonly keyPem: string }
  | { readonly source: string; readonly reason: string };

export interface Kept {
  readonly set: readonly Certificate[];
  readonly refused: readonly RefusedCertificate[];
}

/** Reading one costs a fraction of a millisecond; routes must not wait for thousands of them. */
const READ_AT_ONCE = 20;

const GONE =
  'gone, but its source may have lost its memory: kept until it is there again, or until a restart';

interface Seen {
  readonly digest: string;
  readonly result: ReadCertificate;
}

/**
 * Turns what a source found into certificates. What it read before is not read again; what was good and is now bad
 * (half-written, wrong key, unreadable) keeps its last good state and says so.
 */
export class Keeper {
  readonly #copy: CertificateCopy | null;
  /** What there is comes from the copy alone: the source has not answered yet. */
  #isRecalled = false;
  #seen = new Map<string, Seen>();
  #good = new Map<string, Certificate>();
  /** Kept although they are gone. */
  #missing = new Set<string>();

  /** @param copy keeps what is good over restarts; null for sources on this machine */
  constructor(copy: CertificateCopy | null = null) {
    this.#copy = copy;
  }

  /** Begins with what was good before the restart. The source's first answer replaces it whole. */
  async recall(): Promise<void> {
    if (this.#copy === null) return;
    this.#good = new Map(await this.#copy.load());
    this.#isRecalled = true;
  }

  /**
   * @param isDoubtful the source may have lost its memory: what is missing now is kept until it is there again, and
   * listed. So it is when all of several are gone at once: an unmounted folder, a flushed database, a token that may
   * read nothing any more
   */
  async take(items: ReadonlyMap<string, Item>, isDoubtful = false): Promise<Kept> {
    const seen = new Map<string, Seen>();
    const good = new Map<string, Certificate>();
    const refused: RefusedCertificate[] = [];
    let read = 0;
    for (const [key, item] of items) {
      const known = this.#seen.get(key);
      const digest = digestOf(item);
      const isNew = known?.digest !== digest;
      if (isNew && ++read % READ_AT_ONCE === 0) await new Promise((resolve) => setImmediate(resolve));
      const result = isNew ? readItem(item) : known.result;
      seen.set(key, { digest, result });
      const last = this.#good.get(key);
      if (result.ok) good.set(key, result.certificate);
      else {
        if (last !== undefined) good.set(key, last);
        const suffix = last === undefined ? '' : '; the one before is kept';
        refused.push({ source: item.source, reason: result.reason + suffix });
      }
    }
    const isLoss = !this.#isRecalled && (isDoubtful || (items.size === 0 && this.#good.size > 1));
    this.#isRecalled = false;
    const missing = new Set<string>();
    for (const [key, certificate] of this.#good) {
      if (items.has(key) || !(isLoss || this.#missing.has(key))) continue;
      missing.add(key);
      good.set(key, certificate);
      refused.push({ source: certificate.source, reason: GONE });
    }
    this.#missing = missing;
    this.#seen = seen;
    this.#good = good;
    this.#copy?.save(good);
    return { set: [...good.values()], refused };
  }

  /** What was good last, while the source as a whole cannot be read. */
  get last(): readonly Certificate[] {
    return [...this.#good.values()];
  }
}

function readItem(item: Item): ReadCertificate {
  if ('reason' in item) return { ok: false, reason: item.reason };
  return readCertificate(item.certPem, item.keyPem, item.source);
}

function digestOf(item: Item): string {
  if ('reason' in item) return `reason ${item.reason}`;
  return hash('sha256', `${item.certPem}\n${item.keyPem}`);
}
