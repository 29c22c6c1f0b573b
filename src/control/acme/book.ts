import { createHash } from 'node:crypto';
import { type Entry, type Lease, type Store, StoreError } from '../store/store.ts';
import {
  type AdviceRecord,
  type AttemptsRecord,
  type CertificateRecord,
  type ChallengeRecord,
  type Kind,
  type RecordOf,
  schemas,
} from './records.ts';

export interface Found<K extends Kind> {
  readonly record: RecordOf<K>;
  readonly version: number;
}

/** What a replica sees of the others' work, by id. */
export interface View {
  readonly certificates: ReadonlyMap<string, CertificateRecord>;
  readonly advice: ReadonlyMap<string, AdviceRecord>;
  readonly attempts: ReadonlyMap<string, AttemptsRecord>;
  readonly challenges: ReadonlyMap<string, ChallengeRecord>;
  readonly onDemand: ReadonlyMap<string, RecordOf<'onDemand'>>;
}

export const emptyView: View = {
  ...{ certificates: new Map(), advice: new Map(), attempts: new Map() },
  ...{ challenges: new Map(), onDemand: new Map() },
};

/** The records of one authority in the shared store. */
export class Book {
  readonly #store: Store;
  readonly #base: string;
  /** Parsed records by key, so that what did not change keeps its identity and costs nothing. */
  readonly #parsed = new Map<string, { readonly version: number; readonly record: unknown }>();

  constructor(store: Store, directory: string) {
    this.#store = store;
    this.#base = `acme/${directoryId(directory)}`;
  }

  /** Rejects for a record that makes no sense: a newer version of the router may have written it. */
  async read<K extends Kind>(kind: K, id: string): Promise<Found<K> | null> {
    const stored = await this.#store.get(this.#key(kind, id));
    if (stored === null) return null;
    const record = parse(kind, stored.value);
    if (record === null) throw new StoreError('bad_value', `${this.#key(kind, id)} cannot be read`);
    return { record, version: stored.version };
  }

  write<K extends Kind>(
    kind: K,
    id: string,
    record: RecordOf<K>,
    ifVersion?: number,
  ): Promise<number | null> {
    const options = ifVersion === undefined ? {} : { ifVersion };
    return this.#store.put(this.#key(kind, id), JSON.stringify(record), options);
  }

  remove(kind: Kind, id: string, ifVersion?: number): Promise<boolean> {
    return this.#store.delete(this.#key(kind, id), ifVersion === undefined ? {} : { ifVersion });
  }

  lock(id: string, ttlMs: number): Promise<Lease | null> {
    return this.#store.lock(`${this.#base}/${id}`, ttlMs);
  }

  watch(onView: (view: View) => void, onFault: (message: string) => void, signal: AbortSignal): void {
    const onChange = (entries: readonly Entry[]): void => onView(this.#view(entries, onFault));
    this.#store.watch(`${this.#base}/`, { onChange, onFault }, signal);
  }

  #view(entries: readonly Entry[], onFault: (message: string) => void): View {
    const maps = new Map<string, Map<string, unknown>>();
    const present = new Set<string>();
    for (const { key, value, version } of entries) {
      const [kind = '', id = ''] = key.slice(this.#base.length + 1).split('/');
      if (!(kind in schemas)) continue;
      present.add(key);
      let known = this.#parsed.get(key);
      if (known?.version !== version) {
        known = { version, record: parse(kind as Kind, value) };
        if (known.record === null) onFault(`${key} cannot be read and is left out`);
        this.#parsed.set(key, known);
      }
      if (known.record !== null) maps.set(kind, (maps.get(kind) ?? new Map()).set(id, known.record));
    }
    for (const key of this.#parsed.keys()) if (!present.has(key)) this.#parsed.delete(key);
    const of = <K extends Kind>(kind: K): Map<string, RecordOf<K>> =>
      (maps.get(kind) ?? new Map()) as Map<string, RecordOf<K>>;
    return {
      certificates: of('certificate'),
      advice: of('advice'),
      attempts: of('attempts'),
      challenges: of('challenge'),
      onDemand: of('onDemand'),
    };
  }

  #key(kind: Kind, id: string): string {
    return `${this.#base}/${kind}/${id}`;
  }
}

function parse<K extends Kind>(kind: K, text: string): RecordOf<K> | null {
  try {
    return schemas[kind].parse(JSON.parse(text)) as unknown as RecordOf<K>;
  } catch {
    return null;
  }
}

/** Readable and unambiguous: accounts and certificates of one authority are nothing to another. */
function directoryId(directory: string): string {
  const digest = createHash('sha256').update(directory).digest('hex').slice(0, 8);
  return `${new URL(directory).hostname.replace(/[^a-z0-9.-]/g, '_')}-${digest}`;
}
