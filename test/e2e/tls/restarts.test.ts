/** A router that starts while Consul and Redis are away: every name it served before has its certificate. */
import { execFile } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createTestCa, type Issued, type TestCa } from '../../support/certificates.ts';
import { type ConsulAgent, skipConsul, startConsul } from '../../support/consul.ts';
import { freePort } from '../../support/ports.ts';
import { eventually } from '../../support/process.ts';
import { type RedisServer, skipRedis, startRedis } from '../../support/redis.ts';
import { failureOf } from '../../support/secure.ts';
import { register, type Site, startSite } from '../site.ts';

const run = promisify(execFile);

interface View {
  readonly certificates: readonly { readonly names: readonly string[] }[];
  readonly refused: readonly { readonly source: string; readonly reason: string }[];
}

describe.skipIf(skipConsul || skipRedis)('a router that is started again', () => {
  let ca: TestCa;
  let data: string;
  let consul: ConsulAgent;
  let redis: RedisServer;
  let secure: number;
  let site: Site | null = null;
  const issued = new Map<string, Issued>();

  beforeAll(async () => {
    data = await mkdtemp(join(tmpdir(), 'fairlead-restarts-'));
    [ca, consul, redis, secure] = await Promise.all([
      createTestCa(),
      startConsul(),
      startRedis(),
      freePort(),
    ]);
    for (const host of ['consul.test', 'redis.test', '*.wild.test']) issued.set(host, await ca.issue([host]));
    // Something to begin with from the saved catalog: listeners are bound at once.
    await register(consul, { name: 'shop', port: 9, tags: ['fairlead:*.test/'] });
    await Promise.all([putConsul('consul.test'), putRedis('a', 'redis.test'), putRedis('b', '*.wild.test')]);
  }, 40_000);
  afterAll(async () => {
    await site?.stop();
    await Promise.all([redis?.stop(), consul?.stop()]);
    await rm(data, { recursive: true, force: true });
  });

  const putConsul = (host: string): Promise<unknown> => {
    const { certPem, keyPem } = issued.get(host)!;
    return consul.api('PUT', '/v1/kv/fairlead/tls/a', keyPem + certPem);
  };

  const putRedis = (name: string, host: string): Promise<unknown> => {
    const { certPem, keyPem } = issued.get(host)!;
    return redis.client.hset(`fairlead:tls:${name}`, { cert: certPem, key: keyPem });
  };

  const begin = (until: 'ready' | 'alive'): Promise<Site> =>
    startSite({
      ...{ consul: consul.url, data, until, env: { REDIS_URL: redis.url } },
      flags: ['--https', `127.0.0.1:${secure}`],
      config: `
tls: { strict: true, certificates: [{ consulKv: fairlead/tls }, { redis: {} }] }
`,
    });

  async function view(): Promise<View> {
    return JSON.parse((await site!.ask('/api/certificates')).body) as View;
  }

  /** What OpenSSL's own client is shown. */
  async function shownFor(servername: string): Promise<string> {
    const address = ['-connect', `127.0.0.1:${secure}`, '-servername', servername];
    const child = run('openssl', ['s_client', ...address, '-verify_hostname', servername]);
    child.child.stdin?.end();
    const { stdout } = await child;
    return new X509Certificate(/-----BEGIN[\s\S]*?-----END CERTIFICATE-----/.exec(stdout)![0]).fingerprint256;
  }

  const fingerprintOf = (host: string): string =>
    new X509Certificate(issued.get(host)!.leafPem).fingerprint256;

  async function expectAll(): Promise<void> {
    expect(await shownFor('consul.test')).toBe(fingerprintOf('consul.test'));
    expect(await shownFor('redis.test')).toBe(fingerprintOf('redis.test'));
    expect(await shownFor('x.wild.test')).toBe(fingerprintOf('*.wild.test'));
  }

  function keptRows(): number {
    const database = new DatabaseSync(join(data, 'certificates.sqlite'), { readOnly: true });
    const row = database.prepare('SELECT count(*) AS n FROM certificate').get();
    database.close();
    return Number(row?.n);
  }

  test('after kill -9, without its stores serves every name; when they answer, their word holds', async () => {
    site = await begin('ready');
    await eventually(async () => expect((await view()).certificates).toHaveLength(3));
    await expectAll();
    await eventually(() => expect(keptRows()).toBe(3));
    await site.child.stop('SIGKILL');
    await site.stop();
    await Promise.all([consul.kill(), redis.kill()]);

    site = await begin('alive');
    await site.child.line(/"msg":"started"/);
    await eventually(() => shownFor('consul.test'), { timeoutMs: 20_000, what: 'a handshake' });
    await expectAll();
    expect(await failureOf(secure, { servername: 'never.test.example' })).not.toBe('ok');
    const { refused } = await view();
    expect(refused.map(({ source }) => source).sort()).toEqual([
      'consul kv fairlead/tls',
      `redis 127.0.0.1:${redis.port}`,
    ]);
    expect(site.child.stderr.join()).not.toContain('PRIVATE KEY');

    issued.set('consul.test', await ca.issue(['consul.test']));
    issued.set('redis.test', await ca.issue(['redis.test']));
    await Promise.all([consul.restart(), redis.restart()]);
    await Promise.all([putConsul('consul.test'), putRedis('a', 'redis.test')]);
    await eventually(
      async () => {
        expect(await shownFor('consul.test')).toBe(fingerprintOf('consul.test'));
        expect(await shownFor('redis.test')).toBe(fingerprintOf('redis.test'));
      },
      { timeoutMs: 20_000, what: 'what the stores say' },
    );
    // The store does not have it, and nobody doubts a first answer.
    await eventually(async () =>
      expect(await failureOf(secure, { servername: 'x.wild.test' })).not.toBe('ok'),
    );
  }, 90_000);
});
