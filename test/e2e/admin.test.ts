/** The admin listener and the commands that ask it, against a running router. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Backend, startBackend } from '../support/backend.ts';
import { rawRequest } from '../support/client.ts';
import { type ConsulAgent, skipConsul, startConsul } from '../support/consul.ts';
import { freePort } from '../support/ports.ts';
import { type Child, eventually, startFairlead } from '../support/process.ts';
import {
  deregister,
  parseMetrics,
  registerBackend,
  type Sample,
  type Site,
  setCheck,
  startSite,
} from './site.ts';

describe.skipIf(skipConsul)('the admin listener', () => {
  let consul: ConsulAgent;
  let site: Site;
  let one: Backend;
  let two: Backend;
  let gate: PromiseWithResolvers<void>;

  beforeAll(async () => {
    consul = await startConsul();
    gate = Promise.withResolvers();
    const handler: Backend['handler'] = async (request, reply) => {
      for await (const _ of request.body);
      if (request.target === '/wait') await gate.promise;
      await reply.send();
    };
    one = await startBackend({ name: 'svc-1', handler });
    two = await startBackend({ name: 'svc-2', handler });
    await registerBackend(consul, 'svc', one, ['fairlead:svc.test/ strip=/x', 'fairlead:svc.test/ typo']);
    await registerBackend(consul, 'svc', two, ['fairlead:svc.test/ strip=/x']);
    site = await startSite({ consul: consul.url });
    await eventually(async () => expect(await site.active('svc')).toEqual(['svc-1', 'svc-2']));
    await eventually(async () => expect((await site.get('svc.test')).status).toBe(200));
  });

  afterAll(async () => {
    gate?.resolve();
    await site?.stop();
    await Promise.all([one?.close(), two?.close(), consul?.stop()]);
  });

  test('only a Host of its own is answered', async () => {
    const { admin } = site;
    for (const host of [`127.0.0.1:${admin}`, 'localhost', `LOCALHOST:${admin}`, `[::1]:${admin}`])
      expect((await site.ask('/api/routes', { host })).status).toBe(200);
    for (const host of ['evil.test', `evil.test:${admin}`, 'localhost.evil.test', '127.0.0.1.evil.test']) {
      for (const path of ['/', '/api/routes', '/metrics', '/ready', '/health']) {
        const answer = await site.ask(path, { host });
        expect([path, answer.status]).toEqual([path, 403]);
        expect(answer.body).not.toContain('svc');
      }
    }
  });

  test('only questions are answered', async () => {
    for (const method of ['POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS']) {
      for (const path of ['/api/routes', '/health', '/metrics'])
        expect([method, (await site.ask(path, { method })).status]).toEqual([method, 405]);
    }
    const head = await site.ask('/api/routes', { method: 'HEAD' });
    expect([head.status, head.body]).toEqual([200, '']);
    expect(Number(head.headers.get('content-length'))).toBeGreaterThan(100);
    expect((await site.ask('/api/nothing')).status).toBe(404);
    // No path makes it stumble.
    for (const path of ['//', '///x', '/%', '/%zz', '/..%2f', '/?', '/api/routes/', `/${'a'.repeat(8_000)}`])
      expect([path, (await site.ask(path)).status]).toEqual([path, path === '//' ? 400 : 404]);
    const { responses } = await rawRequest(
      site.admin,
      'GET http://[bad HTTP/1.1\r\nHost: localhost\r\n\r\n',
      {
        until: 1,
      },
    );
    expect(responses[0]?.status).toBe(400);
  });

  test('a page of somebody else learns nothing and reads nothing', async () => {
    const answer = await site.ask('/api/routes', { headers: { Origin: 'http://evil.test' } });
    expect(answer.headers.get('access-control-allow-origin')).toBeUndefined();
    expect(answer.headers.get('x-content-type-options')).toBe('nosniff');
    expect(answer.headers.get('cache-control')).toBe('no-store');
  });

  test('a token is required when one is configured, except for health', async () => {
    const guarded = await startSite({ consul: consul.url, config: 'admin: { token: s3cret-enough }\n' });
    try {
      for (const path of ['/', '/metrics', '/api/routes', '/api/pools', '/api/consul', '/api/nothing']) {
        for (const headers of [
          {},
          { Authorization: 'Bearer wrong-enough' },
          { Authorization: 's3cret-enough' },
        ]) {
          const answer = await guarded.ask(path, { headers });
          expect([path, answer.status, answer.headers.get('www-authenticate')]).toEqual([
            path,
            401,
            'Bearer',
          ]);
        }
      }
      const headers = { Authorization: 'Bearer s3cret-enough' };
      expect((await guarded.ask('/api/routes', { headers })).status).toBe(200);
      expect((await guarded.ask('/health')).status).toBe(200);
      expect((await guarded.ask('/ready')).status).toBe(200);

      const tokenFile = join(guarded.folder, 'token');
      await writeFile(tokenFile, 's3cret-enough\n');
      const admin = ['--admin', `127.0.0.1:${guarded.admin}`];
      const refused = await command(['routes', ...admin]);
      expect(refused.exit?.code).toBe(69);
      expect(refused.stderr.join('\n')).toMatch(/token/);
      expect((await command(['routes', ...admin, '--token-file', tokenFile])).exit?.code).toBe(0);
      expect((await command(['routes', '--config', guarded.configFile, ...admin])).exit?.code).toBe(0);
    } finally {
      await guarded.stop();
    }
  });

  test('/ready tells why', async () => {
    const { ready, reasons, catalogAgeMs, held, consul: state } = await site.ready();
    expect({ ready, reasons, held, state }).toEqual({ ready: true, reasons: [], held: null, state: 'live' });
    expect(catalogAgeMs).toBeTypeOf('number');
    expect((await site.ask('/ready')).body).toBe('ready\n');
  });

  test('/api/routes names every route, where it came from, and what was refused', async () => {
    const { version, routes, refused } = await site.routes();
    expect(version).toBeGreaterThan(0);
    expect(routes).toEqual([
      {
        id: 'svc.test/',
        rule: { host: 'svc.test', path: '/', match: 'segment', methods: null, listeners: null, priority: 0 },
        pool: 'svc',
        listeners: null,
        options: { strip: '/x' },
        source: {
          provider: 'consul',
          service: 'svc',
          instances: [expect.stringMatching(/\/svc-1$/), expect.stringMatching(/\/svc-2$/)],
          text: 'fairlead:svc.test/ strip=/x',
        },
      },
    ]);
    expect(refused).toEqual([
      {
        provider: 'consul',
        service: 'svc',
        instance: expect.stringMatching(/\/svc-1$/),
        text: 'fairlead:svc.test/ typo',
        reason: expect.stringContaining('typo'),
      },
    ]);
  });

  test('/api/pools shows state and work of every endpoint, one that leaves included', async () => {
    const waiting = [1, 2].map(() => site.get('svc.test', { path: '/wait', timeoutMs: 20_000 }));
    await eventually(async () => {
      const [pool] = await site.pools();
      expect(pool!.endpoints.map(({ inFlight }) => inFlight)).toEqual([1, 1]);
    });
    await setCheck(consul, 'svc-2', 'critical');
    await eventually(async () => {
      const pools = await site.pools();
      expect(pools).toEqual([
        {
          name: 'svc',
          service: 'svc',
          balance: { kind: 'least' },
          endpoints: [
            {
              id: `svc@127.0.0.1:${one.port}`,
              ...{ address: '127.0.0.1', port: one.port, protocol: 'http', weight: 1, state: 'active' },
              ...{ inFlight: 1, served: expect.any(Number), failures: 0 },
              source: expect.stringMatching(/\/svc-1$/),
            },
            {
              id: `svc@127.0.0.1:${two.port}`,
              ...{ address: '127.0.0.1', port: two.port, weight: 0, state: 'draining' },
              ...{ inFlight: 1, served: expect.any(Number), failures: 0, source: null },
            },
          ],
        },
      ]);
    });
    expect(await site.metric('fairlead_endpoint_in_flight')).toBeGreaterThanOrEqual(1);

    const admin = ['--admin', `127.0.0.1:${site.admin}`];
    const table = await command(['pools', ...admin]);
    expect(table.exit?.code).toBe(0);
    expect(table.stdout.find((line) => line.includes(`127.0.0.1:${two.port}`))).toMatch(/draining +0 +1 /);
    const json = await command(['pools', ...admin, '--json']);
    expect(JSON.parse(json.stdout.join('\n'))).toMatchObject({ pools: [{ name: 'svc' }] });

    gate.resolve();
    expect((await Promise.all(waiting)).map(({ status }) => status)).toEqual([200, 200]);
    await eventually(async () => expect((await site.pools())[0]!.endpoints.length).toBe(1));
    await setCheck(consul, 'svc-2', 'passing');
    await eventually(async () => expect(await site.active('svc')).toEqual(['svc-1', 'svc-2']));
  });

  test('/api/consul tells how Consul is watched', async () => {
    expect(await site.consul()).toEqual({
      ...{ state: 'live', mode: 'per-service', lastError: null, held: null },
      connections: expect.any(Number),
      // The list, the service, and Fabio's lines.
      watches: 3,
      ageMs: expect.any(Number),
    });
  });

  test('commands ask the running router; exit codes say how it went', async () => {
    const admin = ['--admin', `127.0.0.1:${site.admin}`];
    const routes = await command(['routes', ...admin]);
    expect(routes.exit?.code).toBe(0);
    expect(routes.stdout.join('\n')).toMatch(/svc\.test\/ +svc/);
    expect(routes.stdout.join('\n')).toMatch(/1 refused/);
    const json = await command(['routes', ...admin, '--json']);
    expect(JSON.parse(json.stdout.join('\n'))).toEqual(await site.routes());
    const healthy = await command(['healthcheck', ...admin]);
    expect([healthy.exit?.code, healthy.stdout]).toEqual([0, [`OK: http://127.0.0.1:${site.admin}/health`]]);
    const nobody = ['--admin', `127.0.0.1:${await freePort()}`];
    expect((await command(['healthcheck', ...nobody])).exit?.code).toBe(1);
    expect((await command(['routes', ...nobody])).exit?.code).toBe(69);
    expect((await command(['pools', ...nobody])).exit?.code).toBe(69);
  });

  describe('/metrics', () => {
    const key = ({ name, labels }: Sample): string => `${name} ${JSON.stringify(labels)}`;

    /** Names declared as counters, by the lines that declare them. */
    async function scrape(): Promise<{ samples: Sample[]; types: Map<string, string> }> {
      const answer = await site.ask('/metrics');
      expect(answer.status).toBe(200);
      expect(answer.headers.get('content-type')).toMatch(/^text\/plain; version=0\.0\.4/);
      expect(answer.body.endsWith('\n')).toBe(true);
      const types = new Map<string, string>();
      for (const [, name = '', type = ''] of answer.body.matchAll(/^# TYPE (\S+) (\S+)$/gm)) {
        expect(types.has(name)).toBe(false);
        types.set(name, type);
      }
      return { samples: parseMetrics(answer.body), types };
    }

    /** The family a sample belongs to. */
    function familyOf(name: string, types: Map<string, string>): string {
      const stem = name.replace(/_(bucket|sum|count)$/, '');
      return types.get(stem) === 'histogram' || types.get(stem) === 'summary' ? stem : name;
    }

    test('parses, every series once and declared, histograms consistent', async () => {
      await site.get('svc.test');
      await site.get('nobody.test');
      const { samples, types } = await scrape();
      expect(new Set(samples.map(key)).size).toBe(samples.length);
      for (const { name } of samples) expect([name, types.has(familyOf(name, types))]).toEqual([name, true]);
      const wanted = [
        ...['requests_total', 'request_duration_seconds_bucket', 'upstream_duration_seconds_count'],
        ...[
          'requests_in_flight',
          'endpoint_in_flight',
          'endpoint_up',
          'connections',
          'convergence_seconds_sum',
        ],
        ...['catalog_age_seconds', 'refused_tags', 'table_version', 'workers', 'event_loop_delay_seconds'],
        ...['build_info', 'ejections_total', 'access_log_dropped_total', 'catalog_held_services'],
      ];
      const names = new Set(samples.map(({ name }) => name));
      for (const name of wanted) expect([name, names.has(`fairlead_${name}`)]).toEqual([name, true]);
      for (const { name, labels, value } of samples) {
        if (!name.endsWith('_bucket') || labels.le !== '+Inf') continue;
        const { le: _, ...rest } = labels;
        const stem = name.replace(/_bucket$/, '');
        const same = samples.filter(
          (each) => key({ ...each, labels: without(each.labels) }) === key({ name, labels: rest, value }),
        );
        const buckets = same.map((each) => each.value);
        expect(buckets).toEqual([...buckets].sort((a, b) => a - b));
        expect(
          samples.find((each) => key(each) === key({ name: `${stem}_count`, labels: rest, value }))!.value,
        ).toBe(value);
      }
      function without({ le: _, ...rest }: Sample['labels']): Sample['labels'] {
        return rest;
      }
    });

    test('counters only grow, and count right', async () => {
      const before = await scrape();
      const labels = { route: 'svc.test/', service: 'svc', method: 'POST', code: '200', listener: 'web' };
      const count = await site.metric('fairlead_requests_total', labels);
      for (let i = 0; i < 25; i++) await site.get('svc.test', { method: 'POST', body: 'x' });
      expect(await site.metric('fairlead_requests_total', labels)).toBe(count + 25);
      const after = await scrape();
      const now = new Map(after.samples.map((sample) => [key(sample), sample.value]));
      for (const sample of before.samples) {
        const type = before.types.get(familyOf(sample.name, before.types));
        if (type === 'counter' || type === 'histogram')
          expect([key(sample), now.get(key(sample))! >= sample.value]).toEqual([key(sample), true]);
      }
    });

    test('clients cannot invent series', async () => {
      for (const host of ['svc.test', 'h.test'])
        for (const method of ['GET', 'BREW']) await site.get(host, { method });
      const before = await scrape();
      const hosts = Array.from({ length: 1000 }, (_, i) => i);
      for (let from = 0; from < hosts.length; from += 20) {
        await Promise.all(
          hosts.slice(from, from + 20).map((i) =>
            site.get(i % 2 === 0 ? `h${i}.test` : 'svc.test', {
              method: i % 3 === 0 ? `BREW${i}` : 'GET',
              path: `/p${i}?q=${i}`,
              headers: { 'User-Agent': `agent ${i}` },
            }),
          ),
        );
      }
      const after = await scrape();
      const known = new Set(before.samples.map(key));
      const added = after.samples.filter(
        (sample) => sample.name.startsWith('fairlead_') && !known.has(key(sample)),
      );
      expect(added.map(key)).toEqual([]);
      expect(JSON.stringify(after.samples)).not.toMatch(/BREW|h123|agent/);
    });

    test('series of what is gone disappear', async () => {
      const backend = await startBackend({ name: 'gone-1' });
      await registerBackend(consul, 'gone', backend, ['fairlead:gone.test/']);
      await eventually(async () => expect((await site.get('gone.test')).status).toBe(200));
      expect(await site.metric('fairlead_requests_total', { service: 'gone', code: '200' })).toBe(1);
      expect(await site.metric('fairlead_endpoint_up', { service: 'gone' })).toBe(1);
      await registerBackend(consul, 'gone', backend, []);
      await eventually(async () => expect((await site.get('gone.test')).status).toBe(404));
      await eventually(async () => {
        const { samples } = await scrape();
        expect(samples.filter(({ labels }) => labels.service === 'gone')).toEqual([]);
      });
      await deregister(consul, 'gone-1');
      await backend.close();
    });
  });

  /** Runs a command to its end. */
  async function command(args: string[]): Promise<Child> {
    const child = await startFairlead(args, { cwd: site.folder });
    await child.exited;
    return child;
  }
});
