import { describe, expect, test } from 'vitest';
import { configOf, loadOk, problemsOf } from './loading.ts';

const files = { '/token': ' from-file \n', '/other': 'other', '/empty': ' \n', '/bad': 'two words' };

describe('the token of Consul', () => {
  test.each([
    ['of the file', { yaml: 'consul: { token: a }' }, 'a'],
    ['of a token file', { yaml: 'consul: { tokenFile: /token }' }, 'from-file'],
    ['of both: the token file wins', { yaml: 'consul: { token: a, tokenFile: /token }' }, 'from-file'],
    ['of an empty token file: the token is used', { yaml: 'consul: { token: a, tokenFile: /empty }' }, 'a'],
    ['of the environment', { env: { CONSUL_HTTP_TOKEN: 'b' } }, 'b'],
    ['of its token file', { env: { CONSUL_HTTP_TOKEN: 'b', CONSUL_HTTP_TOKEN_FILE: '/token' } }, 'from-file'],
    [
      'environment over token file of the file',
      { yaml: 'consul: { tokenFile: /token }', env: { CONSUL_HTTP_TOKEN: 'b' } },
      'b',
    ],
    ['ours over HashiCorp’s', { env: { CONSUL_HTTP_TOKEN_FILE: '/token', FAIRLEAD_CONSUL_TOKEN: 'c' } }, 'c'],
    [
      'ours may be a file',
      { env: { CONSUL_HTTP_TOKEN: 'b', FAIRLEAD_CONSUL_TOKEN_FILE: '/other' } },
      'other',
    ],
  ])('%s', (_, given, expected) => {
    expect(configOf({ ...given, files }).consul.token).toBe(expected);
  });

  test('the path of a winning token file stays, so that it can be read again', () => {
    expect(configOf({ yaml: 'consul: { tokenFile: /token }', files }).consul.tokenFile).toBe('/token');
    const env = { CONSUL_HTTP_TOKEN: 'b' };
    expect(configOf({ yaml: 'consul: { tokenFile: /token }', env, files }).consul.tokenFile).toBeNull();
  });

  test('an unreadable token file is a problem, an empty one a warning', () => {
    expect(problemsOf({ env: { CONSUL_HTTP_TOKEN: 'b', CONSUL_HTTP_TOKEN_FILE: '/nope' } })).toEqual([
      'environment CONSUL_HTTP_TOKEN_FILE: consul.tokenFile: cannot read /nope: there is no such file',
    ]);
    expect(loadOk({ yaml: 'consul: { tokenFile: /empty }', files }).warnings).toEqual([
      'fairlead.yaml:1:22: consul.tokenFile: /empty is empty, no token is sent',
    ]);
  });
});

describe('the admin token', () => {
  test('comes from either twin', () => {
    expect(configOf({ yaml: 'admin: { address: ":1", tokenFile: /token }', files }).admin.token).toBe(
      'from-file',
    );
    expect(configOf({ env: { FAIRLEAD_ADMIN_TOKEN: 'x' } }).admin.token).toBe('x');
  });

  test.each([
    ['/nope', 'admin.tokenFile: cannot read /nope: there is no such file'],
    ['/empty', 'admin.tokenFile: /empty is empty'],
    ['/bad', 'admin.tokenFile: the content of /bad holds characters that cannot be sent in a header'],
  ])('a token file %s is one problem, also on an open address', (path, message) => {
    expect(problemsOf({ yaml: `admin: { address: ":1", tokenFile: ${path} }`, files })).toEqual([
      `fairlead.yaml:1:36: ${message}`,
    ]);
  });
});

test('no message repeats a secret', () => {
  const given = {
    yaml: 'consul: { token: "hush hush" }\nadmin: { token: [hush] }',
    env: {
      FAIRLEAD_ADMIN_TOKEN: 'hu\u0001sh',
      CONSUL_HTTP_ADDR: 'http://me:hush@consul:8500',
      CONSUL_HTTP_AUTH: 'hush',
    },
  };
  const problems = problemsOf(given);
  expect(problems).toHaveLength(5);
  expect(problems.join('\n')).not.toMatch(/hush|hu.sh/);
});
