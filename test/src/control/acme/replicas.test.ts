import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { AcmeConfig } from '../../../../src/config/acme.ts';
import { openRedisDoor } from '../../../../src/control/store/redis-door.ts';
import { createRedisStore } from '../../../../src/control/store/redis-store.ts';
import type { Store } from '../../../../src/control/store/store.ts';
import {
  acmeConfig,
  certificateFor,
  type Replica,
  type Responder,
  startReplica,
  startResponder,
} from '../../../support/acme-site.ts';
import { type Pebble, skipPebble, startPebble } from '../../../support/pebble.ts';
import { eventually, root, start } from '../../../support/process.ts';
import { type RedisServer, startRedis } from '../../../support/redis.ts';

describe.skipIf(skipPebble)('several replicas that share Redis', () => {
  let pebble: Pebble;
  let redis: RedisServer;
  let responder: Responder;
  let replicas: Replica[] = [];
  const stores: Store[] = [];

  beforeAll(async () => {
    [pebble, redis] = await Promise.all([startPebble({ nonceReject: 0 }), startRedis()]);
    responder = await startResponder(pebble, () => replicas);
  });
  afterEach(async () => {
    await Promise.all(replicas.map(({ manager }) => manager.stop()));
    await Promise.all(stores.splice(0).map((store) => store.close()));
    replicas = [];
  });
  afterAll(async () => {
    await responder?.stop();
    await pebble?.stop();
    await redis?.stop();
  });

  function openStore(): Store {
    const store = createRedisStore(openRedisDoor(redis.url), 'fairlead');
    stores.push(store);
    return store;
  }

  async function replica(changes: Partial<AcmeConfig> = {}): Promise<Replica> {
    const started = await startReplica(acmeConfig(pebble, { settleMs: 200, ...changes }), openStore());
    replicas.push(started);
    return started;
  }

  test('three order each name exactly once, any of them answers, and all serve the result', async () => {
    const names = Array.from({ length: 8 }, (_, i) => `fleet-${i}.example.com`);
    const challenges = ['http-01', 'tls-alpn-01'] as const;
    const fleet = await Promise.all([1, 2, 3].map(() => replica({ challenges })));
    for (const { manager } of fleet) manager.want(names);
    for (const each of fleet) for (const name of names) await certificateFor(each, name);
    for (const name of names) {
      expect(new Set(fleet.map((each) => each.of(name)?.certPem)).size).toBe(1);
    }
    expect(pebble.issued()).toBe(names.length);
    const entries = await openStore().list('acme/');
    const left = entries.map(({ key }) => key.split('/')[2]).filter((kind) => kind !== 'advice');
    expect(left.filter((kind) => kind === 'certificate')).toHaveLength(names.length);
    expect(new Set(left)).toEqual(new Set(['account', 'budget', 'certificate']));
  });

  test('an order whose replica is killed is finished by another, with the same order', async () => {
    const name = 'orphan.example.com';
    const stuck = acmeConfig(pebble, {
      ...{ names: [name], challenges: ['dns-01'] },
      // Never says that the record is there: the replica is in the middle of its order until it is killed.
      dns: { command: ['/bin/sh', '-c', 'sleep 20'], timeoutMs: 60_000, propagationMs: 0 },
    });
    const issued = pebble.issued();
    const args = [`${root}test/support/acme-replica.ts`, redis.url, JSON.stringify(stuck)];
    const child = await start(process.execPath, args);
    const store = openStore();
    const orders = async () => (await store.list('acme/')).filter(({ key }) => key.includes('/order/'));
    const placed = await eventually(async () => (await orders())[0] ?? false, { timeoutMs: 15_000 });
    const one = await replica({ names: [name] });
    await eventually(() => expect(one.manager.status().certificates[0]?.state).toBe('missing'));
    expect(pebble.issued()).toBe(issued);
    await child.stop('SIGKILL');
    const held = await certificateFor(one, name);
    expect(pebble.issued()).toBe(issued + 1);
    const { keyPem } = JSON.parse(placed.value) as { readonly keyPem: string };
    expect(held.keyPem).toBe(keyPem);
    expect(await orders()).toEqual([]);
  });

  test('a store that loses its memory is given back what replicas still have', async () => {
    const one = await replica({ names: ['memory.example.com'] });
    const { certPem } = await certificateFor(one, 'memory.example.com');
    const issued = pebble.issued();
    const store = openStore();
    for (const { key } of await store.list('acme/')) await store.delete(key);
    const restored = async (): Promise<boolean> =>
      (await store.list('acme/')).some(({ key }) => key.endsWith('/certificate/memory.example.com'));
    await eventually(restored);
    expect(one.of('memory.example.com')?.certPem).toBe(certPem);
    const two = await replica({ names: ['memory.example.com'] });
    expect((await certificateFor(two, 'memory.example.com')).certPem).toBe(certPem);
    expect(pebble.issued()).toBe(issued);
  });
});
