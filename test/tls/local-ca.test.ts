import { X509Certificate } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readCertificate } from '../../tls/certificate.ts';
import { openLocalCa } from '../../tls/local-ca.ts';
import { createTestCa, DAY_MS } from '../support/certificates.ts';

let home: string;

beforeAll(() => {
  home = mkdtempSync(join(tmpdir(), 'fairlead-ca-'));
});
afterAll(() => rmSync(home, { recursive: true, force: true }));

const modeOf = (path: string): string => (statSync(path).mode & 0o777).toString(8);
const names = ['*.localhost', 'localhost', '127.0.0.1', '::1'];

test('signs leaves for names and addresses that its root vouches for', async () => {
  const ca = await openLocalCa(join(home, 'new', 'ca'));
  const { certPem, keyPem } = await ca.issue(names);
  const read = readCertificate(certPem, keyPem, 'local');
  expect(read.ok && read.certificate.names).toEqual(names);
  const leaf = new X509Certificate(certPem);
  const root = new X509Certificate(readFileSync(ca.certFile));
  expect(leaf.verify(root.publicKey)).toBe(true);
  expect(leaf.checkIssued(root)).toBe(true);
  expect(root.ca).toBe(true);
  expect(leaf.ca).toBe(false);
  expect(leaf.validToDate.getTime() - Date.now()).toBeLessThan(825 * DAY_MS);
});

test('keys are readable by their owner only, the root by everybody', async () => {
  const folder = join(home, 'modes');
  const ca = await openLocalCa(folder);
  await ca.issue(names);
  expect(modeOf(folder)).toBe('755');
  expect(modeOf(join(folder, 'root.key'))).toBe('600');
  expect(modeOf(ca.certFile)).toBe('644');
  const [issued] = readdirSync(join(folder, 'issued'));
  expect(modeOf(join(folder, 'issued', issued!))).toBe('600');
});

test('root and leaves stay the same over restarts; other names get another leaf', async () => {
  const folder = join(home, 'kept');
  const first = await (await openLocalCa(folder)).issue(names);
  const again = await openLocalCa(folder);
  expect(await again.issue(names)).toEqual(first);
  expect((await again.issue(['other.localhost'])).certPem).not.toBe(first.certPem);
});

test('a leaf that nears its end, or is of another root or damaged, is signed anew', async () => {
  const folder = join(home, 'renewed');
  const ca = await openLocalCa(folder);
  const first = await ca.issue(names);
  const [file] = readdirSync(join(folder, 'issued'));
  const strange = await (await createTestCa()).issue(names);
  writeFileSync(join(folder, 'issued', file!), strange.certPem + strange.keyPem);
  const second = await ca.issue(names);
  expect([first.certPem, strange.certPem]).not.toContain(second.certPem);
  expect(await ca.issue(names)).toEqual(second);
  writeFileSync(
    join(folder, 'issued', file!),
    second.certPem.replace(/(BEGIN CERTIFICATE-+\n)\w{8}/, '$1AAAAAAAA') + second.keyPem,
  );
  const third = await ca.issue(names);
  expect(readCertificate(third.certPem, third.keyPem, 'local').ok).toBe(true);
});

test('programs that start together agree on one root', async () => {
  const folder = join(home, 'together');
  const cas = await Promise.all(Array.from({ length: 5 }, () => openLocalCa(folder)));
  const roots = new Set<boolean>();
  for (const ca of cas) {
    const leaf = new X509Certificate((await ca.issue([`${roots.size}.test`])).certPem);
    roots.add(leaf.verify(new X509Certificate(readFileSync(ca.certFile)).publicKey));
  }
  expect([...roots]).toEqual([true]);
  expect(readdirSync(home).filter((name) => name.includes('.new-'))).toEqual([]);
});

test('a key that is not the root’s is an error that says what to do', async () => {
  const folder = join(home, 'mixed');
  await openLocalCa(folder);
  const { keyPem } = await (await createTestCa()).issue(['x.test']);
  writeFileSync(join(folder, 'root.key'), keyPem);
  await expect(openLocalCa(folder)).rejects.toThrow(/does not belong to .* to begin anew/);
});
