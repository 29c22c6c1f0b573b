/** Redis behind a port that follows the catalog: pipelines, subscriptions, and an instance that fails. */
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { skipConsul } from '../../support/consul.ts';
import { eventually } from '../../support/process.ts';
import { type RedisServer, startRedis } from '../../support/redis.ts';
import { register, setCheck, timeUntil } from '../site.ts';
import { consul, publicPort, site, stage, unrelatedChanges } from './stage.ts';

describe.skipIf(skipConsul)('Redis', () => {
  stage();
  const servers: RedisServer[] = [];
  const clients: Redis[] = [];
  let port: number;

  function client(options: object = {}): Redis {
    const redis = new Redis({ host: '127.0.0.1', port, lazyConnect: true, ...options });
    redis.on('error', () => {});
    clients.push(redis);
    return redis;
  }

  beforeAll(async () => {
    servers.push(await startRedis(), await startRedis());
    port = await publicPort();
    // One at a time, as a primary and its stand-in.
    const tags = [`fairlead:tcp:${port} departure=close`];
    await register(consul, { name: 'cache', id: 'first', port: servers[0]!.port, tags });
    await register(consul, { name: 'cache', id: 'second', port: servers[1]!.port, tags, status: 'critical' });
    await eventually(async () => expect(await client().ping()).toBe('PONG'), { timeoutMs: 10_000 });
  });

  afterAll(async () => {
    for (const each of clients) each.disconnect();
    for (const server of servers) await server.stop();
  });

  test('pipelines and subscriptions go on while a hundred other things change', async () => {
    const [writer, listener] = [client(), client()];
    const heard: string[] = [];
    listener.on('message', (_channel, message) => heard.push(message));
    await listener.subscribe('news');
    let reconnects = 0;
    for (const each of [writer, listener]) each.on('reconnecting', () => reconnects++);
    let isOver = false;
    const changes = unrelatedChanges(100).finally(() => {
      isOver = true;
    });
    let rounds = 0;
    while (!isOver) {
      const pipeline = writer.pipeline();
      for (let i = 0; i < 100; i++) pipeline.set(`key:${i}`, rounds).get(`key:${i}`);
      const results = await pipeline.publish('news', String(rounds)).exec();
      expect(results!.every(([error]) => error === null)).toBe(true);
      expect(
        results!.filter((_, i) => i % 2 === 1 && i < 200).every(([, value]) => value === String(rounds)),
      ).toBe(true);
      rounds++;
    }
    await changes;
    await eventually(() => expect(heard).toEqual(Array.from({ length: rounds }, (_, i) => String(i))));
    expect(reconnects).toBe(0);
  });

  test('a value of many megabytes comes back as it was', async () => {
    const redis = client();
    const value = 'v'.repeat(20 * 1024 * 1024);
    await redis.set('large', value);
    expect((await redis.get('large')) === value).toBe(true);
  });

  test('a client is sent elsewhere at once when its instance turns critical', async () => {
    const redis = client({ retryStrategy: () => 20 });
    await redis.set('where', 'first');
    await setCheck(consul, 'second', 'passing');
    await eventually(async () => expect(await site.active('cache')).toEqual(['first', 'second']));
    await setCheck(consul, 'first', 'critical');
    const ms = await timeUntil(async () => (await redis.get('where')) === null, 5_000, 'the other instance');
    expect(ms).toBeLessThan(3_000);
    expect(await site.metric('fairlead_tcp_connections_total', { reason: 'drained' })).toBeGreaterThan(0);
  });
});
