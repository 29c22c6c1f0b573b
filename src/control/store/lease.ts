import type { Lease } from './store.ts';

/** How one kind of store keeps a lock that it has just given. */
export interface Holding {
  readonly token: number;
  readonly ttlMs: number;
  /** `performance.now()` before the lock was asked for: the store cannot have begun to count earlier. */
  readonly since: number;
  /** False when the lock is no longer ours. */
  extend(): Promise<boolean>;
  giveBack(): Promise<void>;
}

/** A lease that knows by itself when it has run out, also while the store cannot be reached. */
export function createLease({ token, ttlMs, since, extend, giveBack }: Holding): Lease {
  const end = new AbortController();
  let timer: NodeJS.Timeout | undefined;

  function holdFrom(start: number): void {
    clearTimeout(timer);
    const leftMs = start + ttlMs - performance.now();
    if (leftMs <= 0) finish();
    else timer = setTimeout(finish, leftMs).unref();
  }

  function finish(): void {
    clearTimeout(timer);
    end.abort();
  }

  holdFrom(since);
  return {
    token,
    lost: end.signal,
    async renew() {
      if (end.signal.aborted) return false;
      const start = performance.now();
      const extended = await extend();
      if (!extended) finish();
      else if (!end.signal.aborted) holdFrom(start);
      return !end.signal.aborted;
    },
    async release() {
      finish();
      await giveBack().catch(() => {});
    },
  };
}
