/** A store within one process: for tests that are about something else. */
import { createLease } from '../../src/control/store/lease.ts';
import { startRefresh } from '../../src/control/store/refresh.ts';
import { ABSENT, checkKey, checkWrite, type Store, type Stored } from '../../src/control/store/store.ts';

export function memoryStore(): Store {
  const entries = new Map<string, Stored>();
  const locks = new Map<string, { token: number; until: number }>();
  const refreshers = new Set<() => void>();
  let counter = 0;

  const matches = (key: string, ifVersion: number | undefined): boolean =>
    ifVersion === undefined || (entries.get(key)?.version ?? ABSENT) === ifVersion;
  const changed = (): void => {
    for (const refresh of refreshers) refresh();
  };
  const list: Store['list'] = async (prefix) =>
    [...entries]
      .filter(([key]) => key.startsWith(prefix))
      .map(([key, stored]) => ({ key, ...stored }))
      .sort((a, b) => (a.key < b.key ? -1 : 1));

  return {
    list,
    async get(key) {
      checkKey(key);
      return entries.get(key) ?? null;
    },
    async put(key, value, { ifVersion } = {}) {
      checkWrite(key, value);
      if (!matches(key, ifVersion)) return null;
      counter += 1;
      entries.set(key, { value, version: counter });
      changed();
      return counter;
    },
    async delete(key, { ifVersion } = {}) {
      checkKey(key);
      if (!matches(key, ifVersion)) return false;
      entries.delete(key);
      changed();
      return true;
    },
    watch(prefix, watcher, signal) {
      const refresh = startRefresh(() => list(prefix), watcher, signal);
      refreshers.add(refresh);
      signal.addEventListener('abort', () => refreshers.delete(refresh));
    },
    async lock(name, ttlMs) {
      checkKey(name);
      const since = performance.now();
      if ((locks.get(name)?.until ?? 0) > since) return null;
      counter += 1;
      const token = counter;
      locks.set(name, { token, until: since + ttlMs });
      const isOurs = (): boolean => {
        const held = locks.get(name);
        return held?.token === token && held.until > performance.now();
      };
      return createLease({
        ...{ token, ttlMs, since },
        async extend() {
          if (!isOurs()) return false;
          locks.set(name, { token, until: performance.now() + ttlMs });
          return true;
        },
        async giveBack() {
          if (isOurs()) locks.delete(name);
        },
      });
    },
    async close() {},
  };
}
