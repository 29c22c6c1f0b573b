import pino from 'pino';
import { beforeAll, describe, expect, test } from 'vitest';
import { chooseLive } from '../../../../src/control/certificates/live-set.ts';
import type { CertificateSource, OnCertificates } from '../../../../src/control/certificates/source.ts';
import { CertificateStore } from '../../../../src/control/certificates/store.ts';
import { certificatesView } from '../../../../src/control/certificates/view.ts';
import type { ToWorker } from '../../../../src/shared/messages.ts';
import type { Certificate } from '../../../../tls/certificate.ts';
import {
  certificateFor,
  createTestCa,
  DAY_MS,
  type IssueOptions,
  type TestCa,
} from '../../../support/certificates.ts';

let ca: TestCa;
const now = Date.now();

beforeAll(async () => {
  ca = await createTestCa();
});

const make = (name: string, options?: IssueOptions): Promise<Certificate> =>
  certificateFor(ca, name.split(' '), options, `source of ${name}`);
const inDays = (days: number): Date => new Date(now + days * DAY_MS);
const open = { defaultName: null, isStrict: false };

describe('what is live', () => {
  test('one that begins later waits, and is served from its first second', async () => {
    const later = await make('a.test', { notBefore: inDays(1) });
    const before = chooseLive([later], open, now);
    expect([before.set, before.nextChangeMs]).toEqual([[], later.notBeforeMs]);
    expect(before.refused[0]?.reason).toMatch(/^not valid before 20/);
    expect(chooseLive([later], open, later.notBeforeMs).set).toEqual([later]);
  });

  test('an expired one is served only for want of a valid one', async () => {
    const expired = await make('a.test', { notAfter: inDays(-1) });
    const valid = await make('a.test b.test');
    const wildcard = await make('*.test');
    expect(chooseLive([expired], open, now)).toMatchObject({ set: [expired], refused: [] });
    expect(chooseLive([expired, valid], open, now)).toMatchObject({
      set: [valid],
      refused: [{ source: 'source of a.test', reason: expect.stringMatching(/^expired at 20/) }],
    });
    expect(chooseLive([expired, wildcard], open, now).set).toEqual([wildcard]);
  });

  test('one that expires while it is served goes when another has its name', async () => {
    const old = await make('a.test', { notAfter: inDays(1) });
    const fresh = await make('a.test', { notAfter: inDays(2) });
    const live = chooseLive([old, fresh], open, now);
    expect([live.set.length, live.nextChangeMs]).toEqual([2, old.notAfterMs]);
    expect(chooseLive([old, fresh], open, old.notAfterMs).set).toEqual([fresh]);
  });

  test('the same certificate from two sources counts once, with the first source', async () => {
    const one = await make('a.test');
    expect(chooseLive([one, { ...one, source: 'elsewhere' }], open, now).set).toEqual([one]);
  });

  test('the default is the named one, else the first, else under strict none', async () => {
    const [a, b] = [await make('a.test'), await make('*.b.test', { notAfter: inDays(5) })];
    const newer = await make('*.b.test', { notAfter: inDays(6) });
    const defaultOf = (defaultName: string | null, isStrict = false): string | null =>
      chooseLive([a, b, newer], { defaultName, isStrict }, now).defaultId;
    expect(defaultOf(null)).toBe(a.id);
    expect(defaultOf(null, true)).toBeNull();
    expect(defaultOf('*.b.test')).toBe(newer.id);
    expect(defaultOf('x.b.test')).toBe(newer.id);
    expect(defaultOf('unknown.test')).toBeNull();
  });
});

type Sent = Extract<ToWorker, { type: 'certificates' }>;

interface Setting {
  readonly store: CertificateStore;
  readonly tell: readonly OnCertificates[];
  readonly sent: Sent[];
  readonly lines: { level: string; msg: string }[];
  at: number;
}

async function setUp(sources = 1): Promise<Setting> {
  const tell: OnCertificates[] = [];
  const sent: Sent[] = [];
  const lines: { level: string; msg: string }[] = [];
  const source = (name: string): CertificateSource => ({
    name,
    watch(onCertificates) {
      tell.push(onCertificates);
      onCertificates([], []);
    },
  });
  const formatters = { level: (level: string) => ({ level }) };
  const log = pino(
    { base: null, formatters },
    { write: (line: string) => void lines.push(JSON.parse(line)) },
  );
  const setting = { tell, sent, lines, at: now };
  const store = new CertificateStore({
    ...open,
    sources: Array.from({ length: sources }, (_, index) => source(`source ${index}`)),
    log,
    broadcast: (message) => void sent.push(message),
    now: () => setting.at,
  });
  await store.start(new AbortController().signal);
  return Object.assign(setting, { store });
}

describe('the store', () => {
  test('warns of an end that nears: two weeks before, or when a quarter of a short life is left', async () => {
    const setting = await setUp();
    const [long, short] = [
      await make('long.test', { notBefore: inDays(-60), notAfter: inDays(15) }),
      await make('short.test', { notBefore: inDays(0), notAfter: inDays(6) }),
    ];
    const warned = (): number => setting.lines.filter(({ msg }) => msg.includes('expires soon')).length;
    setting.tell[0]!([long, short], []);
    expect(warned()).toBe(0);
    setting.at = inDays(2).getTime();
    setting.store.tick();
    expect(warned()).toBe(1);
    setting.at = inDays(5).getTime();
    setting.store.tick();
    expect(warned()).toBe(2);
  });

  test('sends workers what changed, each chain and key once, and everything to a fresh one', async () => {
    const { store, tell, sent } = await setUp(2);
    const [a, b] = [await make('a.test'), await make('b.test')];
    tell[0]!([a], []);
    tell[1]!([b], []);
    tell[0]!([a], []);
    tell[0]!([], []);
    const base = { type: 'certificates', reset: false };
    expect(sent).toEqual([
      { ...base, set: [a], drop: [], defaultId: a.id },
      { ...base, set: [b], drop: [], defaultId: a.id },
      { ...base, set: [], drop: [a.id], defaultId: b.id },
    ]);
    expect(store.full()).toEqual({ ...base, set: [b], drop: [], reset: true, defaultId: b.id });
  });

  test('says once what is set aside, what is served, and what nears its end', async () => {
    const setting = await setUp();
    const { store, tell, lines } = setting;
    const soon = await make('a.test', { notBefore: inDays(-60), notAfter: inDays(20) });
    const bad = { source: 'file b.pem', reason: 'no private key' };
    tell[0]!([soon], [bad]);
    tell[0]!([soon], [bad]);
    store.tick();
    expect(lines.map(({ level, msg }) => `${level} ${msg}`)).toEqual([
      'warn certificate is set aside',
      'info certificate is served',
    ]);
    setting.at = now + 7 * DAY_MS;
    store.tick();
    store.tick();
    expect(lines.slice(2)).toEqual([
      expect.objectContaining({ level: 'warn', names: ['a.test'], source: 'source of a.test' }),
    ]);
    expect(JSON.stringify(lines)).not.toContain('PRIVATE');
  });

  test('serves a certificate from its first second without news from its source', async () => {
    const setting = await setUp();
    const later = await make('a.test', { notBefore: inDays(1) });
    setting.tell[0]!([later], []);
    expect(setting.store.refused.length).toBe(1);
    setting.at = now + DAY_MS + 1_000;
    setting.store.tick();
    expect([setting.store.live, setting.store.refused]).toEqual([[later], []]);
  });

  test('shows names, validity and source, and never a key', async () => {
    const { store, tell } = await setUp();
    const one = await make('a.test *.a.test');
    tell[0]!([one], [{ source: 'file b.pem', reason: 'no private key' }]);
    const view = certificatesView({ certificates: store, acme: null });
    expect(view).toEqual({
      certificates: [
        {
          names: ['a.test', '*.a.test'],
          notBefore: expect.stringMatching(/^\d{4}-.*Z$/),
          notAfter: expect.stringMatching(/^\d{4}-.*Z$/),
          issuer: 'Test Root',
          keyKind: 'ec',
          source: 'source of a.test *.a.test',
          default: true,
          id: one.id,
        },
      ],
      refused: [{ source: 'file b.pem', reason: 'no private key' }],
      acme: null,
    });
  });
});
