/** Certificates that are replaced while clients come and go: a folder, Consul's KV store and Redis. */
import { X509Certificate } from 'node:crypto';
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Backend, startBackend } from '../../support/backend.ts';
import { createTestCa, type Issued, type TestCa } from '../../support/certificates.ts';
import { type ConsulAgent, skipConsul, startConsul } from '../../support/consul.ts';
import { type Load, startLoad } from '../../support/load.ts';
import { freePort } from '../../support/ports.ts';
import { eventually } from '../../support/process.ts';
import { type RedisServer, skipRedis, startRedis } from '../../support/redis.ts';
import { shake } from '../../support/secure.ts';
import { type Site, startSite } from '../site.ts';

/** What is promised; reading, checking and telling every worker takes some milliseconds of it. */
const SERVED_WITHIN_MS = 1_000;

describe.skipIf(skipConsul || skipRedis)('a certificate that is replaced', () => {
  let ca: TestCa;
  let folder: string;
  let consul: ConsulAgent;
  let redis: RedisServer;
  let backend: Backend;
  let site: Site;
  let secure: number;

  /** Where each host's certificate is, and how one gets there. */
  const places: Record<string, (pair: Issued) => Promise<unknown>> = {
    'folder.test': async ({ certPem, keyPem }) => {
      await writeFile(join(folder, '.next'), certPem + keyPem);
      await rename(join(folder, '.next'), join(folder, 'a.pem'));
    },
    'consul.test': ({ certPem, keyPem }) => consul.api('PUT', '/v1/kv/fairlead/tls/a', certPem + keyPem),
    'redis.test': ({ certPem, keyPem }) =>
      redis.client.hset('fairlead:tls:a', { cert: certPem, key: keyPem }),
  };

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'fairlead-replacing-'));
    [ca, consul, redis, backend, secure] = await Promise.all([
      createTestCa(),
      startConsul(),
      startRedis(),
      startBackend({ name: 'b1' }),
      freePort(),
    ]);
    for (const [host, put] of Object.entries(places)) await put(await ca.issue([host]));
    site = await startSite({
      consul: consul.url,
      flags: ['--https', `127.0.0.1:${secure}`],
      env: { REDIS_URL: redis.url },
      config: `
tls: { strict: true, certificates: [{ folder: ${folder} }, { consulKv: fairlead/tls }, { redis: {} }] }
routes: [{ rule: "*.test", to: ["127.0.0.1:${backend.port}"] }]
`,
    });
  }, 40_000);
  afterAll(async () => {
    await site?.stop();
    await Promise.all([backend?.kill(), redis?.stop(), consul?.stop()]);
    await rm(folder, { recursive: true, force: true });
  });

  async function shownFor(servername: string): Promise<string> {
    const shaken = await shake(secure, { servername, ca: ca.rootPem, rejectUnauthorized: true });
    const { fingerprint256 } = shaken.socket.getPeerX509Certificate()!;
    shaken.close();
    return fingerprint256;
  }

  test('is served within a second, and of 200 requests a second none fails', async () => {
    const loads = Object.keys(places).flatMap((host): Load[] => {
      const tls = { servername: host, ca: ca.rootPem };
      const options = { port: secure, host, tls };
      // Those that stay keep what they began with; those that come anew get what is served then.
      const anew = { headers: { connection: 'close' }, connections: 4, ratePerSecond: 10 };
      return [
        startLoad({ ...options, connections: 2, ratePerSecond: 60 }),
        startLoad({ ...options, ...anew }),
      ];
    });
    await eventually(() => loads.every(({ counters }) => counters.ok > 10), { timeoutMs: 15_000 });
    const answers = (): number => loads.reduce((sum, { counters }) => sum + counters.ok, 0);
    const before = answers();
    const tookMs = new Map<string, number[]>();
    for (let round = 0; round < 3; round++) {
      for (const [host, put] of Object.entries(places)) {
        const pair = await ca.issue([host]);
        const { fingerprint256 } = new X509Certificate(pair.leafPem);
        const putAt = performance.now();
        await put(pair);
        await eventually(async () => (await shownFor(host)) === fingerprint256, `the new one of ${host}`);
        tookMs.set(host, [...(tookMs.get(host) ?? []), performance.now() - putAt]);
      }
    }
    // The second of three: one may meet a machine that is busy with something else.
    for (const [host, each] of tookMs)
      expect({ host, isSoon: each.sort((a, b) => a - b)[1]! < SERVED_WITHIN_MS }).toEqual({
        host,
        isSoon: true,
      });
    await eventually(() => answers() >= before + 400, { timeoutMs: 30_000, what: 'two seconds of load' });
    const results = await Promise.all(loads.map((load) => load.stop()));
    expect(results.flatMap(({ failed }) => failed)).toEqual([]);
  }, 60_000);

  test('which a source loses is kept while the source is away', async () => {
    const shown = await shownFor('redis.test');
    await redis.kill();
    await eventually(async () => {
      const { refused } = JSON.parse((await site.ask('/api/certificates')).body) as {
        refused: { source: string }[];
      };
      expect(refused.map(({ source }) => source)).toEqual([`redis 127.0.0.1:${redis.port}`]);
    });
    expect(await shownFor('redis.test')).toBe(shown);
  });
});
