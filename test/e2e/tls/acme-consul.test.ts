/** Whole routers that order certificates together with Consul alone: catalog, state and locks. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type AcmeProxy, startAcmeProxy } from '../../support/acme-proxy.ts';
import { type Backend, startBackend } from '../../support/backend.ts';
import { type ConsulAgent, skipConsul, startConsul } from '../../support/consul.ts';
import { type Front, startFront } from '../../support/front.ts';
import { startLoad } from '../../support/load.ts';
import { type Pebble, skipPebble, startPebble } from '../../support/pebble.ts';
import { freePorts } from '../../support/ports.ts';
import { eventually } from '../../support/process.ts';
import { register } from '../site.ts';
import { acmeOf, ordersOf, type Replica, served as servedBy, startReplica } from './replica.ts';

const HOUR_MS = 3_600_000;
const SOON = { timeoutMs: 40_000 };
const HOSTS = ['shop.example.com', 'news.example.com', 'extra.example.com'];

interface CertificateRecord {
  readonly certPem: string;
  readonly notBefore: number;
}

describe.skipIf(skipPebble || skipConsul)('routers with tls.acme that share Consul', () => {
  const endings: (() => unknown)[] = [];
  let pebble: Pebble;
  let proxy: AcmeProxy;
  let consul: ConsulAgent;
  let backend: Backend;
  let fronts: readonly [web: Front, secure: Front];
  let root = '';
  let fleet: readonly Replica[] = [];
  let data = '';

  beforeAll(async () => {
    [pebble, consul, backend] = await Promise.all([
      startPebble(),
      startConsul(),
      startBackend({ name: 'shop' }),
    ]);
    endings.push(
      () => pebble.stop(),
      () => consul.stop(),
      () => backend.kill(),
    );
    proxy = await startAcmeProxy(pebble);
    endings.push(() => proxy.stop());
    root = await pebble.root();
    fronts = await Promise.all([startFront(pebble.httpPort), startFront(pebble.tlsPort)]);
    endings.push(...fronts.map((front) => () => front.stop()));
    data = await mkdtemp(join(tmpdir(), 'fairlead-acme-consul-'));
    endings.push(() => rm(data, { recursive: true, force: true }));
    const tags = ['shop', 'news'].map((name) => `fairlead:${name}.example.com/ https=redirect`);
    await register(consul, { name: 'shop', port: backend.port, tags });
  }, 60_000);
  afterAll(async () => {
    for (const end of endings.reverse()) await end();
  });

  async function replica(more: string, others: object = {}): Promise<Replica> {
    const { directory, caFile } = proxy;
    const started = await startReplica({
      ...{ consul: consul.url, store: 'consul', directory, caFile, more, ...others },
    });
    endings.push(() => started.stop());
    return started;
  }

  const served = (site: Replica, name: string): Promise<string> => servedBy(site, name, root);

  /** The keys of the shared folder that match, with their values. */
  async function kept(pattern: RegExp): Promise<readonly { readonly key: string; readonly value: string }[]> {
    const entries = ((await consul.api('GET', '/v1/kv/fairlead/?recurse')) ?? []) as readonly {
      readonly Key: string;
      readonly Value: string | null;
    }[];
    return entries
      .filter(({ Key }) => pattern.test(Key))
      .map(({ Key, Value }) => ({ key: Key, value: Buffer.from(Value ?? '', 'base64').toString() }));
  }

  test('three serve the same certificates, each name ordered exactly once', async () => {
    const ports = await Promise.all([0, 1, 2].map(() => freePorts(2)));
    fronts[0].targets = ports.map(([web = 0]) => web);
    fronts[1].targets = ports.map(([, secure = 0]) => secure);
    fleet = await Promise.all(
      ports.map((own, index) =>
        replica('names: [extra.example.com]', { ports: own, ...(index === 0 && { data }) }),
      ),
    );
    for (const host of HOSTS) {
      const shown = await eventually(() => Promise.all(fleet.map((each) => served(each, host))), {
        ...SOON,
        what: `a certificate for ${host} everywhere`,
      });
      expect(new Set(shown).size).toBe(1);
    }
    expect(pebble.issued()).toBe(HOSTS.length);
    const counts = await Promise.all(fleet.map(ordersOf));
    expect(counts.reduce((sum, count) => sum + count)).toBe(HOSTS.length);
    await eventually(async () => expect(await kept(/\/(order|challenge)\//)).toEqual([]));
  }, 90_000);

  test('one is renewed when the authority advises it, everywhere, and no handshake fails', async () => {
    const [host = ''] = HOSTS;
    const before = await served(fleet[0]!, host);
    proxy.advise = () => ({
      ...{ status: 200, headers: { 'retry-after': '3600' } },
      body: {
        suggestedWindow: {
          start: new Date(Date.now() - 2 * HOUR_MS).toISOString(),
          end: new Date(Date.now() - HOUR_MS).toISOString(),
        },
      },
    });
    const anew = { headers: { connection: 'close' }, connections: 4, ratePerSecond: 20 };
    const load = startLoad({
      ...{ port: fleet[1]!.secure, host, tls: { servername: host, ca: root }, ...anew },
    });
    await eventually(() => load.counters.ok > 5);
    const issued = pebble.issued();
    // As if it were five hours old: younger ones are never renewed.
    const [entry] = await kept(new RegExp(`/certificate/${host}$`));
    const record = JSON.parse(entry!.value) as CertificateRecord;
    const aged = { ...record, notBefore: record.notBefore - 5 * HOUR_MS };
    await consul.api('PUT', `/v1/kv/${entry!.key}`, JSON.stringify(aged));
    await consul.api('DELETE', `/v1/kv/${entry!.key.replace('/certificate/', '/advice/')}`);

    const shown = await eventually(async () => {
      const all = new Set(await Promise.all(fleet.map((each) => served(each, host))));
      return all.size === 1 && !all.has(before) && [...all][0]!;
    }, SOON);
    expect(shown).not.toBe(before);
    expect(pebble.issued()).toBe(issued + 1);
    const orders = proxy.seen.flatMap(({ payload }) => (payload.identifiers ? [payload] : []));
    expect(orders.at(-1)).toMatchObject({
      replaces: expect.stringMatching(/^[\w-]+\.[\w-]+$/),
      identifiers: [{ value: host }],
    });
    const { failed } = await load.stop();
    expect(failed).toEqual([]);
    proxy.advise = null;
  }, 90_000);

  test('the authority may look at the secure port instead, and finds its challenge with any of them', async () => {
    const name = 'alpn.example.com';
    const before = fronts.map(({ taken }) => taken.length);
    const fourth = await replica(`names: [${name}]\n    challenges: [tls-alpn-01]`);
    const shown = await eventually(() => served(fourth, name), SOON);
    for (const each of fleet) await eventually(async () => expect(await served(each, name)).toBe(shown));
    // The one that ordered is not among those that were asked.
    expect(fronts[0].taken.length).toBe(before[0]);
    expect(fronts[1].taken.length).toBeGreaterThan(before[1]!);
    await fourth.stop();
  }, 60_000);

  test('an order outlives kill -9, and is finished by another with the same key', async () => {
    const name = 'orphan.example.com';
    const stuck = `names: [${name}]
    challenges: [dns-01]
    dns: { command: [/bin/sh, -c, "sleep 60"] }`;
    const dying = await replica(stuck);
    const [order] = await eventually(async () => {
      const found = await kept(new RegExp(`/order/${name}$`));
      return found.length === 1 && found;
    }, SOON);
    const issued = pebble.issued();
    const heir = await replica(`names: [${name}]`);
    const stateOf = async () => (await acmeOf(heir)).certificates.find(({ id }) => id === name)?.state;
    await eventually(async () => expect(await stateOf()).toBe('missing'));
    expect(pebble.issued()).toBe(issued);

    await dying.child.stop('SIGKILL');
    // As if its session's time were over: up to a minute that no test should wait for.
    const sessions = (await consul.api('GET', '/v1/kv/fairlead/locks/?recurse')) as readonly {
      readonly Key: string;
      readonly Session?: string;
    }[];
    const { Session: session } = sessions.find(({ Key }) => Key.endsWith(name))!;
    await consul.api('PUT', `/v1/session/destroy/${session}`);
    const shown = await eventually(() => served(heir, name), SOON);
    expect(pebble.issued()).toBe(issued + 1);
    for (const each of fleet) await eventually(async () => expect(await served(each, name)).toBe(shown));
    const [done] = await kept(new RegExp(`/certificate/${name}$`));
    const keyOf = (text: string): unknown => (JSON.parse(text) as { readonly keyPem: string }).keyPem;
    expect(keyOf(done!.value)).toBe(keyOf(order!.value));
  }, 90_000);

  test('one that starts while Consul is away serves what it had, and orders nothing', async () => {
    const [first] = fleet;
    const shown = await Promise.all(HOSTS.map((host) => served(first!, host)));
    await first!.child.stop('SIGTERM');
    await consul.kill();
    const issued = pebble.issued();
    const again = await replica('names: [extra.example.com]', { data, until: 'alive' });
    await eventually(() => served(again, HOSTS[0]!), SOON);
    expect(await Promise.all(HOSTS.map((host) => served(again, host)))).toEqual(shown);
    expect(pebble.issued()).toBe(issued);
    expect(await ordersOf(again)).toBe(0);
  }, 60_000);
});
