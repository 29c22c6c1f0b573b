/** Consul fails, forgets, and comes back; what clients see of it is nothing. */
import { rm } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, describe, expect, test } from 'vitest';
import { type Backend, startBackend } from '../support/backend.ts';
import { type ConsulAgent, type ConsulOptions, skipConsul, startConsul } from '../support/consul.ts';
import { startLoad } from '../support/load.ts';
import { eventually } from '../support/process.ts';
import {
  deregister,
  note,
  register,
  registerBackend,
  type Site,
  type SiteOptions,
  startSite,
  temporaryFolder,
  timeUntil,
} from './site.ts';

const OUTAGE_MS = 20_000;
const RATE = 60;

// Side by side: most of it is waiting.
describe.skipIf(skipConsul).concurrent('Consul fails', () => {
  const endings: (() => Promise<unknown>)[] = [];

  afterAll(async () => {
    for (const end of endings.splice(0).reverse()) await end();
  });

  interface Setting {
    consul: ConsulAgent;
    site: Site;
    backends: Backend[];
    registerAll(): Promise<void>;
  }

  /** A router on an agent of its own, with two services of two instances each. */
  async function setUp(agent: ConsulOptions, options: SiteOptions = {}): Promise<Setting> {
    const consul = await startConsul(agent);
    endings.push(() => consul.stop());
    const names = ['one-1', 'one-2', 'two-1', 'two-2'];
    const backends = await Promise.all(names.map((name) => startBackend({ name })));
    endings.push(() => Promise.all(backends.map((backend) => backend.close())));
    const registerAll = async (): Promise<void> => {
      for (const backend of backends) {
        const service = backend.name.slice(0, 3);
        await registerBackend(consul, service, backend, [`fairlead:${service}.test/`]);
      }
      const line = `route add kv kv.test/ http://127.0.0.1:${backends[0]!.port}/`;
      await consul.api('PUT', '/v1/kv/fabio/config/ours', line);
    };
    await registerAll();
    const site = await startSite({ ...options, consul: consul.url });
    endings.push(() => site.stop());
    await settled(site);
    return { consul, site, backends, registerAll };
  }

  async function settled(site: Site): Promise<void> {
    await eventually(async () => {
      expect(await site.active('one')).toEqual(['one-1', 'one-2']);
      expect(await site.active('two')).toEqual(['two-1', 'two-2']);
      expect((await site.get('kv.test')).body).toBe('one-1');
    });
  }

  /** Load on each host; stopping it says what went wrong. */
  function loadAll(site: Site): () => Promise<unknown> {
    const hosts = ['one.test', 'two.test', 'kv.test'];
    const loads = hosts.map((host) =>
      startLoad({ port: site.web, host, connections: 4, ratePerSecond: RATE / 3, methods: ['GET', 'POST'] }),
    );
    return async () => {
      const results = await Promise.all(loads.map((load) => load.stop()));
      expect(Math.min(...results.map(({ ok }) => ok))).toBeGreaterThan(10);
      return results.map(({ failed, unsent }) => ({ failed, unsent }));
    };
  }

  const nothingFailed = Array.from({ length: 3 }, () => ({ failed: [], unsent: 0 }));

  /** What must hold at every moment of an outage. */
  async function expectRouted(site: Site): Promise<void> {
    const { routes, refused } = await site.routes();
    expect(routes.map(({ id }) => id).sort()).toEqual(['kv.test/ prefix', 'one.test/', 'two.test/']);
    expect(refused).toEqual([]);
    expect(await site.active('one')).toEqual(['one-1', 'one-2']);
    expect(await site.active('two')).toEqual(['two-1', 'two-2']);
    expect((await site.ready()).status).toBe(200);
  }

  /** From the registration of a new service until it is routed. */
  async function timeOfChange({ consul, site }: Setting): Promise<number> {
    const late = await startBackend({ name: 'late-1' });
    endings.push(() => late.close());
    const start = performance.now();
    await registerBackend(consul, 'late', late, ['fairlead:late.test/']);
    const routed = async (): Promise<void> => expect((await site.get('late.test')).body).toBe('late-1');
    await eventually(routed, { timeoutMs: 15_000, what: 'the change' });
    return performance.now() - start;
  }

  async function survive(setting: Setting, whileForgotten?: () => Promise<void>): Promise<string> {
    const { consul, site } = setting;
    const stopLoad = loadAll(site);
    await consul.kill();
    await eventually(async () => expect((await site.consul()).state).toBe('down'));
    const until = performance.now() + OUTAGE_MS;
    while (performance.now() < until) {
      await expectRouted(site);
      await sleep(500);
    }
    expect((await site.consul()).ageMs).toBeGreaterThan(OUTAGE_MS - 2_000);
    expect((await site.consul()).lastError).not.toBeNull();
    expect(await site.metric('fairlead_consul_errors_total')).toBeGreaterThan(0);
    await consul.restart();
    const recovered = await timeUntil(
      async () => expect((await site.consul()).state).toMatch(/^(live|degraded)$/),
      15_000,
      'the router to hear of Consul again',
    );
    await expectRouted(site);
    await whileForgotten?.();
    const change = await timeOfChange(setting);
    expect([await site.active('one'), await site.active('two')]).toEqual([
      ['one-1', 'one-2'],
      ['two-1', 'two-2'],
    ]);
    expect(await stopLoad()).toEqual(nothingFailed);
    expect(recovered + change).toBeLessThan(5_000);
    return `heard again after ${recovered.toFixed(0)} ms, a change was live ${change.toFixed(0)} ms after it was made`;
  }

  test('a long outage changes nothing, whether the agent remembers or forgets', {
    timeout: 90_000,
  }, async () => {
    const dataDir = await temporaryFolder();
    endings.push(() => rm(dataDir, { recursive: true, force: true }));
    const [remembering, forgetful] = await Promise.all([setUp({ dataDir }), setUp({})]);
    const notes = await Promise.all([
      survive(remembering),
      survive(forgetful, async () => {
        // Consul is empty now, and says so.
        await eventually(async () => {
          const list = (await forgetful.consul.api('GET', '/v1/catalog/services')) as object;
          expect(Object.keys(list)).toEqual(['consul']);
          expect((await forgetful.site.ready()).held).not.toBeNull();
        });
        for (let i = 0; i < 10; i++) {
          await expectRouted(forgetful.site);
          await sleep(300);
        }
        await forgetful.registerAll();
        await expectRouted(forgetful.site);
      }).catch((error) => error),
    ]);
    note(`agent with its data: ${notes[0]}`);
    note(`agent without: ${notes[1]}`);
    expect(notes[1]).toBeTypeOf('string');
  });

  test('a mass loss is held, alarmed, and believed in the end', async () => {
    const config = 'consul: { hold: 4s }\n';
    const consul = await startConsul();
    endings.push(() => consul.stop());
    const backend = await startBackend({ name: 'any' });
    endings.push(() => backend.close());
    const services = ['a', 'b', 'c', 'd', 'e'];
    const ids = services.flatMap((name) => [1, 2, 3].map((n) => ({ name, id: `${name}-${n}` })));
    // The same backend under different loopback addresses would be one endpoint each; ports must differ.
    const others = await Promise.all(ids.map(({ id }) => startBackend({ name: id })));
    endings.push(() => Promise.all(others.map((each) => each.close())));
    for (const [i, { name, id }] of ids.entries()) {
      await register(consul, { name, id, port: others[i]!.port, tags: [`fairlead:${name}.test/`] });
    }
    const site = await startSite({ consul: consul.url, config });
    endings.push(() => site.stop());
    const load = startLoad({ port: site.web, host: 'e.test', connections: 4, ratePerSecond: 50 });
    expect(await site.metric('fairlead_catalog_held_services')).toBe(0);

    const lost = ids.filter(({ name }) => name !== 'e');
    for (const { id } of lost) await deregister(consul, id);
    await eventually(async () => {
      expect((await site.ready()).held).toBe('most instances disappeared at once');
      expect(await site.metric('fairlead_catalog_held_services')).toBeGreaterThan(0);
    });
    await site.child.line(/a loss of instances is held/);
    expect((await site.consul()).held).not.toBeNull();
    expect((await site.ready()).status).toBe(200);
    // The first losses looked like a deployment and were believed; they are part of it, and taken back.
    await eventually(async () => {
      for (const name of services)
        expect(await site.active(name)).toEqual([`${name}-1`, `${name}-2`, `${name}-3`]);
      for (const name of services) expect((await site.get(`${name}.test`)).status).toBe(200);
    });
    // Whatever is registered meanwhile is used at once.
    await register(consul, { name: 'f', port: backend.port, tags: ['fairlead:f.test/'] });
    await eventually(async () => expect((await site.get('f.test')).body).toBe('any'));
    const held = startLoad({ port: site.web, host: 'd.test', connections: 4, ratePerSecond: 50 });
    await eventually(() => held.counters.ok > 30);
    expect((await held.stop()).failed).toEqual([]);

    const believed = async (): Promise<void> => {
      const answer = await site.get('d.test');
      expect(answer.headers.get('x-fairlead-reason')).toBe('no_healthy_instance');
      expect((await site.ready()).held).toBeNull();
    };
    await eventually(believed, { timeoutMs: 10_000, what: 'the end of the hold' });
    expect(await site.metric('fairlead_catalog_held_services')).toBe(0);
    expect((await load.stop()).failed).toEqual([]);
  });
});
