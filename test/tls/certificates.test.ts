import { beforeAll, describe, expect, test } from 'vitest';
import type { Certificate } from '../../tls/certificate.ts';
import { Certificates, type Choice } from '../../tls/certificates.ts';
import {
  certificateFor,
  createTestCa,
  DAY_MS,
  type IssueOptions,
  type TestCa,
} from '../support/certificates.ts';

let ca: TestCa;

beforeAll(async () => {
  ca = await createTestCa();
});

const make = (names: readonly string[], options?: IssueOptions): Promise<Certificate> =>
  certificateFor(ca, names, options);
const inDays = (days: number): Date => new Date(Date.now() + days * DAY_MS);
const idsIn = (choice: Choice): readonly string[] =>
  choice.kind === 'none' ? [] : choice.certificates.map(({ id }) => id);

function storeOf(set: readonly Certificate[], defaultId: string | null = null): Certificates {
  const store = new Certificates();
  store.apply(set, defaultId);
  return store;
}

describe('which certificate a name gets', () => {
  test('exact before wildcard, a wildcard for one label only', async () => {
    const exact = await make(['shop.a.test']);
    const wildcard = await make(['*.a.test']);
    const store = storeOf([wildcard, exact]);
    expect(idsIn(store.contextFor('shop.a.test'))).toEqual([exact.id]);
    expect(idsIn(store.contextFor('x.a.test'))).toEqual([wildcard.id]);
    expect(store.contextFor('x.y.a.test').kind).toBe('none');
    expect(store.contextFor('a.test').kind).toBe('none');
  });

  test('C03: neither case nor a dot at the end matters', async () => {
    const one = await make(['a.test']);
    const store = storeOf([one]);
    for (const name of ['a.test', 'A.TEST', 'a.test.'])
      expect(idsIn(store.contextFor(name))).toEqual([one.id]);
  });

  test('C01: an unknown name gets the default certificate, or none', async () => {
    const [one, other] = [await make(['a.test']), await make(['b.test'])];
    expect(storeOf([one, other]).contextFor('x.test')).toEqual({ kind: 'none' });
    expect(idsIn(storeOf([one, other], other.id).contextFor('x.test'))).toEqual([other.id]);
  });

  test.each([
    '',
    '10.0.0.1',
    'a\0.test',
    'ü.test',
    '..',
    'a'.repeat(255),
    '*.a.test',
    '__proto__',
    'constructor',
  ])('C02: %j is treated as no name', async (name) => {
    const one = await make(['a.test']);
    expect(storeOf([one]).contextFor(name)).toEqual({ kind: 'none' });
    expect(idsIn(storeOf([one], one.id).contextFor(name))).toEqual([one.id]);
  });

  test('an address in a certificate is no server name', async () => {
    expect(storeOf([await make(['10.0.0.1', 'a.test'])]).contextFor('10.0.0.1').kind).toBe('none');
  });

  test('RSA and EC certificates of one name are served together, the newest of each kind', async () => {
    const rsa = await make(['a.test'], { key: 'rsa' });
    const older = await make(['a.test'], { notAfter: inDays(10) });
    const newer = await make(['a.test', 'b.test'], { notAfter: inDays(20) });
    const store = storeOf([older, rsa, newer]);
    expect(idsIn(store.contextFor('a.test'))).toEqual([newer.id, rsa.id]);
    expect(idsIn(store.contextFor('b.test'))).toEqual([newer.id]);
  });

  test('what has expired loses against what has not, whatever the kind of its key', async () => {
    const expired = await make(['a.test'], { key: 'rsa', notAfter: inDays(-1) });
    const valid = await make(['a.test'], { notAfter: inDays(1) });
    expect(idsIn(storeOf([expired, valid]).contextFor('a.test'))).toEqual([valid.id]);
    expect(idsIn(storeOf([expired]).contextFor('a.test'))).toEqual([expired.id]);
  });
});

describe('contexts', () => {
  test('are made once and survive a change of others', async () => {
    const [one, other, third] = [await make(['a.test']), await make(['b.test']), await make(['c.test'])];
    const store = storeOf([one, other]);
    const before = store.contextFor('a.test');
    expect(store.contextFor('A.test')).toBe(before);
    store.apply([one, third], null);
    expect(store.contextFor('a.test')).toBe(before);
    expect(store.contextFor('b.test').kind).toBe('none');
    expect(store.contextFor('c.test').kind).toBe('context');
  });

  test('C18: a new certificate of a name is served from the next handshake on', async () => {
    const old = await make(['a.test'], { notAfter: inDays(1) });
    const store = storeOf([old]);
    expect(idsIn(store.contextFor('a.test'))).toEqual([old.id]);
    const fresh = await make(['a.test'], { notAfter: inDays(2) });
    store.apply([fresh], null);
    expect(idsIn(store.contextFor('a.test'))).toEqual([fresh.id]);
  });

  test('are bounded: the one that was used longest ago is given up', async () => {
    const set = await Promise.all(['a.test', 'b.test', 'c.test'].map((name) => make([name])));
    const store = new Certificates({ mostContexts: 2 });
    store.apply(set, null);
    const [a, b] = [store.contextFor('a.test'), store.contextFor('b.test')];
    store.contextFor('a.test');
    store.contextFor('c.test');
    expect(store.contextFor('a.test')).toBe(a);
    expect(store.contextFor('b.test')).not.toBe(b);
  });

  test('a pair that the library refuses after all is none, not an exception', async () => {
    const broken = { ...(await make(['a.test'])), keyPem: 'nonsense' };
    expect(storeOf([broken]).contextFor('a.test')).toEqual({ kind: 'none' });
  });
});

test('nothing applied means nothing served', () => {
  expect(new Certificates().contextFor('a.test')).toEqual({ kind: 'none' });
});
