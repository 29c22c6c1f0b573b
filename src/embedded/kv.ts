import type { Indexes } from './indexes.ts';
import type { KvEntry } from './shapes.ts';

const TABLE = 'kv';
/** Deleted keys remembered, so that a prefix's index never falls; beyond it the table's index stands in. */
const MAX_TOMBSTONES = 10_000;

/** Readers of one key sleep on this topic. */
export const keyTopic = (key: string): string => `kv-key:${key}`;
const PREFIX_TOPIC = 'kv-prefix:';
/** Readers of everything below a prefix sleep on this topic. */
export const prefixTopic = (prefix: string): string => `${PREFIX_TOPIC}${prefix}`;

export interface Write {
  readonly key: string;
  readonly value: Buffer;
  readonly flags?: number;
  /** Writes only if the entry still has this index; 0 only if there is none. */
  readonly cas?: number;
}

/** Keys and values. A prefix's index moves only when something below it changes. */
export class Kv {
  readonly #indexes: Indexes;
  readonly #entries = new Map<string, KvEntry>();
  readonly #tombstones = new Map<string, number>();
  /** Index below which tombstones were forgotten. */
  #forgotten = 0;

  constructor(indexes: Indexes) {
    this.#indexes = indexes;
  }

  get(key: string): KvEntry | undefined {
    return this.#entries.get(key);
  }

  /** Entries below a prefix, by key. */
  list(prefix: string): KvEntry[] {
    const found = [...this.#entries.values()].filter(({ Key }) => Key.startsWith(prefix));
    return found.sort((a, b) => (a.Key < b.Key ? -1 : 1));
  }

  /** Keys below a prefix; with a separator, cut after its next occurrence and listed once. */
  keys(prefix: string, separator: string): string[] {
    const cut = (key: string): string => {
      const at = separator === '' ? -1 : key.indexOf(separator, prefix.length);
      return at < 0 ? key : key.slice(0, at + separator.length);
    };
    return [...new Set(this.list(prefix).map(({ Key }) => cut(Key)))];
  }

  /** The entry's index; the table's for a key that is not there. */
  keyIndex(key: string): number {
    return this.#entries.get(key)?.ModifyIndex ?? this.#tableIndex();
  }

  /** The last change below a prefix, deletions included; the table's index when there never was one. */
  prefixIndex(prefix: string): number {
    let index = this.#forgotten;
    for (const { Key, ModifyIndex } of this.#entries.values()) {
      if (Key.startsWith(prefix)) index = Math.max(index, ModifyIndex);
    }
    for (const [key, deleted] of this.#tombstones)
      if (key.startsWith(prefix)) index = Math.max(index, deleted);
    return index || this.#tableIndex();
  }

  put({ key, value, flags = 0, cas }: Write): boolean {
    const existing = this.#entries.get(key);
    if (cas !== undefined && cas !== (existing?.ModifyIndex ?? 0)) return false;
    this.#store({ LockIndex: 0, ...existing, Key: key, Flags: flags, value });
    return true;
  }

  /** Writes and takes the lock, unless another session holds it. */
  acquire({ key, value, flags = 0 }: Write, session: string): boolean {
    const existing = this.#entries.get(key);
    if (existing?.Session !== undefined && existing.Session !== session) return false;
    const LockIndex = (existing?.LockIndex ?? 0) + (existing?.Session === session ? 0 : 1);
    this.#store({ ...existing, LockIndex, Key: key, Flags: flags, value, Session: session });
    return true;
  }

  /** Writes and gives the lock back, if this session holds it. */
  release({ key, value, flags = 0 }: Write, session: string): boolean {
    const existing = this.#entries.get(key);
    if (existing?.Session !== session) return false;
    const { Session: _, ...unlocked } = existing;
    this.#store({ ...unlocked, Flags: flags, value });
    return true;
  }

  /** Ends all locks of a session; returns the keys that were locked. */
  endSession(session: string, behavior: 'release' | 'delete'): string[] {
    const held = [...this.#entries.values()].filter(({ Session }) => Session === session);
    for (const { Key, value, Flags } of held) {
      if (behavior === 'delete') this.delete(Key);
      else this.release({ key: Key, value, flags: Flags }, session);
    }
    return held.map(({ Key }) => Key);
  }

  delete(key: string, cas?: number): boolean {
    const existing = this.#entries.get(key);
    if (!existing) return true;
    if (cas !== undefined && cas !== existing.ModifyIndex) return false;
    this.#remove([key]);
    return true;
  }

  deleteTree(prefix: string): void {
    const keys = this.list(prefix).map(({ Key }) => Key);
    if (keys.length > 0) this.#remove(keys);
  }

  clear(): void {
    this.#entries.clear();
    this.#tombstones.clear();
    this.#forgotten = 0;
  }

  #tableIndex(): number {
    return Math.max(1, this.#indexes.of(TABLE));
  }

  #store(entry: Omit<KvEntry, 'CreateIndex' | 'ModifyIndex'>): void {
    const existing = this.#entries.get(entry.Key);
    const same =
      existing?.value.equals(entry.value) &&
      existing.Flags === entry.Flags &&
      existing.Session === entry.Session;
    if (same) return;
    const index = this.#commit([entry.Key]);
    this.#tombstones.delete(entry.Key);
    this.#entries.set(entry.Key, {
      ...entry,
      CreateIndex: existing?.CreateIndex ?? index,
      ModifyIndex: index,
    });
  }

  #remove(keys: readonly string[]): void {
    const index = this.#commit(keys);
    for (const key of keys) {
      this.#entries.delete(key);
      this.#tombstones.set(key, index);
    }
    if (this.#tombstones.size <= MAX_TOMBSTONES) return;
    this.#tombstones.clear();
    this.#forgotten = index;
  }

  /** Wakes the readers of these keys and of every prefix above them. */
  #commit(keys: readonly string[]): number {
    const wake = keys.map(keyTopic);
    for (const topic of this.#indexes.watched()) {
      if (!topic.startsWith(PREFIX_TOPIC)) continue;
      const prefix = topic.slice(PREFIX_TOPIC.length);
      if (keys.some((key) => key.startsWith(prefix))) wake.push(topic);
    }
    return this.#indexes.commit([TABLE], wake);
  }
}
