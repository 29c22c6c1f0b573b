import { describe, expect, test } from 'vitest';
import { configOf, cwd, load, problemsOf } from './loading.ts';

const origins = (yaml: string, env: NodeJS.ProcessEnv = {}, files: Record<string, string> = {}) =>
  configOf({ yaml: `tls: { certificates: [${yaml}] }`, env, files }).tls.certificates;
const at = 'fairlead.yaml:1:23';
const both = ['fairlead:tls:', 'tls:'];

describe('tls.certificates', () => {
  test.each([
    ['{ folder: ./certs }', { kind: 'folder', folder: `${cwd}/certs`, passwordFile: null }],
    ['{ folder: /c, passwordFile: p }', { kind: 'folder', folder: '/c', passwordFile: `${cwd}/p` }],
    [
      '{ certFile: a.crt, keyFile: a.key }',
      { kind: 'files', certFile: `${cwd}/a.crt`, keyFile: `${cwd}/a.key` },
    ],
    ['{ certFile: a.pem }', { kind: 'files', certFile: `${cwd}/a.pem`, keyFile: `${cwd}/a.pem` }],
    ['{ pkcs12File: a.p12 }', { kind: 'pkcs12', file: `${cwd}/a.p12`, passwordFile: null }],
    ['{ consulKv: /fairlead/tls/ }', { kind: 'consul-kv', prefix: 'fairlead/tls' }],
    ['{ redis: { url: "redis://r:1/2" } }', { kind: 'redis', url: 'redis://r:1/2', prefixes: both }],
    [
      '{ redis: { url: "rediss://r", prefix: "x:" } }',
      { kind: 'redis', url: 'rediss://r', prefixes: ['x:'] },
    ],
  ])('%s', (yaml, expected) => {
    expect(origins(yaml)).toEqual([{ ...expected, at }]);
  });

  test('Redis takes its URL from a file or from REDIS_URL; its own wins', () => {
    const env = { REDIS_URL: 'redis://shared:6379' };
    const files = { '/run/redis': 'redis://:secret@r:6379\n' };
    const url = (yaml: string): unknown => (origins(yaml, env, files)[0] as { url?: string }).url;
    expect(url('{ redis: }')).toBe('redis://shared:6379');
    expect(url('{ redis: { urlFile: /run/redis } }')).toBe('redis://:secret@r:6379');
    expect(url('{ redis: { url: "redis://own" } }')).toBe('redis://own');
  });

  test.each([
    ['{}', /needs exactly one of folder, certFile, pkcs12File, consulKv, redis$/],
    ['{ folder: a, consulKv: b }', /needs exactly one of/],
    ['{ keyFile: a }', /"keyFile" needs "certFile" as well$/],
    ['{ certFile: a, passwordFile: b }', /"passwordFile" is for "folder" and "pkcs12File"$/],
    ['{ consulKv: / }', /"consulKv" names no folder of keys$/],
    ['{ foldr: a }', /unknown key "foldr" in tls\.certificates\[0\]; did you mean "folder"\?$/],
    ['{ redis: }', /redis needs "url", "urlFile" or REDIS_URL$/],
    ['{ redis: { url: "http://:secret@r" } }', /redis: not a URL of Redis: write redis:/],
    ['{ redis: { url: "redis://r", urlFile: f } }', /redis has either "url" or "urlFile", not both$/],
    ['{ redis: { urlFile: /none } }', /redis\.urlFile: cannot read \/none: there is no such file$/],
  ])('%s is a problem with its place', (yaml, message) => {
    const problems = problemsOf({ yaml: `tls: { certificates: [${yaml}] }` });
    expect(problems[0]).toMatch(/^fairlead\.yaml:1:\d+: /);
    expect(problems[0]).toMatch(message);
    expect(problems.join()).not.toContain('secret');
  });
});

test('tls.default is a name that a certificate can have', () => {
  expect(configOf({ yaml: 'tls: { default: "*.Example.com" }' }).tls.defaultName).toBe('*.example.com');
  expect(configOf({ env: { FAIRLEAD_TLS_DEFAULT: 'a.test' } }).tls.defaultName).toBe('a.test');
  expect(problemsOf({ yaml: 'tls: { default: "a b" }' })).toEqual([
    'fairlead.yaml:1:17: tls.default: "a b" is not a name that a certificate can have',
  ]);
});

test('tls.default and tls.strict exclude each other', () => {
  expect(load({ yaml: 'tls: { default: a.test, strict: true }' })).toMatchObject({
    ok: false,
    problems: [{ message: expect.stringContaining('remove one') }],
  });
});
