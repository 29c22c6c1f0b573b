import { createPrivateKey } from 'node:crypto';
import { beforeAll, describe, expect, test } from 'vitest';
import { type Certificate, readCertificate } from '../../tls/certificate.ts';
import { certificateFor, createTestCa, type IssueOptions, type TestCa } from '../support/certificates.ts';

let ca: TestCa;
let chained: TestCa;

beforeAll(async () => {
  ca = await createTestCa();
  chained = await createTestCa({ intermediate: true });
});

function reasonOf(certPem: string, keyPem: string): string {
  const read = readCertificate(certPem, keyPem, 'test');
  return read.ok ? 'none' : read.reason;
}

async function refusal(names: readonly string[], options: IssueOptions): Promise<string> {
  const { certPem, keyPem } = await ca.issue(names, options);
  return reasonOf(certPem, keyPem);
}

const blocks = ({ certPem }: Certificate): number => certPem.split('-----BEGIN').length - 1;

test('a pair becomes a value with everything that is shown and served', async () => {
  const notBefore = new Date('2026-01-01T00:00:00Z');
  const notAfter = new Date('2046-02-03T04:05:06Z');
  const { certPem, keyPem } = await ca.issue(['Shop.Example.COM', '*.b.test', '10.0.0.1', '::1'], {
    notBefore,
    notAfter,
  });
  expect(readCertificate(certPem, keyPem, 'file a.pem')).toEqual({
    ok: true,
    certificate: {
      id: expect.stringMatching(/^[0-9a-f]{64}$/),
      names: ['shop.example.com', '*.b.test', '10.0.0.1', '::1'],
      certPem,
      keyPem,
      keyKind: 'ec',
      notBeforeMs: notBefore.getTime(),
      notAfterMs: notAfter.getTime(),
      issuer: 'Test Root',
      source: 'file a.pem',
    },
  });
});

test('the same chain and key have the same id wherever they come from, another key has another', async () => {
  const { certPem, keyPem } = await ca.issue(['a.test']);
  const oldStyle = createPrivateKey(keyPem).export({ type: 'sec1', format: 'pem' }) as string;
  const ids = [
    readCertificate(certPem, keyPem, 'one'),
    readCertificate(`Bag Attributes\n${certPem.replaceAll('\n', '\r\n')}`, oldStyle, 'two'),
  ].map((read) => read.ok && read.certificate.id);
  expect(ids[0]).toBe(ids[1]);
  expect((await certificateFor(ca, ['a.test'])).id).not.toBe(ids[0]);
});

test.each(['ec', 'rsa', 'ed25519'] as const)('a key of the kind %s is served', async (key) => {
  expect((await certificateFor(ca, ['a.test'], { key })).keyKind).toBe(key);
});

test('one text may hold chain and key together', async () => {
  const { certPem, keyPem } = await chained.issue(['a.test']);
  const read = readCertificate(keyPem + certPem, keyPem + certPem, 'test');
  expect(read.ok && blocks(read.certificate)).toBe(2);
});

describe('the chain', () => {
  test('is put in order, without strangers and repetitions', async () => {
    const { leafPem, keyPem } = await chained.issue(['a.test']);
    const middle = chained.intermediatePem!;
    const given = ca.rootPem + middle + middle + chained.rootPem + leafPem;
    const read = readCertificate(given, keyPem, 'test');
    expect(read.ok && read.certificate.certPem).toBe(leafPem + middle + chained.rootPem);
  });

  test('is refused beyond ten certificates', async () => {
    const { certPem, keyPem } = await ca.issue(['a.test']);
    expect(reasonOf(certPem.repeat(11), keyPem)).toBe('more than 10 certificates');
  });
});

describe('names', () => {
  test('come from the CN only where there are no alternative names', async () => {
    const named = { commonName: 'cn.test' };
    expect((await certificateFor(ca, ['san.test'], named)).names).toEqual(['san.test']);
    expect((await certificateFor(ca, [], { ...named, withoutSan: true })).names).toEqual(['cn.test']);
  });

  test('that no client would accept are left out: partial and inner stars, other characters', async () => {
    const given = ['f*.a.test', 'x.*.a.test', '*', '*.*.a.test', 'a b.test', 'ok.test'];
    expect((await certificateFor(ca, given)).names).toEqual(['ok.test']);
    expect(await refusal(['f*.a.test'], {})).toMatch(/^names no host/);
  });

  test('cannot be smuggled in by a comma', async () => {
    expect((await certificateFor(ca, ['a.test, DNS:evil.test', 'b.test'])).names).toEqual(['b.test']);
  });
});

describe('refused with a reason', () => {
  test('what is no certificate or no key', async () => {
    const { certPem, keyPem } = await ca.issue(['a.test']);
    expect(reasonOf('', keyPem)).toBe('no certificate');
    expect(reasonOf(certPem, certPem)).toBe('no private key');
    expect(reasonOf(certPem, keyPem + keyPem)).toBe('more than one private key');
    expect(reasonOf(certPem.replace(/MII./, 'MIIA'), keyPem)).toBe('certificate 1 cannot be read');
    expect(reasonOf(certPem, keyPem.replace(/\nMI../, '\nAAAA'))).toBe('the private key cannot be read');
  });

  test('half of a file', async () => {
    const { certPem, keyPem } = await ca.issue(['a.test']);
    expect(reasonOf(certPem.slice(0, 300), keyPem)).toBe('no certificate');
    expect(reasonOf(certPem, keyPem.slice(0, 100))).toBe('no private key');
  });

  test('a key of another certificate', async () => {
    const [one, other] = [await ca.issue(['a.test']), await ca.issue(['a.test'])];
    expect(reasonOf(one.certPem, other.keyPem)).toBe('the key does not belong to the certificate');
  });

  test('an encrypted key', async () => {
    const { certPem, keyPem } = await ca.issue(['a.test']);
    const options = { type: 'pkcs8', format: 'pem', cipher: 'aes-128-cbc', passphrase: 'x' } as const;
    const locked = createPrivateKey(keyPem).export(options) as string;
    expect(reasonOf(certPem, locked)).toMatch(/^the private key is encrypted/);
  });

  test('what is weak, or what no client speaks', async () => {
    expect(await refusal(['a.test'], { key: 'rsa-1024' })).toMatch(/^weak key: RSA with 1024 bits/);
    expect(await refusal(['a.test'], { hash: 'SHA-1' })).toMatch(/^weak signature: ecdsa-with-SHA1/i);
    expect(await refusal(['a.test'], { key: 'secp256k1' })).toMatch(/^keys on the curve secp256k1/);
  });

  test('what is larger than 256 KiB', async () => {
    const { certPem, keyPem } = await ca.issue(['a.test']);
    expect(reasonOf(certPem + ' '.repeat(256 * 1024), keyPem)).toBe('larger than 256KiB');
  });

  test('no reason repeats any of the key', async () => {
    const { certPem, keyPem } = await ca.issue(['a.test']);
    const broken = keyPem.replace(/\nMI../, '\nSECRET');
    expect(reasonOf(certPem, broken)).not.toContain('SECRET');
  });
});

test('an expired certificate can be read: whether it is served is decided where time is known', async () => {
  const past = new Date(Date.now() - 1000);
  expect((await certificateFor(ca, ['a.test'], { notAfter: past })).notAfterMs).toBeLessThan(Date.now());
});
