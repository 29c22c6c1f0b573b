/** What operators do all day: maintenance, canaries, deploys, moved addresses, Fabio's lines. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type Backend, startBackend } from '../support/backend.ts';
import { type ConsulAgent, skipConsul, startConsul } from '../support/consul.ts';
import { Client, type Load, startLoad } from '../support/load.ts';
import { eventually } from '../support/process.ts';
import {
  ballast,
  deregister,
  note,
  register,
  registerBackend,
  type Site,
  setCheck,
  startSite,
} from './site.ts';

describe.skipIf(skipConsul)('changes of a day', () => {
  let consul: ConsulAgent;
  let site: Site;
  const backends: Backend[] = [];
  const ids = new Set<string>();

  beforeAll(async () => {
    consul = await startConsul();
    await ballast(consul);
    site = await startSite({ consul: consul.url });
  });

  afterEach(async () => {
    await consul.api('DELETE', '/v1/kv/fabio/?recurse');
    for (const id of ids) await deregister(consul, id);
    ids.clear();
    // The next one must not see any of this.
    await eventually(async () => {
      const left = (await site.pools()).filter(
        ({ name, endpoints }) => name !== 'ballast' && endpoints.length > 0,
      );
      expect(left).toEqual([]);
    });
    await Promise.all(backends.splice(0).map((backend) => backend.close()));
  });

  afterAll(async () => {
    await site?.stop();
    await consul?.stop();
  });

  async function backend(name: string, port?: number): Promise<Backend> {
    const started = await startBackend({ name, ...(port !== undefined && { port }) });
    backends.push(started);
    return started;
  }

  async function instance(
    service: string,
    name: string,
    tags: string[],
    weights?: { Passing: number; Warning: number },
  ): Promise<Backend> {
    const started = await backend(name);
    ids.add(name);
    await registerBackend(consul, service, started, tags, weights);
    return started;
  }

  const isActive = (service: string, names: string[]): Promise<void> =>
    eventually(async () => expect(await site.active(service)).toEqual(names), `${service} to be ${names}`);

  function load(host: string, path = '/'): Load {
    const methods = ['GET', 'POST', 'GET', 'PUT'];
    return startLoad({ port: site.web, host, path, connections: 8, ratePerSecond: 150, methods });
  }

  async function more({ counters }: Load, answers: number): Promise<void> {
    const enough = counters.ok + counters.failed + answers;
    await eventually(() => counters.ok + counters.failed >= enough, {
      timeoutMs: 20_000,
      what: 'more answers',
    });
  }

  async function expectNoFailure(running: Load): Promise<void> {
    const { failed, unsent } = await running.stop();
    expect({ failed, unsent }).toEqual({ failed: [], unsent: 0 });
  }

  test('maintenance of an instance drains it, of the node takes everything out', async () => {
    await instance('maint', 'maint-1', ['fairlead:maint.test/']);
    const two = await instance('maint', 'maint-2', ['fairlead:maint.test/']);
    await isActive('maint', ['maint-1', 'maint-2']);
    const running = load('maint.test');
    await more(running, 30);
    await consul.api('PUT', '/v1/agent/service/maintenance/maint-2?enable=true&reason=work');
    await isActive('maint', ['maint-1']);
    await more(running, 30);
    const served = two.requests.length;
    await more(running, 60);
    expect(two.requests.length).toBe(served);
    await consul.api('PUT', '/v1/agent/service/maintenance/maint-2?enable=false');
    await isActive('maint', ['maint-1', 'maint-2']);
    await eventually(() => two.requests.length > served);
    await expectNoFailure(running);

    await consul.api('PUT', '/v1/agent/maintenance?enable=true&reason=reboot');
    await eventually(async () => expect((await site.get('maint.test')).status).toBe(503));
    await consul.api('PUT', '/v1/agent/maintenance?enable=false');
    await eventually(async () => expect((await site.get('maint.test')).status).toBe(200));
  });

  test.for([
    {
      how: 'weights of the catalog',
      weights: { Passing: 5, Warning: 1 },
      other: { Passing: 95, Warning: 1 },
    },
    { how: 'the weight of the tag', tag: ' weight=5', otherTag: ' weight=95' },
  ])('a canary gets its share by $how', async ({ weights, other, tag = '', otherTag = '' }) => {
    const canary = await instance('canary', 'canary-1', [`fairlead:canary.test/${tag}`], weights);
    await instance('canary', 'stable-1', [`fairlead:canary.test/${otherTag}`], other);
    await isActive('canary', ['canary-1', 'stable-1']);
    // Connections spread over both workers.
    const clients = Array.from({ length: 8 }, () => new Client(site.web));
    const before = canary.requests.length;
    for (let i = 0; i < 2000; i++) {
      const { status } = await clients[i % clients.length]!.request({ host: 'canary.test' });
      expect(status).toBe(200);
    }
    for (const client of clients) client.close();
    const share = ((canary.requests.length - before) / 2000) * 100;
    note(`a canary of 5 % got ${share.toFixed(1)} %`);
    expect(Math.abs(share - 5)).toBeLessThanOrEqual(2);
  });

  test('an instance on warning leaves, as the default says', async () => {
    await instance('warn', 'warn-1', ['fairlead:warn.test/']);
    await instance('warn', 'warn-2', ['fairlead:warn.test/']);
    await isActive('warn', ['warn-1', 'warn-2']);
    await setCheck(consul, 'warn-2', 'warning');
    await isActive('warn', ['warn-1']);
  });

  test('five instances are replaced one by one, with changed tags, and nobody notices', async () => {
    const tagsOf = (version: number): string[] => [
      `fairlead:roll.test/ timeout=${version * 10}s`,
      `fairlead:roll.test/v${version}`,
    ];
    const old: Backend[] = [];
    for (let n = 1; n <= 5; n++) old.push(await instance('roll', `old-${n}`, tagsOf(1)));
    await isActive('roll', ['old-1', 'old-2', 'old-3', 'old-4', 'old-5']);
    const running = load('roll.test', '/anything');
    const statuses = new Set<number>();
    await more(running, 30);
    for (const [i, leaving] of old.entries()) {
      await consul.api('PUT', `/v1/agent/service/maintenance/${leaving.name}?enable=true`);
      await eventually(async () => {
        const { endpoints } = (await site.pools()).find(({ name }) => name === 'roll')!;
        expect(endpoints.some(({ port }) => port === leaving.port)).toBe(false);
      }, `${leaving.name} to be drained`);
      await deregister(consul, leaving.name);
      ids.delete(leaving.name);
      await leaving.close();
      statuses.add((await site.get('roll.test', { path: '/v1/x' })).status);
      statuses.add((await site.get('roll.test', { path: '/v2/x' })).status);
      await instance('roll', `new-${i + 1}`, tagsOf(2));
      await eventually(async () => expect(await site.active('roll')).toContain(`new-${i + 1}`));
      await more(running, 20);
    }
    expect(await site.active('roll')).toEqual(['new-1', 'new-2', 'new-3', 'new-4', 'new-5']);
    await expectNoFailure(running);
    expect(statuses).not.toContain(404);
    const { routes } = await site.routes();
    expect(
      routes
        .filter(({ id }) => id.startsWith('roll.test'))
        .map(({ id }) => id)
        .sort(),
    ).toEqual(['roll.test/', 'roll.test/v2']);
  });

  test('an address that another service takes over gets none of the first one’s requests', async () => {
    const stays = await instance('first', 'first-1', ['fairlead:first.test/']);
    let moving = await instance('first', 'moving-0', ['fairlead:first.test/']);
    await instance('second', 'second-1', ['fairlead:second.test/']);
    await isActive('first', ['first-1', 'moving-0']);
    await isActive('second', ['second-1']);
    const onFirst = load('first.test');
    const onSecond = load('second.test');
    let misrouted = 0;
    // The same port changes hands ten times, each time by an instance that checks whom it is asked as.
    for (let turn = 1; turn <= 10; turn++) {
      const owner = turn % 2 === 0 ? 'first' : 'second';
      const { name: leaving, port } = moving;
      await deregister(consul, leaving);
      ids.delete(leaving);
      await eventually(async () => {
        const all = (await site.pools()).flatMap(({ endpoints }) => endpoints);
        expect(all.some((endpoint) => endpoint.port === port)).toBe(false);
      }, `${leaving} to be drained`);
      await moving.close();
      moving = await backend(`moving-${turn}`, port);
      moving.handler = async (request, reply) => {
        if (request.header('host') !== `${owner}.test`) misrouted++;
        for await (const _ of request.body);
        await reply.send();
      };
      ids.add(moving.name);
      await registerBackend(consul, owner, moving, [`fairlead:${owner}.test/`]);
      await eventually(() => moving.requests.length > 3, `${moving.name} to be used`);
    }
    expect(misrouted).toBe(0);
    expect(stays.requests.length).toBeGreaterThan(20);
    await expectNoFailure(onFirst);
    await expectNoFailure(onSecond);
  });

  test('an address that is taken over while its first owner is still registered is dialled for both only as told', async () => {
    const held = await instance('owner', 'owner-1', ['fairlead:owner.test/']);
    await isActive('owner', ['owner-1']);
    for (let i = 0; i < 10; i++) expect((await site.get('owner.test')).body).toBe('owner-1');
    // One process, two names: no connection of one is used for the other.
    ids.add('tenant-1');
    await register(consul, {
      name: 'tenant',
      id: 'tenant-1',
      port: held.port,
      tags: ['fairlead:tenant.test/'],
    });
    await isActive('tenant', ['tenant-1']);
    for (let i = 0; i < 10; i++) {
      expect((await site.get('tenant.test')).status).toBe(200);
      expect((await site.get('owner.test')).status).toBe(200);
    }
    const hosts = new Map<number, Set<string>>();
    for (const request of held.requests) {
      const seen = hosts.get(request.connection) ?? new Set<string>();
      hosts.set(request.connection, seen.add(request.header('host') ?? ''));
    }
    for (const seen of hosts.values()) expect(seen.size).toBe(1);
  });

  test('a check that says something else changes nothing', async () => {
    await instance('chatty', 'chatty-1', ['fairlead:chatty.test/']);
    await isActive('chatty', ['chatty-1']);
    const before = await site.metric('fairlead_table_version');
    for (let i = 0; i < 20; i++) await setCheck(consul, 'chatty-1', 'passing', `load ${i}`);
    // A change that is seen comes behind everything that is not.
    await instance('chatty', 'chatty-2', ['fairlead:chatty.test/']);
    await isActive('chatty', ['chatty-1', 'chatty-2']);
    expect(await site.metric('fairlead_table_version')).toBe(before + 1);
  });

  test('scaled to zero and back: 503 with Retry-After, then served at once', async () => {
    const one = await instance('zero', 'zero-1', ['fairlead:zero.test/']);
    await instance('other', 'other-1', ['fairlead:other.test/']);
    await isActive('zero', ['zero-1']);
    await isActive('other', ['other-1']);
    const running = load('other.test');
    await deregister(consul, 'zero-1');
    await eventually(async () => expect((await site.get('zero.test')).status).toBe(503));
    for (let i = 0; i < 20; i++) {
      const answer = await site.get('zero.test');
      expect([answer.status, answer.headers.get('x-fairlead-reason')]).toEqual([503, 'no_healthy_instance']);
      expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0);
      await sleep(10);
    }
    await registerBackend(consul, 'zero', one, ['fairlead:zero.test/']);
    await eventually(async () => expect((await site.get('zero.test')).body).toBe('zero-1'));
    await expectNoFailure(running);
  });

  test('Fabio’s tags and KV lines apply while they change', async () => {
    const one = await instance('fab', 'fab-1', ['urlprefix-fab.test/', 'urlprefix-fab.test/cut strip=/cut']);
    const two = await backend('fab-2');
    await isActive('fab', ['fab-1']);
    await eventually(async () => expect((await site.get('fab.test')).body).toBe('fab-1'));
    await site.get('fab.test', { path: '/cut/x' });
    expect(one.requests.at(-1)!.target).toBe('/x');
    const running = load('fab.test');

    const lines = (text: string): Promise<unknown> => consul.api('PUT', '/v1/kv/fabio/config', text);
    await lines(`route add fab fab.test/ http://127.0.0.1:${two.port}/\n`);
    await eventually(() => two.requests.length > 5, 'the added instance to be used');
    // A weight is the share of what it matches.
    await lines(
      `route add fab fab.test/ http://127.0.0.1:${two.port}/ tags "b"\nroute weight fab fab.test/ weight 0.1 tags "b"\n`,
    );
    await eventually(async () => {
      const pool = (await site.pools()).find(({ endpoints }) => endpoints.some((e) => e.port === two.port))!;
      const [low, high] = pool.endpoints.map(({ weight }) => weight).sort((a, b) => a - b) as [
        number,
        number,
      ];
      expect(low / (low + high)).toBeCloseTo(0.1, 2);
    });
    // One line that cannot be read is set aside; the others apply.
    await lines(
      `route add fab fab.test/ http://127.0.0.1:${two.port}/\nroute add nonsense\nroute del fab fab.test/cut\n`,
    );
    await eventually(async () => {
      const { routes, refused } = await site.routes();
      expect(refused.map(({ text }) => text)).toEqual(['route add nonsense']);
      expect(routes.some(({ id }) => id.startsWith('fab.test/cut'))).toBe(false);
    });
    expect(await site.metric('fairlead_refused_tags')).toBe(1);
    await lines('route del fab\n');
    await eventually(async () => expect((await site.get('never.fab.test')).status).toBe(404));
    await consul.api('DELETE', '/v1/kv/fabio/config');
    await eventually(async () => expect((await site.get('fab.test')).body).toBe('fab-1'));
    const { failed } = await running.stop();
    // While `route del fab` stood, there was no route: that is what it says.
    expect(failed.filter(({ error }) => !error.startsWith('404'))).toEqual([]);
  });
});
