import { expect, test } from 'vitest';
import { ask, put, registryForTest, sleeping } from './support.ts';

const base64 = (text: string): string => Buffer.from(text).toString('base64');

test('put, get, raw, and a missing key', async () => {
  const registry = await registryForTest();
  const missing = await ask(registry, '/v1/kv/a/b');
  expect(missing).toMatchObject({ status: 404, text: '' });
  expect(missing.index).toBeGreaterThan(0);
  expect((await put(registry, '/v1/kv/a/b?flags=7', 'hello')).json).toBe(true);
  const got = await ask(registry, '/v1/kv/a/b');
  expect(got.json).toEqual([
    {
      LockIndex: 0,
      Key: 'a/b',
      Flags: 7,
      Value: base64('hello'),
      CreateIndex: got.index,
      ModifyIndex: got.index,
    },
  ]);
  const raw = await ask(registry, '/v1/kv/a/b?raw');
  expect(raw.text).toBe('hello');
  expect(raw.headers.get('content-type')).toBe('text/plain');
  expect(raw.headers.get('content-security-policy')).toBe('sandbox');
  await put(registry, '/v1/kv/empty', '');
  expect((await ask(registry, '/v1/kv/empty')).json[0].Value).toBeNull();
});

test('recurse and keys, with a separator', async () => {
  const registry = await registryForTest();
  for (const key of ['b', 'a/x', 'a/y/z', 'a/y/w']) registry.putKey(key, key);
  const recursed = await ask(registry, '/v1/kv/a/?recurse');
  expect(recursed.json.map(({ Key }: { Key: string }) => Key)).toEqual(['a/x', 'a/y/w', 'a/y/z']);
  expect((await ask(registry, '/v1/kv/?keys')).json).toEqual(['a/x', 'a/y/w', 'a/y/z', 'b']);
  expect((await ask(registry, '/v1/kv/?keys&separator=/')).json).toEqual(['a/', 'b']);
  expect((await ask(registry, '/v1/kv/a/?keys&separator=/')).json).toEqual(['a/x', 'a/y/']);
  expect((await ask(registry, '/v1/kv/none?recurse')).status).toBe(404);
});

test('a check-and-set writes only over the index it names', async () => {
  const registry = await registryForTest();
  expect((await put(registry, '/v1/kv/k?cas=0', 'one')).json).toBe(true);
  expect((await put(registry, '/v1/kv/k?cas=0', 'two')).json).toBe(false);
  const { index } = await ask(registry, '/v1/kv/k');
  expect((await put(registry, `/v1/kv/k?cas=${index}`, 'two')).json).toBe(true);
  expect((await put(registry, `/v1/kv/k?cas=${index}`, 'three')).json).toBe(false);
  expect((await ask(registry, '/v1/kv/k?raw')).text).toBe('two');
  expect((await ask(registry, `/v1/kv/k?cas=${index}`, { method: 'DELETE' })).json).toBe(false);
  expect((await put(registry, '/v1/kv/k?cas=x', 'four')).status).toBe(500);
  expect((await put(registry, '/v1/kv/k?cas=1&acquire=x', 'four')).status).toBe(400);
});

test('delete, one key and a tree', async () => {
  const registry = await registryForTest();
  for (const key of ['a/1', 'a/2', 'b']) registry.putKey(key, 'v');
  expect((await ask(registry, '/v1/kv/b', { method: 'DELETE' })).json).toBe(true);
  expect((await ask(registry, '/v1/kv/b', { method: 'DELETE' })).json).toBe(true);
  expect((await ask(registry, '/v1/kv/?keys')).json).toEqual(['a/1', 'a/2']);
  await ask(registry, '/v1/kv/a/?recurse', { method: 'DELETE' });
  expect((await ask(registry, '/v1/kv/?keys')).json).toEqual([]);
  expect((await ask(registry, '/v1/kv/', { method: 'DELETE' })).status).toBe(400);
});

test('a prefix’s readers sleep through changes elsewhere, and wake on writes and deletions below it', async () => {
  const registry = await registryForTest();
  registry.putKey('a/1', 'v');
  let { index } = await ask(registry, '/v1/kv/a/?recurse');
  for (const change of [() => registry.putKey('a/2', 'v'), () => registry.deleteKey('a/2')]) {
    const { answer } = await sleeping(registry, `/v1/kv/a/?recurse&index=${index}`);
    registry.putKey('b', String(index));
    await ask(registry, '/v1/kv/b');
    expect(registry.faults.blocked.count()).toBe(1);
    change();
    const got = await answer;
    expect(got.index).toBeGreaterThan(index);
    index = got.index;
  }
});

test('a missing key’s reader wakes when it is written, not when others are', async () => {
  const registry = await registryForTest();
  const { index } = await ask(registry, '/v1/kv/wanted');
  const { answer } = await sleeping(registry, `/v1/kv/wanted?index=${index}`);
  registry.putKey('wanted-not', 'v');
  await ask(registry, '/v1/kv/wanted');
  expect(registry.faults.blocked.count()).toBe(1);
  registry.putKey('wanted', 'v');
  expect((await answer).json).toMatchObject([{ Key: 'wanted' }]);
});

test('writing the same value moves no index', async () => {
  const registry = await registryForTest();
  registry.putKey('a', 'v');
  const { index } = registry;
  registry.putKey('a', 'v');
  expect(registry.index).toBe(index);
});

test('values over 512 KiB are refused', async () => {
  const registry = await registryForTest();
  expect((await put(registry, '/v1/kv/k', new Uint8Array(512 * 1024))).json).toBe(true);
  expect((await put(registry, '/v1/kv/k', new Uint8Array(512 * 1024 + 1))).status).toBe(413);
});

test('a session locks a key; others wait until it is released', async () => {
  const registry = await registryForTest();
  const session = async (body: object): Promise<string> =>
    (await put(registry, '/v1/session/create', body)).json.ID;
  const mine = await session({ Name: 'mine', TTL: '10s', LockDelay: '0s' });
  const theirs = await session({ LockDelay: '0s' });
  expect((await put(registry, `/v1/kv/lock?acquire=${mine}`, 'me')).json).toBe(true);
  expect((await put(registry, `/v1/kv/lock?acquire=${theirs}`, 'them')).json).toBe(false);
  expect((await put(registry, `/v1/kv/lock?release=${theirs}`, 'them')).json).toBe(false);
  expect((await ask(registry, '/v1/kv/lock')).json).toMatchObject([{ LockIndex: 1, Session: mine }]);
  expect((await put(registry, `/v1/kv/lock?release=${mine}`, 'me')).json).toBe(true);
  expect((await ask(registry, '/v1/kv/lock')).json[0]).not.toHaveProperty('Session');
  expect((await put(registry, `/v1/kv/lock?acquire=${theirs}`, 'them')).json).toBe(true);
  expect((await ask(registry, '/v1/kv/lock')).json).toMatchObject([{ LockIndex: 2, Session: theirs }]);
  expect((await put(registry, '/v1/kv/lock?acquire=nobody', '')).status).toBe(500);
});

test('a destroyed session gives its locks back, after the lock delay', async () => {
  const registry = await registryForTest();
  const { ID } = (await put(registry, '/v1/session/create', { Name: 'n', TTL: '10s' })).json;
  expect((await ask(registry, `/v1/session/info/${ID}`)).json).toEqual([
    {
      ID,
      Name: 'n',
      Node: 'embedded',
      LockDelay: 15_000_000_000,
      Behavior: 'release',
      TTL: '10s',
      NodeChecks: ['serfHealth'],
      ServiceChecks: null,
      CreateIndex: expect.any(Number),
      ModifyIndex: expect.any(Number),
    },
  ]);
  await put(registry, `/v1/kv/lock?acquire=${ID}`, 'me');
  const { index } = await ask(registry, '/v1/kv/lock');
  const { answer } = await sleeping(registry, `/v1/kv/lock?index=${index}`);
  expect((await put(registry, `/v1/session/destroy/${ID}`)).json).toBe(true);
  expect((await answer).json[0]).not.toHaveProperty('Session');
  const next = (await put(registry, '/v1/session/create')).json.ID;
  expect((await put(registry, `/v1/kv/lock?acquire=${next}`, '')).json).toBe(false);
  expect((await put(registry, `/v1/session/renew/${ID}`)).status).toBe(404);
  expect((await put(registry, `/v1/session/renew/${next}`)).json).toMatchObject([{ ID: next }]);
  expect((await ask(registry, '/v1/session/list')).json).toHaveLength(1);
});

test('a session that deletes takes its keys with it; a short TTL is refused', async () => {
  const registry = await registryForTest();
  const { ID } = (await put(registry, '/v1/session/create', { Behavior: 'delete' })).json;
  await put(registry, `/v1/kv/lock?acquire=${ID}`, 'me');
  await put(registry, `/v1/session/destroy/${ID}`);
  expect((await ask(registry, '/v1/kv/lock')).status).toBe(404);
  expect((await put(registry, '/v1/session/create', { TTL: '1s' })).text).toMatch(/^Invalid Session TTL/);
});
