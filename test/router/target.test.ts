import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { normalPath } from '../../router/paths.ts';
import { cutTrailingSlash, normalisePath, parseLocation, parseTarget } from '../../router/target.ts';

describe('targets', () => {
  test.each([
    ['a.example.com', 'a.example.com', '/'],
    ['a.example.com/', 'a.example.com', '/'],
    ['A.example.com/Api/v1', 'a.example.com', '/Api/v1'],
    ['*.example.com/api', '*.example.com', '/api'],
    ['/api', '', '/api'],
    ['/', '', '/'],
    ['[::1]/x', '[::1]', '/x'],
    ['tcp/x', 'tcp', '/x'],
  ])('%s is host %j and path %s', (text, host, path) => {
    expect(parseTarget(text)).toEqual({ ok: true, value: { host, path } });
  });

  test.each([
    ['tcp:5432', '', { kind: 'tcp', port: 5432 }],
    ['udp:53', '', { kind: 'udp', port: 53 }],
    ['sni:DB.example.com', 'db.example.com', { kind: 'sni', port: null }],
    ['sni:*.example.com:5432', '*.example.com', { kind: 'sni', port: 5432 }],
  ])('%s is a stream for host %j', (text, host, stream) => {
    expect(parseTarget(text)).toEqual({ ok: true, value: { host, path: '/', stream } });
  });

  test.each([
    ['', 'the target is missing'],
    ['http://a.com/', 'starts with "http://"'],
    ['//a.com/', 'starts with "//"'],
    ['udp:0', 'needs a port'],
    ['tcp:', 'tcp: needs a port from 1 to 65535, not ""'],
    ['tcp:70000', 'needs a port'],
    ['udp:dns', 'needs a port'],
    ['sni:', 'is empty'],
    ['sni:a..b', 'empty label'],
    ['sni:a.com:0', 'needs a port'],
    ['sni:*:443', 'would take every name'],
    ['sni:10.0.0.1:443', 'is an address'],
    ['sni:[::1]:443', 'is an address'],
    ['a.com?x=1', 'cannot contain "?"'],
  ])('%j is refused: %s', (text, reason) => {
    expect(parseTarget(text)).toEqual({ ok: false, reason: expect.stringContaining(reason) });
  });
});

describe('paths of rules', () => {
  test.each([
    ['/a/b', '/a/b'],
    ['/a/', '/a/'],
    ['/%61%2D%5f%7E', '/a-_~'],
    ['/a%2fb%3f', '/a%2Fb%3F'],
    ["/a!$&'()*+,;=:@", "/a!$&'()*+,;=:@"],
    ['/...', '/...'],
    ['/.well-known', '/.well-known'],
  ])('%s reads as %s', (text, path) => {
    expect(normalisePath(text)).toEqual({ ok: true, value: path });
  });

  test.each([
    ['', 'must start with "/"'],
    ['a', 'must start with "/"'],
    ['/a?b', 'cannot contain "?" (position 3); a rule has no query'],
    ['/a#b', 'cannot contain "#"'],
    ['/a b', 'cannot contain " "'],
    ['/a\0', 'cannot contain "\\u{0000}"'],
    ['/a\\b', 'cannot contain "\\\\"'],
    ['/{id}', 'cannot contain "{" (position 2); percent-encode it'],
    ['/é', 'cannot contain "é"'],
    ['/a\u202eb', 'cannot contain "\\u{202E}"'],
    ['/%', 'broken percent escape at position 2'],
    ['/a%2', 'broken percent escape at position 3'],
    ['/%zz', 'broken percent escape'],
    ['/%00', 'encoded control character'],
    ['/%0a', 'encoded control character'],
    ['/%7f', 'encoded control character'],
    ['//a', 'empty segment'],
    ['/a//b', 'empty segment'],
    ['/.', 'dot segment'],
    ['/a/../b', 'dot segment'],
    ['/a/..', 'dot segment'],
    ['/%2e%2E/a', 'dot segment'],
  ])('%j is refused: %s', (text, reason) => {
    expect(normalisePath(text)).toEqual({ ok: false, reason: expect.stringContaining(reason) });
  });

  test('a rule’s path is the form requests for it are matched on', () => {
    const pieces = fc.constantFrom(
      '/',
      'a',
      'B',
      '.',
      '..',
      '%41',
      '%2f',
      '%2E',
      '%25',
      '%',
      '//',
      '-',
      '%00',
      '?',
    );
    fc.assert(
      fc.property(fc.array(pieces, { maxLength: 8 }), (parts) => {
        const path = normalisePath(`/${parts.join('')}`);
        if (!path.ok) return;
        expect(normalPath(`/${parts.join('')}`)).toBe(path.value);
        expect(normalisePath(path.value)).toEqual(path);
      }),
      { numRuns: 2000 },
    );
  });

  test('a trailing slash is cut, except from "/"', () => {
    expect(['/', '/a', '/a/'].map(cutTrailingSlash)).toEqual(['/', '/a', '/a']);
  });
});

describe('places redirects lead to', () => {
  test.each([
    ['https://example.com', 'https://example.com'],
    ['HTTP://example.com:8080/a?b=c#d', 'HTTP://example.com:8080/a?b=c#d'],
    ['https://$host$path', 'https://$host$path'],
    ['https://$host:8443$path', 'https://$host:8443$path'],
    ['https://www.$host/$path', 'https://www.$host$path'],
    ['https://[::1]/a,b', 'https://[::1]/a,b'],
    ['/new', '/new'],
    ['/new/$path', '/new$path'],
  ])('%s is taken as %s', (text, location) => {
    expect(parseLocation(text)).toEqual({ ok: true, value: location });
  });

  test.each([
    ['', 'must start with'],
    ['example.com', 'must start with'],
    ['javascript:alert(1)', 'must start with'],
    ['ftp://a/', 'must start with'],
    ['//evil.com/', 'foreign host'],
    ['/$path', 'foreign host'],
    ['$path', 'foreign host'],
    ['/\\evil.com', 'cannot contain'],
    ['https://', 'no usable host'],
    ['https:///a', 'no usable host'],
    ['https://user@a.com/', 'no usable host'],
    ['https://$path', 'no usable host'],
    ['https://a.com/a b', 'cannot contain " "'],
    ['https://a.com/\r\nSet-Cookie:x', 'cannot contain "\\u{000D}"'],
    ['https://a.com/é', 'percent-encode it'],
    ['https://a.com/"', 'cannot contain'],
  ])('%j is refused: %s', (text, reason) => {
    expect(parseLocation(text)).toEqual({ ok: false, reason: expect.stringContaining(reason) });
  });
});
