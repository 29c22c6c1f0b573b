import { describe, expect, test } from 'vitest';
import { planCertificates } from '../../../../src/control/acme/names.ts';
import { isShared, labelOf, parseRetryAfter, readProblem } from '../../../../src/control/acme/problem.ts';
import { nextWork } from '../../../../src/control/acme/schedule.ts';
import {
  authorityPause,
  nextAdviceCheck,
  pickInstant,
  renewalTime,
  retryTime,
} from '../../../../src/control/acme/timing.ts';

const [minute, hour, day] = [60_000, 3_600_000, 86_400_000];
const open = { wildcards: true, privateNames: false };

describe('names become certificates', () => {
  const ids = (names: readonly string[], rules = open) =>
    planCertificates(names, rules).plans.map(({ id }) => id);

  test('one for each name, whatever its case and final dot', () => {
    expect(ids(['B.example.com', 'a.example.com.', 'a.example.com'])).toEqual([
      'a.example.com',
      'b.example.com',
    ]);
  });

  test('a wildcard serves what is directly below it, and neither its own domain nor deeper names', () => {
    expect(ids(['*.example.com', 'a.example.com', 'example.com', 'b.a.example.com'])).toEqual([
      ...['_.example.com', 'b.a.example.com', 'example.com'],
    ]);
  });

  test('without dns-01 a wildcard is refused and covers nothing', () => {
    const { plans, refused } = planCertificates(['*.example.com', 'a.example.com'], {
      ...open,
      wildcards: false,
    });
    expect(plans.map(({ id }) => id)).toEqual(['a.example.com']);
    expect(refused).toEqual([{ name: '*.example.com', reason: 'a wildcard needs the challenge dns-01' }]);
  });

  test.each([
    ['10.0.0.1', 'an address'],
    ['[::1]', 'an address'],
    ['localhost', 'without a dot'],
    ['a.localhost', '.localhost'],
    ['printer.local', '.local'],
    ['x.internal', '.internal'],
    ['web.service.consul', '.consul'],
    ['a_b.example.com', 'not a host name'],
    ['-a.example.com', 'not a host name'],
    ['a..example.com', 'not a host name'],
    ['*.*.example.com', 'not a host name'],
    ['a.*.example.com', 'not a host name'],
    ['', 'not a host name'],
    ['../../etc', 'not a host name'],
    ['1.2.3', 'its last label is a number'],
    [`${'a'.repeat(64)}.example.com`, 'not a host name'],
    [`${'a.'.repeat(130)}com`, 'longer than 253'],
  ])('%s is refused', (name, reason) => {
    const { plans, refused } = planCertificates([name], open);
    expect(plans).toEqual([]);
    expect(refused[0]?.reason).toContain(reason);
  });

  test("an authority of one's own signs private names too, but no addresses", () => {
    const rules = { wildcards: false, privateNames: true };
    expect(ids(['localhost', 'a.internal', '127.0.0.1'], rules)).toEqual(['a.internal', 'localhost']);
  });
});

describe('times', () => {
  test.each([
    ['90 days at two thirds', 90 * day, 60 * day],
    ['6 days at half', 6 * day, 3 * day],
  ])('%s, a little earlier by chance', (_, life, latest) => {
    expect(renewalTime(0, life, 0)).toBe(latest);
    expect(renewalTime(0, life, 0.999)).toBeLessThan(latest);
    expect(renewalTime(0, life, 0.999)).toBeGreaterThan(latest - life * 0.05);
  });

  test('the first retry comes soon, others double from a minute to a day, and wait for the authority when it says more', () => {
    const waits = [1, 2, 3, 4, 12, 13, 1000].map((failures) => retryTime(0, failures, null, 1) / minute);
    expect(waits).toEqual([0.25, 1, 2, 4, 1024, 1440, 1440]);
    expect(retryTime(0, 1, 5 * hour, 0)).toBe(5 * hour);
    expect(retryTime(0, 13, minute, 1)).toBe(day);
    expect(retryTime(0, 1, 1e15, 0)).toBe(7 * day);
  });

  test('a pause for the authority is bounded, unless it asks for more', () => {
    expect(authorityPause(1, null, 1)).toBe(5000);
    expect(authorityPause(100, null, 1)).toBe(10 * minute);
    expect(authorityPause(1, hour, 0)).toBe(hour);
    expect(authorityPause(1, 1e15, 0)).toBeLessThan(2 ** 31);
  });

  test('advice is asked for again when the authority says, within a minute and a day', () => {
    expect([null, 1000, hour, 100 * day].map((ms) => nextAdviceCheck(0, ms))).toEqual([
      ...[6 * hour, minute, hour, day],
    ]);
    expect([0, 0.5, 1].map((chance) => pickInstant({ start: 10, end: 20 }, chance))).toEqual([10, 15, 20]);
  });
});

describe('what is next', () => {
  const plan = { id: 'a', names: ['a.example.com'] };
  const certificate = {
    ...{ id: 'a', names: ['a.example.com'], certPem: 'x', keyPem: 'y', fence: 1, certId: 'c' },
    ...{ notBefore: 0, notAfter: 90 * day },
  };
  const advice = { certId: 'c', start: 0, end: 0, renewAt: 50 * day, checkAt: 10 * day, explanation: null };
  const attempts = { failures: 3, nextAt: 70 * day, at: 0, problem: { type: 'x', detail: '', status: 0 } };
  const nothing = { certificate: undefined, advice: undefined, attempts: undefined };

  test.each([
    ['no certificate: order at once', nothing, 0, { kind: 'order', at: 0 }],
    ['no certificate after failures: wait', { ...nothing, attempts }, 0, { kind: 'order', at: 70 * day }],
    ['a certificate without advice: ask for it', { ...nothing, certificate }, 0, { kind: 'advice', at: 0 }],
    ['advice: ask again first', { ...nothing, certificate, advice }, day, { kind: 'advice', at: 10 * day }],
    [
      'advice for an earlier certificate counts for nothing',
      { ...nothing, certificate, advice: { ...advice, certId: 'b' } },
      day,
      { kind: 'advice', at: 0 },
    ],
    [
      'past the advised time: order',
      { ...nothing, certificate, advice },
      51 * day,
      { kind: 'order', at: 50 * day },
    ],
    [
      'past it after failures: wait, and ask meanwhile',
      { certificate, advice: { ...advice, checkAt: 71 * day }, attempts },
      51 * day,
      { kind: 'order', at: 70 * day },
    ],
    [
      'another name than planned: order',
      { ...nothing, certificate: { ...certificate, names: ['b.example.com'] }, advice },
      day,
      { kind: 'order', at: 0 },
    ],
  ] as const)('%s', (_, known, now, expected) => {
    expect(nextWork(plan, known, now)).toEqual(expected);
  });
});

describe('problem documents', () => {
  test('are told with their parts, on one line, and bounded', () => {
    const document = {
      type: 'urn:ietf:params:acme:error:compound',
      detail: 'several\n\u0007things',
      subproblems: [
        { detail: 'no A record', identifier: { type: 'dns', value: 'a.example.com' } },
        { detail: 'x'.repeat(10_000) },
        'nonsense',
      ],
    };
    const { type, detail, status } = readProblem(document, 403);
    expect([type, status]).toEqual(['compound', 403]);
    expect(detail).toMatch(/^several things; a\.example\.com: no A record; xxx/);
    expect(detail.length).toBeLessThanOrEqual(501);
  });

  test.each([[null], ['text'], [[]], [{ type: 5, detail: {} }]])('may be %j', (body) => {
    expect(readProblem(body, 500)).toEqual({ type: 'unknown', detail: 'status 500', status: 500 });
  });

  test.each([
    ['rateLimited', 429, false],
    ['unauthorized', 403, false],
    ['rejectedIdentifier', 400, false],
    ['serverInternal', 500, true],
    ['unknown', 429, true],
    ['unreachable', 0, true],
    ['accountDoesNotExist', 400, true],
  ])("%s with %i is the authority's own: %s", (type, status, expected) => {
    expect(isShared({ type, status, detail: '' })).toBe(expected);
  });

  test('make no series of their own', () => {
    expect(labelOf({ type: 'caa', detail: '', status: 403 })).toBe('caa');
    expect(labelOf({ type: 'invented-1', detail: '', status: 403 })).toBe('other');
  });

  test.each([
    ['120', 120_000],
    ['Thu, 01 Jan 1970 00:01:00 GMT', 59_000],
    ['Thu, 01 Jan 1970 00:00:00 GMT', 0],
    ['soon', null],
    ['-5', null],
    [undefined, null],
  ])('Retry-After %s', (header, expected) => {
    expect(parseRetryAfter(header, 1000)).toBe(expected);
  });
});
