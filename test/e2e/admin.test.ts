/** The admin listener and the commands that ask it, against a running router. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Backend, startBackend } from '../support/backend.ts';
import { rawRequest } from '../support/client.ts';
import { type ConsulAgent, skipConsul, startConsul } from '../support/consul.ts';
import { freePort } from '../support/ports.ts';
import { type Child, eventually, startFairlead } from '../support/process.ts';
import { registerBackend, type Site, setCheck, startSite } from './site.ts';

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
          maxconn: null,
          queued: 0,
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

  /** Runs a command to its end. */
  async function command(args: string[]): Promise<Child> {
    const child = await startFairlead(args, { cwd: site.folder });
    await child.exited;
    return child;
  }
});
