import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  ABSENT,
  type Entry,
  type Lease,
  MAX_VALUE_BYTES,
  type Store,
} from '../../src/control/store/store.ts';
import { eventually } from '../support/process.ts';

export interface StoreSource {
  /** Another replica's way to the same state. */
  open(): Store;
  /** Makes leases of this store run out as if their holders were gone, and takes as long as that takes. */
  expire(lease: Lease): Promise<void>;
  stop(): Promise<void>;
}

/** Shortest life of a lock that every store is good for in these tests. */
export const LOCK_MS = 300;

/** What every kind of store owes to its users. */
export function storeContract(name: string, start: () => Promise<StoreSource>): void {
  describe(`store contract, ${name}`, () => {
    let source: StoreSource;
    let one: Store;
    let other: Store;
    let made = 0;
    const fresh = (): string => {
      made += 1;
      return `case-${made}`;
    };

    beforeAll(async () => {
      source = await start();
      one = source.open();
      other = source.open();
    });
    afterAll(async () => {
      await one?.close();
      await other?.close();
      await source?.stop();
    });

    test('what one writes the other reads, with its version', async () => {
      const key = `${fresh()}/a.example.com`;
      expect(await one.get(key)).toBeNull();
      const version = await one.put(key, 'größer\n');
      expect(await other.get(key)).toEqual({ value: 'größer\n', version });
    });

    test('every change has a version of its own, also after a deletion', async () => {
      const key = fresh();
      const versions = [await one.put(key, 'x'), await one.put(key, 'y')];
      await one.delete(key);
      versions.push(await one.put(key, 'x'));
      expect(versions.every((version) => version !== null && version > ABSENT)).toBe(true);
      expect(new Set(versions).size).toBe(3);
    });

    test('a write that expects another version changes nothing', async () => {
      const key = fresh();
      const first = await one.put(key, 'one', { ifVersion: ABSENT });
      expect(first).not.toBeNull();
      expect(await other.put(key, 'two', { ifVersion: ABSENT })).toBeNull();
      expect(await other.put(key, 'two', { ifVersion: first! + 1000 })).toBeNull();
      expect((await one.get(key))?.value).toBe('one');
      expect(await other.put(key, 'two', { ifVersion: first! })).not.toBeNull();
      expect(await one.put(key, 'three', { ifVersion: first! })).toBeNull();
      expect((await one.get(key))?.value).toBe('two');
    });

    test('of many that write at once with the same expectation, one does', async () => {
      const key = fresh();
      const writes = Array.from({ length: 10 }, (_, i) =>
        (i % 2 === 0 ? one : other).put(key, `writer ${i}`, { ifVersion: ABSENT }),
      );
      const won = (await Promise.all(writes)).filter((version) => version !== null);
      expect(won).toHaveLength(1);
    });

    test('a deletion that expects another version deletes nothing', async () => {
      const key = fresh();
      const version = await one.put(key, 'here');
      expect(await other.delete(key, { ifVersion: version! + 1000 })).toBe(false);
      expect(await other.get(key)).not.toBeNull();
      expect(await other.delete(key, { ifVersion: version! })).toBe(true);
      expect(await one.get(key)).toBeNull();
      expect(await one.delete(key)).toBe(true);
    });

    test('lists what is below a prefix and nothing beside it', async () => {
      const folder = fresh();
      await one.put(`${folder}/b`, '2');
      await one.put(`${folder}/a`, '1');
      await one.put(`${folder}x/c`, '3');
      const listed = await other.list(`${folder}/`);
      expect(listed.map(({ key, value }) => [key, value])).toEqual([
        [`${folder}/a`, '1'],
        [`${folder}/b`, '2'],
      ]);
      expect(await other.list(`${fresh()}/`)).toEqual([]);
    });

    test('a watch tells the present, then what others write, change and delete', async () => {
      const folder = fresh();
      await one.put(`${folder}/a`, '1');
      const life = new AbortController();
      let seen: readonly Entry[] | null = null;
      const shows = async (expected: Record<string, string>): Promise<void> => {
        const values = () =>
          Object.fromEntries((seen ?? []).map(({ key, value }) => [key.slice(folder.length + 1), value]));
        await eventually(() => expect(values()).toEqual(expected));
      };
      other.watch(`${folder}/`, { onChange: (entries) => (seen = entries) }, life.signal);
      await shows({ a: '1' });
      await one.put(`${folder}/b`, '2');
      await shows({ a: '1', b: '2' });
      await one.put(`${folder}/a`, '3');
      await shows({ a: '3', b: '2' });
      await one.delete(`${folder}/a`);
      await one.delete(`${folder}/b`);
      await shows({});
      life.abort();
      seen = null;
      await one.put(`${folder}/c`, '4');
      const second = new AbortController();
      let again: readonly Entry[] = [];
      other.watch(`${folder}/`, { onChange: (entries) => (again = entries) }, second.signal);
      await eventually(() => expect(again).toHaveLength(1));
      second.abort();
      expect(seen).toBeNull();
    });

    test('a lock has one holder, and the next one a greater token', async () => {
      const lock = fresh();
      const first = await one.lock(lock, 60_000);
      expect(first).not.toBeNull();
      expect(await other.lock(lock, 60_000)).toBeNull();
      expect(await one.lock(lock, 60_000)).toBeNull();
      expect(await first!.renew()).toBe(true);
      expect(first!.lost.aborted).toBe(false);
      await first!.release();
      expect(first!.lost.aborted).toBe(true);
      const second = await eventually(async () => (await other.lock(lock, 60_000)) ?? false);
      expect(second.token).toBeGreaterThan(first!.token);
      await first!.release();
      expect(await second.renew()).toBe(true);
      await second.release();
    });

    test('a holder that is gone loses the lock, knows it, and cannot renew', async () => {
      const lock = fresh();
      const first = await one.lock(lock, LOCK_MS);
      await source.expire(first!);
      const second = await eventually(async () => (await other.lock(lock, 60_000)) ?? false);
      expect(second.token).toBeGreaterThan(first!.token);
      expect(await first!.renew()).toBe(false);
      expect(first!.lost.aborted).toBe(true);
      await first!.release();
      expect(await one.lock(lock, 60_000)).toBeNull();
      await second.release();
    });

    test('of many that want a lock at once, one gets it', async () => {
      const lock = fresh();
      const tries = Array.from({ length: 10 }, (_, i) => (i % 2 === 0 ? one : other).lock(lock, 60_000));
      const leases = (await Promise.all(tries)).filter((lease) => lease !== null);
      expect(leases).toHaveLength(1);
      await leases[0]!.release();
    });

    test('keys and values beyond the limits are refused', async () => {
      for (const key of ['', '/a', 'a//b', 'a b', '../a b', 'ä', 'a'.repeat(600)]) {
        await expect(one.put(key, 'x')).rejects.toThrow('not a key');
      }
      const key = fresh();
      await expect(one.put(key, 'x'.repeat(MAX_VALUE_BYTES + 1))).rejects.toThrow('exceed');
      // Encrypted values are a third longer.
      const large = 'x'.repeat(MAX_VALUE_BYTES / 2);
      expect(await one.put(key, large)).not.toBeNull();
      expect((await other.get(key))?.value).toBe(large);
    });
  });
}
