import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Instance } from '../../../router/model.ts';
import { type CatalogStore, openCatalogStore } from '../../../src/control/catalog-store.ts';
import { eventually } from '../../support/process.ts';

let dir: string;
let file: string;
let stores: CatalogStore[] = [];

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'fairlead-store-'));
  file = join(dir, 'catalog.sqlite');
});
afterEach(async () => {
  for (const store of stores) store.close();
  stores = [];
  await rm(dir, { recursive: true, force: true });
});

function open(where: string = dir, settleMs = 1000): CatalogStore {
  const store = openCatalogStore(where, { settleMs });
  stores.push(store);
  return store;
}

function instance(service: string, port = 80): Instance {
  return {
    id: `n1/${service}`,
    service,
    serviceId: service,
    node: 'n1',
    address: '10.0.0.1',
    port,
    tags: ['fairlead:ä.test/'],
    meta: { a: 'b' },
    weights: { passing: 1, warning: 1 },
    health: 'warning',
    checks: [{ id: 'c', name: 'c', status: 'warning', output: 'slow "disk"\n', isOfNode: false }],
    createIndex: 7,
  };
}

test('what was saved is there after a restart', () => {
  const before = Date.now();
  const store = open();
  expect(store.warning).toBe(null);
  expect(store.load()).toEqual({ services: new Map(), savedAt: null });
  store.save('web', [instance('web')]);
  store.save('api', [instance('api')]);
  store.save('web', [instance('web', 81)]);
  store.close();
  const { services, savedAt } = open().load();
  expect([...services]).toEqual([
    ['api', [instance('api')]],
    ['web', [instance('web', 81)]],
  ]);
  expect(savedAt).toBeGreaterThanOrEqual(before);
});

test('a service without instances is forgotten', () => {
  const store = open();
  store.save('web', [instance('web')]);
  expect(store.flush()).toBe(true);
  store.save('web', []);
  expect(store.flush()).toBe(true);
  expect(store.load().services.size).toBe(0);
});

test('changes are gathered, then written without being asked', async () => {
  const store = open(dir, 30);
  for (let i = 0; i < 600; i += 1) store.save(`svc-${i}`, [instance(`svc-${i}`)]);
  expect(store.load().services.size).toBe(0);
  await eventually(() => store.load().services.size === 600, { what: 'all rows', timeoutMs: 3000 });
});

test('survives a process that ends without closing it', async () => {
  const store = open();
  store.save('web', [instance('web')]);
  store.flush();
  const copy = await mkdtemp(join(tmpdir(), 'fairlead-store-'));
  // What a crash leaves: the write-ahead log is not yet part of the file.
  for (const name of await readdir(dir)) await writeFile(join(copy, name), await readFile(join(dir, name)));
  const second = open(copy);
  expect([...second.load().services.keys()]).toEqual(['web']);
  second.close();
  await rm(copy, { recursive: true });
});

test('the files are private', async () => {
  const store = open();
  store.save('web', [instance('web')]);
  store.flush();
  for (const name of await readdir(dir)) expect((await stat(join(dir, name))).mode & 0o777).toBe(0o600);
});

describe('a file that cannot be used is moved aside', () => {
  const foreign = (statements: string) => () => {
    const database = new DatabaseSync(file);
    database.exec(statements);
    database.close();
  };
  test.each<[string, () => unknown]>([
    ['text', () => writeFile(file, 'this is not a database, but long enough to look like one'.repeat(50))],
    ['another program', foreign('CREATE TABLE users (id)')],
    [
      'a later version',
      foreign('PRAGMA application_id=1280066931; PRAGMA user_version=99; CREATE TABLE x (y)'),
    ],
    ['damaged', () => damage()],
  ])('%s', async (_what, spoil) => {
    await spoil();
    const store = open();
    expect(store.warning).toContain(`is now ${file}.broken-1`);
    expect(existsSync(`${file}.broken-1`)).toBe(true);
    store.save('web', [instance('web')]);
    store.close();
    expect(open().load().services.size).toBe(1);
    expect(open().warning).toBe(null);
  });

  test('each under a number of its own', async () => {
    for (const n of [1, 2]) {
      await writeFile(file, `rubbish ${n}`.repeat(100));
      const store = open();
      expect(store.warning).toContain(`.broken-${n}`);
      store.close();
    }
  });

  async function damage(): Promise<void> {
    const store = open();
    for (let i = 0; i < 200; i += 1) store.save(`svc-${i}`, [instance(`svc-${i}`)]);
    store.close();
    const bytes = await readFile(file);
    bytes.fill(0xaa, 4096, bytes.length - 4096);
    await writeFile(file, bytes);
  }
});

test('a row of the wrong shape is left out', () => {
  const store = open();
  for (const name of ['good', 'bad', 'worse']) store.save(name, [instance(name)]);
  store.close();
  const database = new DatabaseSync(file);
  database.exec(`UPDATE service SET instances = '[{"id":1}]' WHERE name = 'bad'`);
  database.exec(`UPDATE service SET instances = '[' WHERE name = 'worse'`);
  database.close();
  expect([...open().load().services.keys()]).toEqual(['good']);
});

describe('works without a usable folder', () => {
  test('in memory, with a warning', async () => {
    await writeFile(join(dir, 'occupied'), '');
    const store = open(join(dir, 'occupied', 'data'));
    expect(store.warning).toContain('in memory only');
    store.save('web', [instance('web')]);
    expect(store.flush()).toBe(true);
    expect(store.load().services.size).toBe(1);
  });

  test('a file in use is not taken away from its user', () => {
    open().close();
    const holder = new DatabaseSync(file);
    holder.exec('PRAGMA locking_mode=EXCLUSIVE; BEGIN EXCLUSIVE; CREATE TABLE mine (x)');
    const store = open();
    expect(store.warning).toContain('in memory only');
    expect(existsSync(`${file}.broken-1`)).toBe(false);
    holder.exec('ROLLBACK');
    holder.close();
  });

  test('a write that fails is reported, kept and made up for', () => {
    const store = open();
    const holder = new DatabaseSync(file);
    holder.exec('BEGIN IMMEDIATE');
    store.save('web', [instance('web')]);
    expect(store.flush()).toBe(false);
    expect(store.warning).toContain('could not be saved');
    holder.exec('ROLLBACK');
    holder.close();
    expect(store.flush()).toBe(true);
    expect(store.warning).toBe(null);
    expect(store.load().services.size).toBe(1);
  });
});
