/** What happens to traffic when checks flip and instances come and go, against a real Consul under load. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type Backend, startBackend } from '../support/backend.ts';
import { type ConsulAgent, skipConsul, startConsul } from '../support/consul.ts';
import { type Load, startLoad } from '../support/load.ts';
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

const RATE = 150;

describe.skipIf(skipConsul)('health and membership', () => {
  let consul: ConsulAgent;
  let site: Site;
  const backends: Backend[] = [];
  const ids: string[] = [];

  beforeAll(async () => {
    // The router may take most of the connections that an agent allows one address by default, and so do we.
    consul = await startConsul({ config: { limits: { http_max_conns_per_client: 1000 } } });
    await ballast(consul);
    site = await startSite({ consul: consul.url });
  });

  afterEach(async () => {
    for (const id of ids.splice(0)) await deregister(consul, id).catch(() => {});
    await Promise.all(backends.splice(0).map((backend) => backend.close()));
  });

  afterAll(async () => {
    await site?.stop();
    await consul?.stop();
  });

  /** Instances of a service, each on a backend that says its name; resolves when all take traffic. */
  async function deploy(service: string, names: string[], target = `${service}.test/`): Promise<Backend[]> {
    const started = await Promise.all(names.map((name) => startBackend({ name })));
    backends.push(...started);
    for (const backend of started) {
      ids.push(backend.name);
      await registerBackend(consul, service, backend, [`fairlead:${target}`]);
    }
    await eventually(
      async () => expect(await site.active(service)).toEqual(names),
      `${service} to be active`,
    );
    const slash = target.indexOf('/');
    const path = target.slice(slash);
    await eventually(async () => {
      expect(names).toContain((await site.get(target.slice(0, slash), { path })).body);
    });
    return started;
  }

  function load(host: string): Load {
    return startLoad({ port: site.web, host, connections: 8, ratePerSecond: RATE, methods: ['GET', 'POST'] });
  }

  /** Waits until the load has had so many more right answers. */
  async function more({ counters }: Load, answers: number): Promise<void> {
    const enough = counters.ok + counters.failed + answers;
    await eventually(() => counters.ok + counters.failed >= enough, {
      timeoutMs: 20_000,
      what: 'more answers',
    });
  }

  /** Waits until no request of a while goes to this backend. */
  async function quiet(running: Load, backend: Backend): Promise<void> {
    let seen = -1;
    const isQuiet = async (): Promise<boolean> => {
      if (seen === backend.requests.length) return true;
      seen = backend.requests.length;
      await more(running, 30);
      return seen === backend.requests.length;
    };
    await eventually(isQuiet, `${backend.name} to be left alone`);
  }

  test('an instance is out while its check is critical and back when it passes', async () => {
    const [a, b] = (await deploy('flip', ['flip-1', 'flip-2'])) as [Backend, Backend];
    const running = load('flip.test');
    await more(running, 40);
    expect(Math.min(a.requests.length, b.requests.length)).toBeGreaterThan(5);

    const worst: number[] = [];
    for (let round = 0; round < 5; round++) {
      await setCheck(consul, 'flip-2', 'critical', 'said by the test');
      const flippedAt = performance.now();
      let last = flippedAt;
      const watch = setInterval(() => {
        if (b.requests.length > count) last = performance.now();
        count = b.requests.length;
      }, 1);
      let count = b.requests.length;
      await quiet(running, b);
      clearInterval(watch);
      worst.push(last - flippedAt);
      await setCheck(consul, 'flip-2', 'passing');
      const before = b.requests.length;
      await eventually(() => b.requests.length > before + 5, 'it to be back');
    }
    const { failed, unsent, byInstance } = await running.stop();
    expect({ failed, unsent }).toEqual({ failed: [], unsent: 0 });
    expect([...byInstance.keys()].sort()).toEqual(['flip-1', 'flip-2']);
    note(
      `last request to a critical instance, ms after Consul knew: ${worst.map((ms) => ms.toFixed(0)).join(' ')}`,
    );
    expect(Math.max(...worst)).toBeLessThan(1000);
  });

  test('without a healthy instance a host answers 503 while others go on', async () => {
    await deploy('sick', ['sick-1', 'sick-2']);
    await deploy('well', ['well-1']);
    const running = load('well.test');
    await setCheck(consul, 'sick-1', 'critical');
    await setCheck(consul, 'sick-2', 'critical');
    await eventually(async () => {
      const answer = await site.get('sick.test', { path: '/any' });
      expect(answer.status).toBe(503);
      expect(answer.headers.get('x-fairlead-reason')).toBe('no_healthy_instance');
      expect(answer.headers.get('retry-after')).toMatch(/^[1-9]\d*$/);
    });
    // Only what was never registered is not found.
    expect((await site.get('never.test')).status).toBe(404);
    await setCheck(consul, 'sick-2', 'passing');
    await eventually(async () => expect((await site.get('sick.test')).body).toBe('sick-2'));
    await more(running, 20);
    expect((await running.stop()).failed).toEqual([]);
  });

  test('an instance that is deregistered finishes what it has and gets nothing more', async () => {
    const [a, b] = (await deploy('leave', ['leave-1', 'leave-2'])) as [Backend, Backend];
    const release = Promise.withResolvers<void>();
    b.handler = async (request, reply) => {
      if (request.target === '/long') await release.promise;
      await reply.send();
    };
    // One long request on each instance, whichever order they come in.
    a.handler = b.handler;
    const long = [1, 2].map(() => site.get('leave.test', { path: '/long', timeoutMs: 20_000 }));
    const waiting = (): number =>
      [...a.requests, ...b.requests].filter((request) => request.target === '/long').length;
    await eventually(() => waiting() === 2, 'both long requests');
    expect(b.requests.some((request) => request.target === '/long')).toBe(true);
    const running = load('leave.test');
    await more(running, 30);
    await deregister(consul, 'leave-2');
    await quiet(running, b);
    const draining = (await site.pools())
      .find(({ name }) => name === 'leave')!
      .endpoints.find(({ port }) => port === b.port);
    expect(draining).toMatchObject({ state: 'draining', inFlight: 1, weight: 0, address: '127.0.0.1' });
    release.resolve();
    expect((await Promise.all(long)).map(({ status }) => status)).toEqual([200, 200]);
    await eventually(async () => {
      const { endpoints } = (await site.pools()).find(({ name }) => name === 'leave')!;
      expect(endpoints.map(({ port }) => port)).toEqual([a.port]);
    });
    await eventually(() => b.connections === 0, 'its connections to be closed');
    expect((await running.stop()).failed).toEqual([]);
  });

  test('a service that is gone answers 503, never 404 and never as somebody else', async () => {
    await deploy('whole', ['whole-1', 'whole-2'], 'shared.test/part');
    const [root] = await deploy('root', ['root-1'], 'shared.test/');
    const running = load('shared.test');
    const before = root!.requests.length;
    for (const id of ['whole-1', 'whole-2']) await deregister(consul, id);
    const statuses = new Set<number>();
    await eventually(async () => {
      const answer = await site.get('shared.test', { path: '/part/x' });
      statuses.add(answer.status);
      expect(answer.headers.get('x-fairlead-reason')).toBe('no_healthy_instance');
    });
    // It stays so, also when everything is read again.
    site.child.signal('SIGHUP');
    await site.child.line(/configuration reloaded/);
    for (let i = 0; i < 50; i++) statuses.add((await site.get('shared.test', { path: '/part/x' })).status);
    expect([...statuses].filter((status) => status !== 200)).toEqual([503]);
    expect(root!.requests.slice(before).some(({ target }) => target.startsWith('/part'))).toBe(false);
    await more(running, 20);
    expect((await running.stop()).failed).toEqual([]);
  });

  test('one tag that cannot be read is listed with its place; 199 other services are routed', async () => {
    const backend = await startBackend({ name: 'many' });
    backends.push(backend);
    const names = Array.from({ length: 200 }, (_, i) => `many-${i}`);
    ids.push(...names);
    const bad = 'fairlead:many-77.test/ wieght=3';
    for (const name of names) {
      const tag = name === 'many-77' ? bad : `fairlead:${name}.test/`;
      await register(consul, { name, port: backend.port, tags: [tag] });
    }
    await eventually(
      async () => {
        const { routes } = await site.routes();
        expect(routes.filter(({ id }) => id.startsWith('many-')).length).toBe(199);
      },
      { timeoutMs: 15_000, what: 'all routes' },
    );
    const { refused } = await site.routes();
    expect(refused.length).toBe(1);
    expect(refused[0]).toMatchObject({ service: 'many-77', text: bad });
    expect(refused[0]!.instance).toMatch(/\/many-77$/);
    expect(refused[0]!.reason).toContain('wieght');
    expect(await site.metric('fairlead_refused_tags')).toBe(1);
    await eventually(async () => {
      const answers = await Promise.all(['many-0', 'many-199'].map((name) => site.get(`${name}.test`)));
      expect(answers.map(({ status }) => status)).toEqual([200, 200]);
    });
    expect((await site.get('many-77.test')).status).toBe(404);
    // The tag corrected, the complaint disappears.
    await register(consul, {
      name: 'many-77',
      port: backend.port,
      tags: ['fairlead:many-77.test/ weight=3'],
    });
    await eventually(async () => expect((await site.get('many-77.test')).status).toBe(200));
    expect(await site.metric('fairlead_refused_tags')).toBe(0);
  });
});
