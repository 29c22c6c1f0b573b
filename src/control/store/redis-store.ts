import { randomUUID } from 'node:crypto';
import { createLease } from './lease.ts';
import type { RedisDoor } from './redis-door.ts';
import { DELETE, LOCK, PUT, RELEASE, RENEW } from './redis-scripts.ts';
import { startRefresh } from './refresh.ts';
import { checkKey, checkWrite, type Entry, type Store, type Stored, StoreError } from './store.ts';

/** Messages can be lost with a connection, so the listing is read now and then all the same. */
const REREAD_MS = 15_000;

/**
 * Redis, one node or a cluster. A failover may forget the last writes, locks among them: then two replicas may order
 * the same certificate once each, and the later one stays.
 */
export function createRedisStore(door: RedisDoor, prefix: string): Store {
  const tag = `{${prefix}}`;
  const index = `${tag}:index`;
  const counter = `${tag}:counter`;
  const channel = `${tag}:changes`;
  const entryKey = (key: string): string => `${tag}:entry:${key}`;

  async function get(key: string): Promise<Stored | null> {
    checkKey(key);
    const [value, version] = await reach(() => door.entry(entryKey(key)));
    return value === null ? null : { value, version: Number(version) };
  }

  async function list(below: string): Promise<readonly Entry[]> {
    const keys = await reach(() => door.members(index, below));
    const found = await Promise.all(keys.map(async (key) => ({ key, stored: await get(key) })));
    return found.flatMap(({ key, stored }) => (stored === null ? [] : [{ key, ...stored }]));
  }

  return {
    get,
    list,
    async put(key, value, options = {}) {
      checkWrite(key, value);
      const args = [key, value, options.ifVersion ?? '', channel];
      const version = Number(await reach(() => door.run(PUT, [entryKey(key), index, counter], args)));
      return version === 0 ? null : version;
    },
    async delete(key, options = {}) {
      checkKey(key);
      const args = [key, options.ifVersion ?? '', channel];
      return Number(await reach(() => door.run(DELETE, [entryKey(key), index], args))) === 1;
    },
    watch(below, watcher, signal) {
      if (signal.aborted) return;
      const refresh = startRefresh(() => list(below), watcher, signal);
      const timer = setInterval(refresh, REREAD_MS).unref();
      door.subscribe(channel, refresh);
      signal.addEventListener('abort', () => {
        clearInterval(timer);
        door.unsubscribe(refresh);
      });
    },
    async lock(name, ttlMs) {
      checkKey(name);
      const key = `${tag}:lock:${name}`;
      const owner = randomUUID();
      const since = performance.now();
      const token = Number(await reach(() => door.run(LOCK, [key, counter], [owner, ttlMs])));
      if (token === 0) return null;
      const ask = async (script: string, args: readonly (string | number)[]): Promise<boolean> =>
        Number(await reach(() => door.run(script, [key], args))) === 1;
      return createLease({
        ...{ token, ttlMs, since },
        extend: () => ask(RENEW, [owner, ttlMs]),
        giveBack: async () => void (await ask(RELEASE, [owner])),
      });
    },
    async close() {
      door.close();
    },
  };
}

async function reach<T>(command: () => Promise<T>): Promise<T> {
  try {
    return await command();
  } catch (error) {
    throw new StoreError('unavailable', `Redis: ${(error as Error).message}`, error);
  }
}
