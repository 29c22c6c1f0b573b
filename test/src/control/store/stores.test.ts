import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { ConsulConfig } from '../../../../src/config/config.ts';
import { createConsulClient } from '../../../../src/control/providers/consul-client.ts';
import { createConsulStore } from '../../../../src/control/store/consul-store.ts';
import { openRedisDoor } from '../../../../src/control/store/redis-door.ts';
import { createRedisStore } from '../../../../src/control/store/redis-store.ts';
import { sealStore } from '../../../../src/control/store/sealed-store.ts';
import { openSqliteStore } from '../../../../src/control/store/sqlite-store.ts';
import type { Entry, Store } from '../../../../src/control/store/store.ts';
import { LOCK_MS, type StoreSource, storeContract } from '../../../contracts/store.contract.ts';
import { skipConsul, startConsul } from '../../../support/consul.ts';
import { memoryStore } from '../../../support/memory-store.ts';
import { eventually } from '../../../support/process.ts';
import { skipRedis, startRedis } from '../../../support/redis.ts';

/** Where the time a lease was given is all there is to wait for. */
const pass = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, LOCK_MS + 50));

function folder(): { readonly path: string; remove(): Promise<void> } {
  const path = mkdtempSync(join(tmpdir(), 'fairlead-store-'));
  return { path, remove: async () => rmSync(path, { recursive: true, force: true }) };
}

function consulConfig(url: string): ConsulConfig {
  return {
    url,
    ...{ token: null, tokenFile: null, datacenter: null, namespace: null, health: [] },
    tls: { caFile: null, certFile: null, keyFile: null, serverName: null, verify: true },
    ...{ connections: 4, waitMs: 55_000, holdMs: 0, forgetMs: 0 },
  };
}

async function memory(): Promise<StoreSource> {
  const store = memoryStore();
  return { open: () => store, expire: pass, stop: async () => {} };
}

storeContract('memory', memory);

storeContract('encrypted', async () => {
  const source = await memory();
  return { ...source, open: () => sealStore(source.open(), Buffer.from('a secret')) };
});

storeContract('a file', async () => {
  const dir = folder();
  return { open: () => openSqliteStore(dir.path), expire: pass, stop: dir.remove };
});

describe.skipIf(skipRedis)('with a real Redis', () => {
  storeContract('Redis', async () => {
    const server = await startRedis();
    return {
      open: () => createRedisStore(openRedisDoor(server.url), 'fairlead'),
      expire: pass,
      stop: server.stop,
    };
  });
});

describe.skipIf(skipConsul)('with a real Consul', () => {
  storeContract('Consul', async () => {
    const agent = await startConsul();
    return {
      open: () => createConsulStore(createConsulClient(consulConfig(agent.url)), 'fairlead/shared'),
      // Sessions live for 10 s at least, so the one of the lease is ended from outside.
      async expire() {
        await pass();
        const sessions = (await agent.api('GET', '/v1/session/list')) as readonly { readonly ID: string }[];
        await Promise.all(sessions.map(({ ID }) => agent.api('PUT', `/v1/session/destroy/${ID}`)));
      },
      stop: agent.stop,
    };
  });
});

test('the file of the store is private and outlives the process that wrote it', async () => {
  const dir = folder();
  const first = openSqliteStore(dir.path);
  await first.put('account', 'a private key');
  expect(statSync(join(dir.path, 'shared.sqlite')).mode & 0o777).toBe(0o600);
  expect(statSync(join(dir.path, 'shared.sqlite-wal')).mode & 0o777).toBe(0o600);
  await first.close();
  const second = openSqliteStore(dir.path);
  expect((await second.get('account'))?.value).toBe('a private key');
  await second.close();
  await dir.remove();
});

describe('an encrypted store', () => {
  const secret = Buffer.from('one secret');

  test('shows nothing of keys it holds, and opens nothing with another secret', async () => {
    const plain = memoryStore();
    await sealStore(plain, secret).put('a', 'PRIVATE KEY');
    expect((await plain.get('a'))?.value).not.toContain('PRIVATE');
    await expect(sealStore(plain, Buffer.from('another')).get('a')).rejects.toThrow('another key');
  });

  test('refuses what was moved to another key, changed or written in the clear', async () => {
    const plain = memoryStore();
    const sealed = sealStore(plain, secret);
    await sealed.put('a', 'for a');
    const { value } = (await plain.get('a'))!;
    await plain.put('b', value);
    await plain.put('c', `${value.slice(0, -6)}AAAA==`);
    await plain.put('d', 'clear');
    for (const key of ['b', 'c', 'd']) await expect(sealed.get(key)).rejects.toThrow(key);
    expect((await sealed.list('')).map(({ key }) => key)).toEqual(['a']);
  });

  test('reports what it cannot open and watches the rest', async () => {
    const plain = memoryStore();
    await plain.put('x', 'clear');
    await sealStore(plain, secret).put('y', 'sealed');
    const life = new AbortController();
    const faults: string[] = [];
    let seen: readonly Entry[] = [];
    sealStore(plain, secret).watch(
      '',
      { onChange: (entries) => (seen = entries), onFault: (message) => faults.push(message) },
      life.signal,
    );
    await eventually(() => expect(seen.map(({ key }) => key)).toEqual(['y']));
    expect(faults).toEqual(['x is not encrypted']);
    life.abort();
  });
});

describe('a store that cannot be reached', () => {
  test.each<[string, () => Store]>([
    ['Redis', () => createRedisStore(openRedisDoor('redis://127.0.0.1:1'), 'fairlead')],
    ['Consul', () => createConsulStore(createConsulClient(consulConfig('http://127.0.0.1:1')), 'fairlead')],
  ])('%s rejects rather than saying there is nothing, and a watch reports it', async (_, open) => {
    const store = open();
    const faults: string[] = [];
    const onChange = (): void => void faults.push('told something');
    const life = new AbortController();
    store.watch('a/', { onChange, onFault: (message) => faults.push(message) }, life.signal);
    await expect(store.get('a/b')).rejects.toMatchObject({ code: 'unavailable' });
    await expect(store.list('a/')).rejects.toMatchObject({ code: 'unavailable' });
    await expect(store.put('a/b', 'x')).rejects.toMatchObject({ code: 'unavailable' });
    await expect(store.lock('b', 1000)).rejects.toMatchObject({ code: 'unavailable' });
    await eventually(() => expect(faults).toHaveLength(1));
    life.abort();
    await store.close();
  });
});
