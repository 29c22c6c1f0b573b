/** Whole routers that order certificates together: Redis between them, a real authority, and a balancer in front. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type EmbeddedRegistry, startRegistry } from '../../../src/embedded/registry.ts';
import { startBackend } from '../../support/backend.ts';
import { type Front, startFront } from '../../support/front.ts';
import { type Pebble, skipPebble, startPebble } from '../../support/pebble.ts';
import { freePorts } from '../../support/ports.ts';
import { eventually } from '../../support/process.ts';
import { type RedisServer, startRedis } from '../../support/redis.ts';
import { failureOf } from '../../support/secure.ts';
import { acmeOf, ordersOf, type Replica, served as servedBy, startReplica, UNKNOWN } from './replica.ts';

describe.skipIf(skipPebble)('routers with tls.acme that share Redis', () => {
  const endings: (() => unknown)[] = [];
  let pebble: Pebble;
  let redis: RedisServer;
  let registry: EmbeddedRegistry;
  let fronts: readonly [web: Front, secure: Front];
  let root = '';
  let fleet: readonly Replica[] = [];

  beforeAll(async () => {
    [pebble, redis] = await Promise.all([startPebble(), startRedis()]);
    endings.push(
      () => pebble.stop(),
      () => redis.stop(),
    );
    root = await pebble.root();
    registry = await startRegistry({ host: '127.0.0.1', port: 0 });
    const backend = await startBackend({ name: 'shop' });
    endings.push(
      () => registry.close(),
      () => backend.kill(),
    );
    fronts = await Promise.all([startFront(pebble.httpPort), startFront(pebble.tlsPort)]);
    endings.push(...fronts.map((front) => () => front.stop()));
    registry.register({
      ...{ ID: 'shop', Name: 'shop', Address: '127.0.0.1', Port: backend.port },
      Tags: ['fairlead:shop.example.com/ https=redirect', 'fairlead:plain.example.com/'],
    });
  }, 30_000);
  afterAll(async () => {
    for (const end of endings.reverse()) await end();
  });

  async function replica(more: string, ports: readonly number[]): Promise<Replica> {
    const { directory, caFile } = pebble;
    const env = { REDIS_URL: redis.url };
    const started = await startReplica({
      ...{ consul: registry.url, store: 'redis', directory, caFile, env, more, ports },
    });
    endings.push(() => started.stop());
    return started;
  }

  const served = (site: Replica, name: string): Promise<string> => servedBy(site, name, root);

  test('three serve the same real certificates for hosts of tags, each ordered once', async () => {
    const wanted = 'names: [extra.example.com]\n    onDemand: { allow: ["*.demand.example.com"] }';
    const ports = await Promise.all([0, 1, 2].map(() => freePorts(2)));
    fronts[0].targets = ports.map(([web = 0]) => web);
    fronts[1].targets = ports.map(([, secure = 0]) => secure);
    fleet = await Promise.all(ports.map((own) => replica(wanted, own)));
    for (const host of ['shop.example.com', 'extra.example.com']) {
      const shown = await eventually(() => Promise.all(fleet.map((each) => served(each, host))), {
        timeoutMs: 20_000,
        what: `a certificate for ${host} everywhere`,
      });
      expect(new Set(shown).size).toBe(1);
    }
    expect(pebble.issued()).toBe(2);
    const counts = await Promise.all(fleet.map(ordersOf));
    expect(counts.reduce((sum, count) => sum + count)).toBe(2);
    for (const each of fleet) {
      const { problem, certificates } = await acmeOf(each);
      expect(problem).toBeNull();
      expect(certificates.map(({ id, state }) => [id, state])).toEqual([
        ['extra.example.com', 'valid'],
        ['shop.example.com', 'valid'],
      ]);
      expect(certificates[0]?.notAfter).toMatch(/^\d{4}-.*Z$/);
    }
    const answer = await fleet[2]!.get('shop.example.com');
    expect(answer.headers.get('location')).toBe(`https://shop.example.com:${fleet[2]!.secure}/`);
  }, 90_000);

  test('a name that somebody connects with is ordered on demand, where a rule allows it', async () => {
    const [name, stranger] = ['new.demand.example.com', 'stranger.example.com'];
    const issued = pebble.issued();
    for (const each of [name, stranger])
      expect(await failureOf(fleet[0]!.secure, { servername: each })).toBe(UNKNOWN);
    for (const each of fleet) await eventually(() => served(each, name), { timeoutMs: 20_000 });
    expect(pebble.issued()).toBe(issued + 1);
    const { certificates } = await acmeOf(fleet[1]!);
    expect(certificates.map(({ id }) => id)).not.toContain(stranger);
  }, 30_000);

  test('those that can be reached answer for one that cannot, and an order outlives kill -9', async () => {
    const stuck = `names: [orphan.example.com]
    challenges: [dns-01]
    dns: { command: [/bin/sh, -c, "sleep 60"] }`;
    const dying = await replica(stuck, await freePorts(2));
    const keys = (pattern: string): Promise<string[]> => redis.client.keys(pattern);
    await eventually(async () => (await keys('*/order/orphan.example.com')).length === 1, {
      timeoutMs: 20_000,
      what: 'an order under way',
    });
    const [lock = ''] = await keys('*:lock:*orphan.example.com');
    const issued = pebble.issued();
    const heir = await replica('names: [hidden.example.com, orphan.example.com]', await freePorts(2));
    await eventually(() => served(heir, 'hidden.example.com'), { timeoutMs: 20_000 });
    expect(fronts.flatMap(({ taken }) => taken)).not.toContain(heir.web);
    expect(await ordersOf(heir)).toBe(1);
    expect(pebble.issued()).toBe(issued + 1);
    const held = (await acmeOf(heir)).certificates.find(({ id }) => id === 'orphan.example.com');
    expect(held?.state).toBe('missing');

    await dying.child.stop('SIGKILL');
    // As if its time were over: half a minute that no test should wait for.
    expect(await redis.client.pexpire(lock, 1)).toBe(1);
    const shown = await eventually(() => served(heir, 'orphan.example.com'), { timeoutMs: 20_000 });
    expect(await ordersOf(heir)).toBe(2);
    expect(pebble.issued()).toBe(issued + 2);
    for (const each of fleet)
      await eventually(async () => expect(await served(each, 'orphan.example.com')).toBe(shown));
    expect(await failureOf(heir.secure, { servername: 'plain.example.com' })).toBe(UNKNOWN);
  }, 90_000);
});
