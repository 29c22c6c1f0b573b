import { describe, expect, test } from 'vitest';
import type { CheckFact, Instance } from '../../../../router/model.ts';
import { describeCauses } from '../../../../src/control/history/causes.ts';
import type { Cause, NewsKind } from '../../../../src/control/history/entry.ts';
import { instance, instances } from '../facts.ts';

function words(...causes: readonly Cause[]): string {
  return describeCauses(causes, (check) => (check.startsWith('a@') ? 'answered 500' : null));
}

function news(before: readonly Instance[], after: readonly Instance[], how: NewsKind = 'reported'): Cause {
  return { kind: 'service', service: 'a', before, after, how };
}

function check(status: CheckFact['status'], more: Partial<CheckFact> = {}): CheckFact {
  return { id: 'c', name: 'http', status, output: `now ${status}`, isOfNode: false, ...more };
}

const one = instance('a', 1, { checks: [check('passing')] });

test.each<[string, Partial<Instance>, string]>([
  [
    'a check fails',
    { health: 'critical', checks: [check('critical')] },
    'check http of n/a-1 went from passing to critical: now critical',
  ],
  [
    'a check without a name, and of many lines',
    { checks: [check('passing'), check('warning', { id: 'x', name: '', output: ' a\n\n  b ' })] },
    'check x of n/a-1 is new and warning: a b',
  ],
  [
    'maintenance',
    { checks: [check('passing'), check('maintenance', { id: '_service_maintenance:a-1', output: 'disk' })] },
    'n/a-1 went into maintenance: disk',
  ],
  ['another address', { address: '10.0.0.1' }, 'n/a-1 moved to 10.0.0.1:1001'],
  ['other tags', { tags: ['v2'] }, 'tags of n/a-1 changed: -fairlead:a.test/ +v2'],
  [
    'other weights',
    { weights: { passing: 3, warning: 1 } },
    'weights of n/a-1 changed to 3 and 1 in warning',
  ],
  ['the same again', { createIndex: 9 }, 'n/a-1 was registered anew'],
  ['something else', { meta: { a: 'b' } }, 'a changed'],
])('%s', (_, changes, told) => {
  expect(words(news([one], [{ ...one, ...changes }]))).toBe(told);
});

test('back to normal', () => {
  const bad = { ...one, checks: [check('critical')] };
  expect(words(news([bad], [one]))).toBe('check http of n/a-1 went from critical to passing');
  const away = { ...one, checks: [check('passing'), check('maintenance', { id: 'm' })] };
  expect(words(news([away], [one]))).toBe('n/a-1 came back from maintenance');
  expect(words(news([bad], [{ ...one, checks: [] }]))).toBe('check http of n/a-1, critical, was removed');
});

test('instances and services come and go', () => {
  const [, second] = instances('a', 2);
  expect(words(news([one], [one, second!]))).toBe('n/a-2 of a was registered');
  expect(words(news([one, second!], [second!]))).toBe('n/a-1 of a was deregistered');
  expect(words(news([], [one]))).toBe('a came with 1 instance');
  expect(words(news([one, second!], []))).toBe('a left the catalog');
  expect(words({ kind: 'forgotten', service: 'a' })).toContain('was forgotten');
});

test('what was held says so', () => {
  const [, second] = instances('a', 2);
  expect(words(news([one, second!], [one], 'released'))).toBe(
    'a held loss was applied: n/a-2 of a was deregistered',
  );
  expect(words(news([one], [one, second!], 'taken-back'))).toBe(
    'a loss was taken back: n/a-2 of a was registered',
  );
  expect(words(news([one], [one, second!], 'held'))).toMatch(/^held in part: /);
});

test("KV lines, the configuration and the router's own checks", () => {
  const lines = (text: string): [string, string][] => [['fabio/x', text]];
  const rewritten: Cause = { kind: 'lines', before: lines('one\ntwo'), after: lines('one\n three ') };
  expect(words(rewritten)).toBe('KV fabio/x changed: -two +three');
  expect(words({ kind: 'lines', before: [], after: lines('x') })).toBe('KV fabio/x was written');
  expect(words({ kind: 'lines', before: lines('x'), after: [] })).toBe('KV fabio/x was deleted');
  expect(words({ kind: 'config' })).toBe('the configuration was reloaded');
  const id = 'a@10.0.0.1:80 /up 1000';
  expect(words({ kind: 'check', check: id, isUp: false })).toBe(
    "the router's own check /up of a@10.0.0.1:80 fails: answered 500",
  );
  expect(words({ kind: 'check', check: id, isUp: true })).toMatch(/passes again$/);
  expect(words()).toBe('the router started');
});

describe('limits', () => {
  test('the first few are told, the others counted', () => {
    const many = Array.from({ length: 40 }, (_, i): Cause => ({ kind: 'forgotten', service: `s${i}` }));
    expect(words(...many)).toMatch(/^s0, .*; s4, [^;]*; and 35 more$/);
    const busy = news(instances('a', 9), instances('a', 9, { tags: [] }));
    expect(words(busy, ...many)).toMatch(/^tags of n\/a-1 .*; and 44 more$/);
  });

  test('the saved catalog is one cause, however large', () => {
    const saved = Array.from({ length: 40 }, () => news([], [one], 'saved'));
    expect(words(...saved, { kind: 'config' })).toBe(
      'the saved catalog was loaded: 40 services; the configuration was reloaded',
    );
  });

  test('long outputs and tags are cut', () => {
    const long = 'x'.repeat(4_000);
    const told = words(
      news([one], [{ ...one, tags: [long], checks: [check('critical', { output: long })] }]),
      news([one], [{ ...one, checks: [check('critical', { name: long })] }]),
    );
    expect(told.length).toBeLessThan(1_600);
  });
});
