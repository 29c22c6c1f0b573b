import { expect, test } from 'vitest';
import { normalizeCertificateName, normalizeServerName, wildcardFor } from '../../tls/server-name.ts';

test.each([
  ['A.TEST', 'a.test'],
  ['a.test.', 'a.test'],
  ['xn--bcher-kva.test', 'xn--bcher-kva.test'],
  ['_x.a.test', '_x.a.test'],
  ['localhost', 'localhost'],
  [`${'a.'.repeat(126)}b`, `${'a.'.repeat(126)}b`],
])('C03: %j is looked up as %j', (given, expected) => {
  expect(normalizeServerName(given)).toBe(expected);
});

test.each([
  '',
  '.',
  '..',
  'a..test',
  '.a.test',
  'a.test..',
  '10.0.0.1',
  '::1',
  '1.2.3',
  'a\0.test',
  'bücher.test',
  'a b.test',
  '*.a.test',
  '-a.test',
  'a-.test',
  `${'a'.repeat(64)}.test`,
  'a'.repeat(255),
  `${'a.'.repeat(127)}b`,
  'a/../b',
])('C02: %j is no server name', (given) => {
  expect(normalizeServerName(given)).toBeNull();
});

test.each([
  ['*.Example.COM', '*.example.com'],
  ['bücher.test', 'xn--bcher-kva.test'],
  ['10.0.0.1', '10.0.0.1'],
  ['0:0:0:0:0:0:0:1', '::1'],
  ['2001:DB8:0:0:0:0:0:1', '2001:db8::1'],
  ['*', null],
  ['a*.test', null],
  ['*.*.test', null],
  ['*.10.0.0.1', null],
])('a name of a certificate: %j is %j', (given, expected) => {
  expect(normalizeCertificateName(given)).toBe(expected);
});

test('a wildcard stands for one label', () => {
  expect(wildcardFor('shop.example.com')).toBe('*.example.com');
  expect(wildcardFor('localhost')).toBeNull();
});
