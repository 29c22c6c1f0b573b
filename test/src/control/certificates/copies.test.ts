import { chmodSync, existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { beginWithKept } from '../../../../src/control/certificates/begin-with-kept.ts';
import { CertificateCopies } from '../../../../src/control/certificates/copies.ts';
import { type Item, Keeper } from '../../../../src/control/certificates/keeper.ts';
import type { RefusedCertificate } from '../../../../src/control/certificates/source.ts';
import type { Certificate } from '../../../../tls/certificate.ts';
import { createTestCa, type TestCa } from '../../../support/certificates.ts';
import { eventually } from '../../../support/process.ts';
import { manualClock } from '../providers/manual-clock.ts';

let ca: TestCa;
let home: string;
let dir: string;
let file: string;
const open: CertificateCopies[] = [];
let listed: readonly RefusedCertificate[] = [];

beforeAll(async () => {
  ca = await createTestCa();
});
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'fairlead-copies-'));
  dir = join(home, 'data');
  file = join(dir, 'certificates.sqlite');
});
afterEach(async () => {
  for (const copies of open.splice(0)) copies.close();
  await rm(home, { recursive: true, force: true });
});

/** As one start of the router: `names` are the sources that its configuration has. */
function begin(...names: readonly string[]) {
  const copies = new CertificateCopies(dir, { retryMs: 100 });
  open.push(copies);
  const sources = names.map((name) => copies.of(name));
  copies.watch((set, refused) => {
    expect(set).toEqual([]);
    listed = refused;
  });
  return { copies, sources };
}

async function made(...names: readonly string[]): Promise<Map<string, Certificate>> {
  return new Map(await Promise.all(names.map(async (name) => [name, await ca.certificate(name)] as const)));
}

/** A start that keeps these for the source named so. */
async function kept(name: string, ...hosts: readonly string[]): Promise<Map<string, Certificate>> {
  const good = await made(...hosts);
  const { copies, sources } = begin(name);
  sources[0]!.save(good);
  copies.close();
  return good;
}

describe('the copy', () => {
  test('has after a restart what was good last, source by source, in a file for its owner alone', async () => {
    const [one, two] = [await made('a.test', 'b.test'), await made('a.test')];
    const first = begin('redis 1', 'redis 2');
    first.sources[0]!.save(await made('a.test', 'gone.test'));
    first.sources[0]!.save(one);
    first.sources[1]!.save(two);
    first.copies.close();
    expect([dir, file].map((path) => (statSync(path).mode & 0o777).toString(8))).toEqual(['700', '600']);
    const { sources } = begin('redis 1', 'redis 2');
    expect([...(await sources[0]!.load())]).toEqual([...one]);
    expect([...(await sources[1]!.load())]).toEqual([...two]);
    expect(listed).toEqual([]);
  });

  test('is written by itself soon, and only where something has changed', async () => {
    const good = await made('a.test', 'b.test');
    const { sources } = begin('redis 1');
    sources[0]!.save(good);
    const rows = () =>
      new DatabaseSync(file, { readOnly: true }).prepare('SELECT rowid, key FROM certificate').all();
    await eventually(() => expect(rows()).toHaveLength(2));
    const before = rows();
    const next = new Map([...good, ...(await made('c.test'))]);
    next.delete('a.test');
    sources[0]!.save(next);
    await eventually(() => expect(rows().map(({ key }) => key)).toEqual(['b.test', 'c.test']));
    expect(rows()[0]).toEqual(before[1]);
  });

  test('holds no key of a source that is not configured any more, nor of a name that is gone', async () => {
    const old = await kept('redis 1', 'old.test', 'stays.test');
    const { copies, sources } = begin('redis 1');
    await sources[0]!.load();
    sources[0]!.save(new Map([...old].slice(1)));
    copies.close();
    const secret = (name: string): string => old.get(name)!.keyPem.split('\n')[1]!;
    expect(readFileSync(file, 'latin1')).not.toContain(secret('old.test'));
    expect(readFileSync(file, 'latin1')).toContain(secret('stays.test'));
    begin().copies.close();
    expect(readFileSync(file, 'latin1')).not.toContain(secret('stays.test'));
  });

  test('is no file where no source needs one', async () => {
    begin();
    expect(existsSync(dir)).toBe(false);
  });
});

describe('a file that cannot be used', () => {
  const usable = async (): Promise<void> => {
    const good = await kept('redis 1', 'a.test');
    expect([...(await begin('redis 1').sources[0]!.load())]).toEqual([...good]);
  };

  test.each([
    ['broken', () => writeFileSync(file, 'SQLite format 3\0 and then nothing of it'.repeat(50))],
    ['no database', () => writeFileSync(file, '{"certificates":[]}'.repeat(100))],
    ['of another version', () => change('PRAGMA user_version = 0')],
    ['of somebody else', () => change('PRAGMA application_id = 7')],
  ])('because it is %s is put aside and listed', async (_, spoil) => {
    await kept('redis 1', 'a.test');
    spoil();
    expect([...(await begin('redis 1').sources[0]!.load())]).toEqual([]);
    expect(listed).toEqual([
      { source: `file ${file}`, reason: expect.stringMatching(/was unusable \(.*\) and is now .*broken-1$/) },
    ]);
    expect(await readdir(dir)).toContain('certificates.sqlite.broken-1');
    await usable();
  });

  test('in one row costs that row: the others are served, and it is listed', async () => {
    const good = await kept('redis 1', 'a.test', 'b.test', 'c.test');
    change("UPDATE certificate SET value = substr(value, 1, 100) WHERE key = 'a.test'");
    change("UPDATE certificate SET value = replace(value, 'b.test', 'x.test') WHERE key = 'b.test'");
    const { copies, sources } = begin('redis 1');
    expect([...(await sources[0]!.load()).keys()]).toEqual(['c.test']);
    expect(listed).toEqual([
      { source: `file ${file}`, reason: 'the row of a.test is damaged' },
      { source: `file ${file}`, reason: 'the row of b.test is damaged' },
    ]);
    sources[0]!.save(good);
    copies.close();
    expect([...(await begin('redis 1').sources[0]!.load())]).toEqual([...good]);
    expect(listed).toEqual([]);
  });

  test('because nothing can be written there is listed, and nothing else happens', async () => {
    writeFileSync(join(home, 'data'), 'a file, not a folder');
    const { sources } = begin('redis 1');
    sources[0]!.save(await made('a.test'));
    expect(listed).toEqual([
      { source: `file ${file}`, reason: expect.stringContaining('kept in memory only') },
    ]);
  });

  test('for a while, is written when it can be again', async () => {
    const { sources } = begin('redis 1');
    const rival = new DatabaseSync(file);
    rival.exec('BEGIN IMMEDIATE');
    sources[0]!.save(await made('a.test'));
    await eventually(() => expect(listed[0]?.reason).toMatch(/^certificates could not be kept: .*locked/));
    rival.exec('ROLLBACK');
    rival.close();
    await eventually(() => expect(listed).toEqual([]));
  });
});

function change(sql: string): void {
  chmodSync(file, 0o600);
  const database = new DatabaseSync(file);
  database.exec(sql);
  database.close();
}

describe('a keeper with a copy', () => {
  const itemsOf = (good: ReadonlyMap<string, Certificate>): Map<string, Item> =>
    new Map([...good].map(([key, { certPem, keyPem, source }]) => [key, { source, certPem, keyPem }]));
  const hosts = (set: readonly Certificate[]): readonly string[] => set.map(({ names }) => names[0]!);

  async function restarted(): Promise<Keeper> {
    const keeper = new Keeper(begin('redis 1').sources[0]!);
    await keeper.recall();
    return keeper;
  }

  test('has what was kept until the source answers, whose first word holds, were it "nothing"', async () => {
    const good = await kept('redis 1', 'a.test', 'b.test');
    for (const answer of [new Map([...good].slice(1)), new Map<string, Certificate>()]) {
      const keeper = await restarted();
      expect(hosts(keeper.last)).toEqual(['a.test', 'b.test']);
      const { set, refused } = await keeper.take(itemsOf(answer));
      expect([hosts(set), refused]).toEqual([[...answer.keys()], []]);
    }
  });

  test('keeps what was good where the first answer has something bad', async () => {
    await kept('redis 1', 'a.test');
    const keeper = await restarted();
    const { set, refused } = await keeper.take(new Map([['a.test', { source: 'redis a', reason: 'half' }]]));
    expect(hosts(set)).toEqual(['a.test']);
    expect(refused).toEqual([{ source: 'redis a', reason: 'half; the one before is kept' }]);
  });

  test('doubts later answers as ever', async () => {
    const good = await kept('redis 1', 'a.test', 'b.test');
    const keeper = await restarted();
    await keeper.take(itemsOf(good));
    expect(hosts((await keeper.take(new Map())).set)).toEqual(['a.test', 'b.test']);
  });

  test('tells it when the source says nothing for a second, and never after the source has', async () => {
    await kept('redis 1', 'a.test');
    const beginning = { source: 'redis 1', log: { info() {} } };
    const told: string[] = [];
    const note = (set: readonly Certificate[], [first]: readonly RefusedCertificate[]): void =>
      void told.push(`${hosts(set).join()} ${first?.reason}`);
    const { signal } = new AbortController();
    const [silent, quick] = [manualClock(), manualClock()];
    await beginWithKept({ ...beginning, clock: silent, keeper: await restarted() }, note, signal);
    await silent.advance(999);
    expect(told).toEqual([]);
    await silent.advance(1);
    expect(told).toEqual(['a.test no answer yet: what was kept on this machine is served']);
    const tell = await beginWithKept({ ...beginning, clock: quick, keeper: await restarted() }, note, signal);
    tell([], []);
    await quick.advance(2_000);
    expect(told.slice(1)).toEqual([' undefined']);
  });
});
