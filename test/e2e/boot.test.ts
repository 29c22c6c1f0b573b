/** Starting without Consul: with nothing, with a saved catalog, and with a port that somebody takes meanwhile. */
import { rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { afterAll, describe, expect, test } from 'vitest';
import { type Backend, startBackend } from '../support/backend.ts';
import { type ConsulAgent, skipConsul, startConsul } from '../support/consul.ts';
import { accepts } from '../support/ports.ts';
import { eventually } from '../support/process.ts';
import {
  note,
  register,
  type Site,
  type SiteOptions,
  setCheck,
  startSite,
  temporaryFolder,
  timeUntil,
} from './site.ts';

// Side by side: most of it is waiting.
describe.skipIf(skipConsul).concurrent('a start without Consul', () => {
  const endings: (() => Promise<unknown>)[] = [];

  afterAll(async () => {
    for (const end of endings.splice(0).reverse()) await end();
  });

  async function site(options: SiteOptions): Promise<Site> {
    const started = await startSite(options);
    endings.push(() => started.stop());
    return started;
  }

  async function backend(name: string): Promise<Backend> {
    const started = await startBackend({ name });
    endings.push(() => started.close());
    return started;
  }

  async function agent(dataDir?: string): Promise<ConsulAgent> {
    const started = await startConsul(dataDir === undefined ? {} : { dataDir });
    endings.push(() => started.stop());
    return started;
  }

  /** Ten seconds each, spent together. */
  test('nothing saved: it says so after a while, and serves as soon as Consul answers', async () => {
    const consul = await agent();
    const one = await backend('one');
    await consul.kill();
    const config = `routes: [{ rule: "fixed.test/", to: ["127.0.0.1:${one.port}"] }]\n`;
    const startedAt = performance.now();
    const [waiting, robbed] = await Promise.all([
      site({ consul: consul.url, config, until: 'alive' }),
      site({ until: 'alive' }),
    ]);
    // Its port was free when it looked.
    const thief = createServer().listen(robbed.web, '127.0.0.1');
    endings.push(() => new Promise((resolve) => thief.close(resolve)));

    await eventually(async () => {
      const { status, ready, reasons } = await waiting.ready();
      expect({ status, ready, reasons }).toEqual({
        status: 503,
        ready: false,
        reasons: ['no complete catalog yet'],
      });
    });
    await expect(accepts(waiting.web)).rejects.toThrow('ECONNREFUSED');
    await eventually(() => accepts(waiting.web), { timeoutMs: 15_000, what: 'open listeners' });
    expect(performance.now() - startedAt).toBeGreaterThan(9_000);
    const answer = await waiting.get('one.test');
    expect(answer.status).toBe(503);
    expect(answer.headers.get('x-fairlead-reason')).toBe('no_catalog');
    expect(answer.headers.get('retry-after')).toBeDefined();
    // What the operator's own file says needs no catalog.
    expect((await waiting.get('fixed.test')).body).toBe('one');
    expect((await waiting.ready()).status).toBe(503);

    expect(await robbed.child.exited).toMatchObject({ code: 69 });
    expect(robbed.child.stderr.filter((line) => line.startsWith('fairlead:'))).toEqual([
      `fairlead: listener web: address 127.0.0.1:${robbed.web} is in use by another process`,
    ]);

    await consul.restart();
    await register(consul, { name: 'one', port: one.port, tags: ['fairlead:one.test/'] });
    const routed = async (): Promise<void> => expect((await waiting.get('one.test')).body).toBe('one');
    const took = await timeUntil(routed, 10_000, 'the route');
    expect((await waiting.ready()).status).toBe(200);
    expect((await waiting.get('other.test')).status).toBe(404);
    note(`routed ${took.toFixed(0)} ms after the registration with a Consul that came late`);
    expect(took).toBeLessThan(5_000);
  });

  test('a saved catalog is served at once and corrected when Consul answers', async () => {
    const dataDir = await temporaryFolder();
    const data = await temporaryFolder();
    endings.push(
      () => rm(dataDir, { recursive: true }),
      () => rm(data, { recursive: true }),
    );
    const consul = await agent(dataDir);
    const [one, two] = [await backend('one'), await backend('two')];
    await register(consul, { name: 'one', port: one.port, tags: ['fairlead:one.test/'] });
    await register(consul, { name: 'two', port: two.port, tags: ['fairlead:two.test/'] });
    const first = await site({ consul: consul.url, data });
    await eventually(async () => {
      expect((await first.get('one.test')).body).toBe('one');
      expect((await first.get('two.test')).body).toBe('two');
    });
    expect(await first.child.stop('SIGTERM')).toEqual({ code: 0, signal: null });
    await register(consul, { name: 'three', port: two.port, tags: ['fairlead:three.test/'] });
    await consul.api('PUT', '/v1/agent/service/deregister/two');
    await consul.kill();

    const startedAt = performance.now();
    const second = await site({ consul: consul.url, data });
    const took = performance.now() - startedAt;
    expect((await second.get('one.test')).body).toBe('one');
    expect((await second.get('two.test')).body).toBe('two');
    expect(took).toBeLessThan(8_000);
    note(`ready ${took.toFixed(0)} ms after the start, from the saved catalog`);
    expect(await second.ready()).toMatchObject({ status: 200, catalogAgeMs: null });
    expect(await second.metric('fairlead_catalog_age_seconds')).toBeGreaterThan(0);
    expect((await second.consul()).state).toMatch(/^(starting|down)$/);
    // Nobody saved anything that would have been lost by a crash now.
    expect(await second.child.stop('SIGKILL')).toEqual({ code: null, signal: 'SIGKILL' });

    const third = await site({ consul: consul.url, data });
    expect((await third.get('two.test')).body).toBe('two');
    await consul.restart();
    // An agent that starts calls every check critical until it has run: what was passing stays until then.
    await setCheck(consul, 'three', 'passing');
    await eventually(
      async () => {
        expect((await third.get('three.test')).body).toBe('two');
        const { status, headers } = await third.get('two.test');
        expect([status, headers.get('x-fairlead-reason')]).toEqual([503, 'no_healthy_instance']);
      },
      { timeoutMs: 15_000, what: 'the correction' },
    );
    expect((await third.get('one.test')).body).toBe('one');
  });
});
