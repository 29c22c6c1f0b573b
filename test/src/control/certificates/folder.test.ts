import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { fileSource } from '../../../../src/control/certificates/file.ts';
import { folderSource } from '../../../../src/control/certificates/folder.ts';
import { lookInto } from '../../../../src/control/certificates/folder-layout.ts';
import { followFiles, type Sight } from '../../../../src/control/certificates/follow-files.ts';
import { readFiles } from '../../../../src/control/certificates/pair.ts';
import type { OnCertificates } from '../../../../src/control/certificates/source.ts';
import { type Clock, systemClock } from '../../../../src/control/providers/clock.ts';
import { opensslBinary, skipExternal } from '../../../provision.ts';
import { createTestCa, type Issued, type TestCa } from '../../../support/certificates.ts';
import { eventually } from '../../../support/process.ts';
import { type Watched, watchSource } from './support.ts';

let ca: TestCa;
let folder: string;
let watched: Watched[] = [];

beforeAll(async () => {
  ca = await createTestCa();
});
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'fairlead-certs-'));
});
afterEach(async () => {
  await Promise.all(watched.map((each) => each.stop()));
  watched = [];
  rmSync(folder, { recursive: true, force: true });
});

function start(source = folderSource({ folder, passwordFile: null, cwd: folder })): Watched {
  const each = watchSource(source);
  watched.push(each);
  return each;
}

function write(path: string, content: string): void {
  mkdirSync(join(folder, path, '..'), { recursive: true });
  writeFileSync(join(folder, path), content);
}

async function writePair(base: string, name: string): Promise<Issued> {
  const issued = await ca.issue([name]);
  write(`${base}.key`, issued.keyPem);
  write(`${base}.crt`, issued.certPem);
  return issued;
}

test('pairs, combined files and pairs in folders below are served, and what is odd is listed', async () => {
  await writePair('a', 'a.test');
  const combined = await ca.issue(['b.test']);
  write('b.pem', combined.keyPem + combined.certPem);
  await writePair('deep/c', 'c.test');
  write('lonely.key', combined.keyPem);
  write('bad.crt', 'nonsense');
  write('bad.key', 'nonsense');
  write('notes.txt', 'nothing to see');
  const seen = start();
  await seen.until('a.test', 'b.test', 'c.test');
  expect(seen.reasons()).toEqual([
    'file bad.crt: no private key',
    'file lonely.key: no certificate beside this key',
  ]);
  expect(seen.set.map(({ source }) => source)).toEqual(['file a.crt', 'file b.pem', 'file deep/c.crt']);
});

test('new, changed and removed files are followed', async () => {
  await writePair('a', 'a.test');
  const seen = start();
  await seen.until('a.test');
  await writePair('b', 'b.test');
  await seen.until('a.test', 'b.test');
  await writePair('a', 'new.test');
  await seen.until('new.test', 'b.test');
  unlinkSync(join(folder, 'b.crt'));
  unlinkSync(join(folder, 'b.key'));
  await seen.until('new.test');
});

test('a pair that is half written keeps the one before, says so, and is served once it is whole', async () => {
  await writePair('a', 'a.test');
  const seen = start();
  await seen.until('a.test');
  const fresh = await ca.issue(['fresh.test']);
  write('a.crt', fresh.certPem);
  await eventually(() => seen.reasons().length === 1, 'the half is noticed');
  expect(seen.reasons()).toEqual([
    'file a.crt: the key does not belong to the certificate; the one before is kept',
  ]);
  expect(seen.names()).toEqual(['a.test']);
  write('a.key', fresh.keyPem);
  await seen.until('fresh.test');
  expect(seen.reasons()).toEqual([]);
});

test('the layout of certbot: links into an archive that are turned to the renewed files', async () => {
  const put = (number: number, { certPem, keyPem }: Issued): void => {
    write(`archive/a.test/fullchain${number}.pem`, certPem);
    write(`archive/a.test/privkey${number}.pem`, keyPem);
    for (const name of ['fullchain', 'privkey']) {
      mkdirSync(join(folder, 'live/a.test'), { recursive: true });
      symlinkSync(`../../archive/a.test/${name}${number}.pem`, join(folder, `live/a.test/${name}.new`));
      renameSync(join(folder, `live/a.test/${name}.new`), join(folder, `live/a.test/${name}.pem`));
    }
  };
  put(1, await ca.issue(['a.test']));
  write('live/README', 'read me');
  write('live/a.test/chain.pem', ca.rootPem);
  write('live/a.test/cert.pem', ca.rootPem);
  const seen = start(folderSource({ folder: join(folder, 'live'), passwordFile: null, cwd: folder }));
  await seen.until('a.test');
  expect(seen.reasons()).toEqual([]);
  const [before] = seen.set;
  put(2, await ca.issue(['a.test']));
  await eventually(() => seen.set[0]!.id !== before!.id, 'the renewed certificate');
  await seen.until('a.test');
});

test('a mounted secret of Kubernetes: one link is swapped for all files', async () => {
  const put = async (generation: string, name: string): Promise<void> => {
    await writePair(`..${generation}/tls`, name);
    write(`..${generation}/ca.crt`, ca.rootPem);
    symlinkSync(`..${generation}`, join(folder, '..data_tmp'));
    renameSync(join(folder, '..data_tmp'), join(folder, '..data'));
  };
  await put('one', 'a.test');
  for (const name of ['tls.crt', 'tls.key', 'ca.crt']) symlinkSync(`..data/${name}`, join(folder, name));
  const seen = start();
  await seen.until('a.test');
  expect(seen.reasons()).toEqual([]);
  await put('two', 'b.test');
  await seen.until('b.test');
});

test.skipIf(skipExternal)(
  'PKCS#12 files are opened with the password beside them, or the common one',
  async () => {
    const { certPem, keyPem } = await ca.issue(['a.test'], { key: 'rsa' });
    const ec = await ca.issue(['b.test']);
    const openssl = await opensslBinary();
    const pack = (name: string, pem: string, password: string): void => {
      write('in.txt', pem);
      const [input, output] = [join(folder, 'in.txt'), join(folder, name)];
      const args = ['pkcs12', '-export', '-in', input, '-out', output, '-passout', `pass:${password}`];
      execFileSync(openssl, args, { stdio: 'pipe' });
    };
    pack('a.p12', certPem + keyPem, 'secret-a');
    write('a.pass', 'secret-a\n');
    pack('b.pfx', ec.certPem + ec.keyPem, 'common');
    pack('c.p12', ec.certPem + ec.keyPem, 'something-else');
    write('common/passwords.txt', 'common\n');
    const passwordFile = join(folder, 'common/passwords.txt');
    const seen = start(folderSource({ folder, passwordFile, cwd: folder }));
    await seen.until('a.test', 'b.test');
    expect(seen.reasons()).toEqual(['file c.p12: the password does not open it']);
  },
);

test('a folder that is away keeps what it held, and one that comes late is found', async () => {
  const moved = `${folder}-moved`;
  await writePair('a', 'a.test');
  const seen = start();
  await seen.until('a.test');
  renameSync(folder, moved);
  await eventually(() => seen.reasons().length === 1, 'the folder is missed');
  expect(seen.reasons()[0]).toMatch(/^folder .*: there is no such folder$/);
  expect(seen.names()).toEqual(['a.test']);
  renameSync(moved, folder);
  await eventually(() => seen.reasons().length === 0, 'the folder is back');
  expect(seen.names()).toEqual(['a.test']);
});

test('a folder that is swapped for another is notified of like the first', async () => {
  const swapFor = async (name: string): Promise<void> => {
    const before = `${folder}-before`;
    renameSync(folder, before);
    await writePair('a', name);
    rmSync(before, { recursive: true });
  };
  await writePair('a', 'a.test');
  const stop = new AbortController();
  let names: readonly string[] = [];
  // Nothing is looked at because time has passed.
  const deaf: Clock = {
    ...systemClock,
    now: () => 0,
    sleep: (ms, signal) => systemClock.sleep(ms < 500 ? ms : 60_000, signal),
  };
  const look = async (): Promise<Sight> => {
    const { found, folders, fingerprint } = await lookInto(folder);
    const items = async () =>
      new Map(
        await Promise.all(
          [...found].map(async ([path, files]) => [path, await readFiles(files, path)] as const),
        ),
      );
    return { folders, fingerprint, items };
  };
  const onSeen: OnCertificates = (set) => {
    names = set.flatMap((each) => each.names);
  };
  const following = followFiles('folder', look, onSeen, stop.signal, deaf);
  await eventually(() => expect(names).toEqual(['a.test']));
  await swapFor('b.test');
  await eventually(() => expect(names).toEqual(['b.test']));
  // What the swap itself set off is over.
  await new Promise((resolve) => setTimeout(resolve, 300));
  await writePair('a', 'c.test');
  await eventually(() => expect(names).toEqual(['c.test']));
  stop.abort();
  await following;
});

test('several that vanish at once may be an unmounted folder: they are kept and listed', async () => {
  await writePair('a', 'a.test');
  await writePair('b', 'b.test');
  const seen = start();
  await seen.until('a.test', 'b.test');
  for (const name of ['a.crt', 'a.key', 'b.crt', 'b.key']) unlinkSync(join(folder, name));
  await eventually(() => seen.reasons().length === 2, 'the loss is listed');
  expect(seen.names()).toEqual(['a.test', 'b.test']);
  await writePair('b', 'b.test');
  await eventually(() => seen.reasons().length === 1, 'one is back');
});

test('a file that would never end, or is too large, is refused', async () => {
  const { keyPem } = await ca.issue(['a.test']);
  symlinkSync('/dev/zero', join(folder, 'endless.crt'));
  write('endless.key', keyPem);
  write('large.pem', 'x'.repeat(300 * 1024));
  const seen = start();
  await seen.until();
  expect(seen.reasons()).toEqual(['file endless.crt: not a file', 'file large.pem: larger than 256KiB']);
});

test('files that are named are followed as well', async () => {
  const issued = await writePair('a', 'a.test');
  const named = { kind: 'pem', certFile: join(folder, 'a.crt'), keyFile: join(folder, 'a.key') } as const;
  const seen = start(fileSource(named, folder));
  const missing = start(fileSource({ ...named, keyFile: join(folder, 'none.key') }, folder));
  await seen.until('a.test');
  await missing.until();
  expect(missing.reasons()[0]).toMatch(/none\.key: there is no such file$/);
  const fresh = await ca.issue(['b.test']);
  write('a.crt', fresh.certPem);
  write('a.key', fresh.keyPem);
  await seen.until('b.test');
  write('none.key', issued.keyPem);
  write('a.crt', issued.certPem);
  await missing.until('a.test');
});
