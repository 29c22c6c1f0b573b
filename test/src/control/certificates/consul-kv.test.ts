import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { consulKvSource, itemsOf } from '../../../../src/control/certificates/consul-kv.ts';
import { createTestCa, type TestCa } from '../../../support/certificates.ts';
import { type ConsulAgent, skipConsul, startConsul } from '../../../support/consul.ts';
import { eventually } from '../../../support/process.ts';
import { consulConfig } from '../providers/recorder.ts';
import { type Watched, watchSource } from './support.ts';

const log = { warn() {}, info() {}, debug() {} };

describe.skipIf(skipConsul)('certificates in Consul’s KV store', () => {
  let ca: TestCa;
  let agent: ConsulAgent;
  let watched: Watched[] = [];
  const errors: string[] = [];

  beforeAll(async () => {
    ca = await createTestCa();
    agent = await startConsul();
  });
  afterAll(() => agent.stop());
  afterEach(async () => {
    await Promise.all(watched.map((each) => each.stop()));
    watched = [];
  });

  function start(prefix: string): Watched {
    const onError = (kind: string): void => void errors.push(kind);
    const each = watchSource(consulKvSource({ config: consulConfig(agent.url), prefix, log, onError }));
    watched.push(each);
    return each;
  }

  const put = (key: string, value: string): Promise<unknown> => agent.api('PUT', `/v1/kv/${key}`, value);
  const drop = (key: string): Promise<unknown> => agent.api('DELETE', `/v1/kv/${key}?recurse`);

  test('pairs and combined values are served and followed at once; a bad one harms nobody', async () => {
    const [a, b] = [await ca.issue(['a.test']), await ca.issue(['b.test'])];
    const seen = start('fairlead/tls');
    await seen.until();
    await put('fairlead/tls/a/cert', a.certPem);
    await eventually(() => seen.reasons().length === 1, 'half a pair');
    expect(seen.reasons()).toEqual(['consul kv fairlead/tls/a: there is no fairlead/tls/a/key']);
    await put('fairlead/tls/a/key', a.keyPem);
    await put('fairlead/tls/b', b.keyPem + b.certPem);
    await put('fairlead/tls/c', 'nonsense');
    await put('fairlead/tls-other', 'not below the folder');
    await seen.until('a.test', 'b.test');
    await eventually(() => seen.reasons().length === 1, 'the bad one');
    expect(seen.reasons()).toEqual(['consul kv fairlead/tls/c: no private key']);
    await drop('fairlead/tls/b');
    await seen.until('a.test');
  });

  test('Consul away, and back without its memory: nothing changes but what is new', async () => {
    const [a, b] = [await ca.issue(['a.test']), await ca.issue(['b.test'])];
    for (let i = 0; i < 30; i += 1) await put('x', String(i));
    await put('own/a', a.keyPem + a.certPem);
    const seen = start('own');
    await seen.until('a.test');
    await agent.kill();
    await eventually(() => seen.reasons().length === 1, { what: 'the loss is listed', timeoutMs: 10_000 });
    expect(errors).toContain('unreachable');
    expect(seen.names()).toEqual(['a.test']);
    await agent.restart();
    await eventually(() => /gone, but/.test(seen.reasons()[0] ?? ''), 'the lost memory is listed');
    expect(seen.names()).toEqual(['a.test']);
    await put('own/b', b.keyPem + b.certPem);
    await seen.until('a.test', 'b.test');
  });
});

test('keys of the folder become items; what fits no layout is named', () => {
  const texts = new Map([
    ['p/a/cert', 'C'],
    ['p/a/key', 'K'],
    ['p/b', 'B'],
    ['p/deep/er/cert', 'D'],
    ['p/deep/er/key', 'E'],
    ['p/fabio.test-cert.pem', 'F'],
    ['p/fabio.test-key.pem', 'G'],
    ['p/lonely-key.pem', 'L'],
    ['p/x/note', 'N'],
  ]);
  expect([...itemsOf(texts, 'p').values()]).toEqual([
    { source: 'consul kv p/a', certPem: 'C', keyPem: 'K' },
    { source: 'consul kv p/b', certPem: 'B', keyPem: 'B' },
    { source: 'consul kv p/deep/er', certPem: 'D', keyPem: 'E' },
    { source: 'consul kv p/fabio.test-cert.pem', certPem: 'F', keyPem: 'G' },
    { source: 'consul kv p/lonely-key.pem', certPem: 'L', keyPem: 'L' },
    { source: 'consul kv p/x/note', reason: 'neither NAME, NAME/cert nor NAME/key' },
  ]);
});
