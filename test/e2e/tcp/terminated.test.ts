/** Redis without TLS behind a port whose TLS the router ends. */
import { mkdtempSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createTestCa, type TestCa } from '../../support/certificates.ts';
import { skipConsul } from '../../support/consul.ts';
import { eventually } from '../../support/process.ts';
import { type RedisServer, startRedis } from '../../support/redis.ts';
import { register, setCheck } from '../site.ts';
import { consul, publicPort, site, stage, unrelatedChanges } from './stage.ts';

const NAME = 'cache.fairlead.test';

describe.skipIf(skipConsul)('TLS that ends at a port', () => {
  const folder = mkdtempSync(join(tmpdir(), 'fairlead-terminated-'));
  const [certFile, keyFile] = [join(folder, 'tls.crt'), join(folder, 'tls.key')];
  const servers: RedisServer[] = [];
  let ca: TestCa;

  beforeAll(async () => {
    ca = await createTestCa();
    const { certPem, keyPem } = await ca.issue([NAME]);
    await writeFile(certFile, certPem);
    await writeFile(keyFile, keyPem);
  });
  stage(`tls: { certificates: [{ certFile: "${certFile}", keyFile: "${keyFile}" }] }`);

  afterAll(async () => {
    for (const server of servers) await server.stop();
    await rm(folder, { recursive: true, force: true });
  });

  test('serves while other things change, and goes on with another instance', async () => {
    servers.push(await startRedis(), await startRedis());
    const port = await publicPort();
    const tags = [`fairlead:tcp:${port} tls=terminate departure=close`];
    await register(consul, { name: 'safe', id: 'first', port: servers[0]!.port, tags });
    await register(consul, { name: 'safe', id: 'second', port: servers[1]!.port, tags, status: 'critical' });
    const tls = { ca: ca.rootPem, servername: NAME };
    const redis = new Redis({ host: '127.0.0.1', port, tls, lazyConnect: true, retryStrategy: () => 20 });
    redis.on('error', () => {});
    try {
      await eventually(async () => expect(await redis.set('where', 'first')).toBe('OK'), {
        timeoutMs: 10_000,
      });
      await Promise.all([
        unrelatedChanges(100),
        ...Array.from({ length: 50 }, async (_, i) => {
          await redis.set(`key:${i}`, 'v'.repeat(i * 1_000));
          expect((await redis.get(`key:${i}`))?.length).toBe(i * 1_000);
        }),
      ]);
      await setCheck(consul, 'second', 'passing');
      await eventually(async () => expect(await site.active('safe')).toEqual(['first', 'second']));
      await setCheck(consul, 'first', 'critical');
      await eventually(async () => expect(await redis.get('where')).toBeNull());
    } finally {
      redis.disconnect();
    }
  });
});
