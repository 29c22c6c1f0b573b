import { randomUUID } from 'node:crypto';
import { ApiError } from './errors.ts';
import type { Indexes } from './indexes.ts';
import type { Kv, Write } from './kv.ts';
import type { SessionEntry } from './shapes.ts';

export const SESSIONS = 'sessions';

const DEFAULT_LOCK_DELAY_MS = 15_000;
const MIN_TTL_MS = 10_000;
const MAX_TTL_MS = 86_400_000;

export interface SessionRequest {
  readonly name: string;
  readonly behavior: 'release' | 'delete';
  /** As written; printed back. Empty: the session never expires. */
  readonly ttl: string;
  readonly ttlMs: number;
  readonly lockDelayMs: number;
}

/** Sessions and the locks they hold on keys. The owner calls `close`. */
export class Sessions {
  readonly #indexes: Indexes;
  readonly #kv: Kv;
  readonly #node: string;
  readonly #sessions = new Map<string, { entry: SessionEntry; ttlMs: number; expiry?: NodeJS.Timeout }>();
  /** Key → when it may be locked again after its session was lost. */
  readonly #delayed = new Map<string, number>();

  constructor(indexes: Indexes, kv: Kv, node: string) {
    this.#indexes = indexes;
    this.#kv = kv;
    this.#node = node;
  }

  static get defaultLockDelayMs(): number {
    return DEFAULT_LOCK_DELAY_MS;
  }

  list(): SessionEntry[] {
    return [...this.#sessions.values()].map(({ entry }) => entry);
  }

  get(id: string): SessionEntry | undefined {
    return this.#sessions.get(id)?.entry;
  }

  index(): number {
    return Math.max(1, this.#indexes.of(SESSIONS));
  }

  create({ name, behavior, ttl, ttlMs, lockDelayMs }: SessionRequest): SessionEntry {
    if (ttl !== '' && (ttlMs < MIN_TTL_MS || ttlMs > MAX_TTL_MS)) {
      throw new ApiError(500, `Invalid Session TTL '${ttlMs * 1e6}', must be between [10s=24h0m0s]`);
    }
    const index = this.#indexes.commit([SESSIONS]);
    const entry: SessionEntry = {
      ID: randomUUID(),
      Name: name,
      Node: this.#node,
      LockDelay: lockDelayMs * 1e6,
      Behavior: behavior,
      TTL: ttl,
      NodeChecks: ['serfHealth'],
      ServiceChecks: null,
      CreateIndex: index,
      ModifyIndex: index,
    };
    this.#sessions.set(entry.ID, { entry, ttlMs });
    this.renew(entry.ID);
    return entry;
  }

  /** Starts the time to live again. Consul lets a session live up to twice its TTL. */
  renew(id: string): SessionEntry | undefined {
    const session = this.#sessions.get(id);
    if (!session) return undefined;
    clearTimeout(session.expiry);
    if (session.ttlMs > 0) session.expiry = setTimeout(() => this.destroy(id), session.ttlMs * 2);
    return session.entry;
  }

  /** Ends a session: its locks are released, or their keys deleted, and stay unlockable for the lock delay. */
  destroy(id: string): void {
    const session = this.#sessions.get(id);
    if (!session) return;
    clearTimeout(session.expiry);
    this.#sessions.delete(id);
    this.#indexes.commit([SESSIONS]);
    const until = Date.now() + session.entry.LockDelay / 1e6;
    for (const key of this.#kv.endSession(id, session.entry.Behavior)) this.#delayed.set(key, until);
  }

  acquire(write: Write, id: string): boolean {
    this.#require(id);
    if ((this.#delayed.get(write.key) ?? 0) > Date.now()) return false;
    this.#delayed.delete(write.key);
    return this.#kv.acquire(write, id);
  }

  release(write: Write, id: string): boolean {
    this.#require(id);
    return this.#kv.release(write, id);
  }

  close(): void {
    for (const { expiry } of this.#sessions.values()) clearTimeout(expiry);
    this.#sessions.clear();
    this.#delayed.clear();
  }

  #require(id: string): void {
    if (!this.#sessions.has(id)) throw new ApiError(500, `invalid session ${JSON.stringify(id)}`);
  }
}
