import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { redisSource } from '../../../../src/control/certificates/redis.ts';
import { createTestCa, type TestCa } from '../../../support/certificates.ts';
import { eventually } from '../../../support/process.ts';
import { type RedisServer, skipRedis, startRedis } from '../../../support/redis.ts';
import { type Watched, watchSource } from './support.ts';

const log = { warn() {}, info() {}, debug() {} };
const prefixes = ['fairlead:tls:', 'tls:'];

describe.skipIf(skipRedis)('certificates in Redis', () => {
  let ca: TestCa;
  let redis: RedisServer;
  let watched: Watched[] = [];

  beforeAll(async () => {
    ca = await createTestCa();
    redis = await startRedis();
  });
  afterAll(() => redis.stop());
  beforeEach(() => redis.client.flushall());
  afterEach(async () => {
    await Promise.all(watched.map((each) => each.stop()));
    watched = [];
  });

  function start(url = redis.url): Watched {
    const each = watchSource(redisSource({ url, prefixes, log }));
    watched.push(each);
    return each;
  }

  async function put(key: string, name: string, server = redis): Promise<void> {
    const { certPem, keyPem } = await ca.issue([name]);
    await server.client.hset(key, {
      [key.startsWith('tls:') ? 'certificate' : 'cert']: certPem,
      key: keyPem,
    });
  }

  test('our own hashes and those of PlanB are served, and followed within a second', async () => {
    await put('fairlead:tls:a', 'a.test');
    await put('tls:*.b.test', '*.b.test');
    const seen = start();
    await seen.until('*.b.test', 'a.test');
    const before = performance.now();
    await put('fairlead:tls:c', 'c.test');
    await seen.until('*.b.test', 'a.test', 'c.test');
    await redis.client.del('fairlead:tls:a');
    await seen.until('*.b.test', 'c.test');
    await put('fairlead:tls:c', 'new.test');
    await seen.until('*.b.test', 'new.test');
    expect(performance.now() - before).toBeLessThan(3_000);
  });

  test('H04: what is odd, large or of another type is set aside by itself', async () => {
    await put('fairlead:tls:good', 'good.test');
    await redis.client.set('fairlead:tls:string', 'x');
    await redis.client.hset('fairlead:tls:large', { cert: 'x'.repeat(300_000), key: 'x' });
    await redis.client.hset('fairlead:tls:half', { cert: 'x' });
    await redis.client.hset('fairlead:tls:other', { field: 'x' });
    const seen = start();
    await seen.until('good.test');
    expect(seen.reasons()).toEqual([
      'redis fairlead:tls:half: there is no field "key"',
      'redis fairlead:tls:large: larger than 256KiB',
      'redis fairlead:tls:other: has neither "cert" nor "key"',
      'redis fairlead:tls:string: not a hash',
    ]);
  });

  test('a key that looks like a pattern stands for itself', async () => {
    await put('tls[1]:a', 'a.test');
    await put('tls1:b', 'b.test');
    const each = watchSource(redisSource({ url: redis.url, prefixes: ['tls[1]:'], log }));
    watched.push(each);
    await each.until('a.test');
  });

  test('H05: a change that was not told, because the listening connection was cut, is found', async () => {
    await put('fairlead:tls:a', 'a.test');
    const seen = start();
    await seen.until('a.test');
    const list = String(await redis.client.call('CLIENT', 'LIST'));
    const [, id = ''] = /^id=(\d+) .*name=fairlead-events/m.exec(list) ?? [];
    const { certPem, keyPem } = await ca.issue(['b.test']);
    const both = redis.client.multi().call('CLIENT', 'KILL', 'ID', id);
    await both.hset('fairlead:tls:b', { cert: certPem, key: keyPem }).exec();
    await seen.until('a.test', 'b.test');
  });
});

describe.skipIf(skipRedis)('a Redis in trouble', () => {
  let ca: TestCa;
  const running: { stop(): Promise<void> }[] = [];

  beforeAll(async () => {
    ca = await createTestCa();
  });
  afterEach(async () => {
    for (const each of running.splice(0).reverse()) await each.stop();
  });

  async function server(...given: Parameters<typeof startRedis>): Promise<RedisServer> {
    const redis = await startRedis(...given);
    running.push(redis);
    return redis;
  }

  function start(url: string): Watched {
    const seen = watchSource(redisSource({ url, prefixes, log }));
    running.push(seen);
    return seen;
  }

  async function put(redis: RedisServer, key: string, name: string): Promise<void> {
    const { certPem, keyPem } = await ca.issue([name]);
    await redis.client.hset(key, { cert: certPem, key: keyPem });
  }

  test('H01: it dies and comes back empty: what was known is served, what is new as well', async () => {
    const redis = await server();
    await put(redis, 'fairlead:tls:a', 'a.test');
    const seen = start(redis.url);
    await seen.until('a.test');
    await redis.kill();
    await eventually(() => seen.reasons().length === 1, 'the loss is noticed');
    expect(seen.reasons()[0]).toMatch(/^redis 127\.0\.0\.1:\d+: (connection (closed|refused)|not connected)/);
    expect(seen.names()).toEqual(['a.test']);
    await redis.restart();
    await put(redis, 'fairlead:tls:b', 'b.test');
    await seen.until('a.test', 'b.test');
    expect(seen.reasons()).toEqual([
      expect.stringMatching(/^redis fairlead:tls:a: gone, but its source may/),
    ]);
    await put(redis, 'fairlead:tls:a', 'again.test');
    await seen.until('again.test', 'b.test');
    expect(seen.reasons()).toEqual([]);
  });

  test('H02: a wrong password is told without repeating it, and the right one works', async () => {
    const redis = await server(['--requirepass', 'right-one'], { password: 'right-one' });
    await put(redis, 'fairlead:tls:a', 'a.test');
    const wrong = start(`redis://:wrong-one@127.0.0.1:${redis.port}`);
    await eventually(() => wrong.told > 0, 'the refusal');
    expect(wrong.reasons()[0]).toMatch(/WRONGPASS|NOAUTH/);
    expect(wrong.reasons().join()).not.toContain('wrong-one');
    const right = start(`redis://:right-one@127.0.0.1:${redis.port}`);
    await right.until('a.test');
  });

  test('without tracking, keyspace notifications or looking again bring changes all the same', async () => {
    const acl = ['--user', 'plain', 'on', '>pw', '~*', '&*', '+@all', '-client|tracking', '-config'];
    const redis = await server(acl);
    const seen = start(`redis://plain:pw@127.0.0.1:${redis.port}`);
    await seen.until();
    await put(redis, 'fairlead:tls:a', 'a.test');
    const before = performance.now();
    await seen.until('a.test');
    expect(performance.now() - before).toBeLessThan(1_500);
  });

  test('H03: one that is paused holds nobody up, and is heard again afterwards', async () => {
    const redis = await server();
    await put(redis, 'fairlead:tls:a', 'a.test');
    const seen = start(redis.url);
    await seen.until('a.test');
    await redis.client.call('CLIENT', 'PAUSE', '500', 'ALL');
    expect(seen.names()).toEqual(['a.test']);
    await put(redis, 'fairlead:tls:b', 'b.test');
    await seen.until('a.test', 'b.test');
  });
});
