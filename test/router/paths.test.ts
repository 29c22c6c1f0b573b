import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isStripped, normalPath, pathEnd, rewriteTarget } from '../../router/paths.ts';

test.each([
  ['/', 1],
  ['/a?b', 2],
  ['/a?b?c', 2],
  ['?', 0],
  ['', 0],
  ['/a%3Fb', 6],
])('the path of %j ends at %d', (target, end) => {
  expect(pathEnd(target)).toBe(end);
});

describe('the normal form', () => {
  test.each([
    ['/', '/'],
    ['/a/b/', '/a/b/'],
    ['/%61%7E%2d%2E%5f%41%30', '/a~-._A0'],
    ['/a%2fb', '/a%2Fb'],
    ['/a%2Fb', '/a%2Fb'],
    ['/%c3%a9', '/%C3%A9'],
    ['/a%20b%3f%23%25', '/a%20b%3F%23%25'],
    ['/%2541', '/%2541'],
    ['//', '/'],
    ['//a///b//', '/a/b/'],
    ['/a/%2F/b', '/a/%2F/b'],
    ['/.well-known/x', '/.well-known/x'],
    ['/...', '/...'],
    ['/..a/b..', '/..a/b..'],
    ['/a.', '/a.'],
    ['/a;p=1/b,c', '/a;p=1/b,c'],
  ])('of %s is %s', (path, normal) => {
    expect(normalPath(path)).toBe(normal);
  });

  test.each([
    '/.',
    '/..',
    '/./',
    '/../',
    '/a/./b',
    '/a/../b',
    '/a/..',
    '//..',
    '/%2e',
    '/%2E%2e/a',
    '/.%2e',
    '/a/%2e./b',
    '/%00',
    '/a%00b',
    '/%',
    '/%4',
    '/%zz',
    '/%4g',
    '/a%',
    '/%%41',
  ])('%s is refused', (path) => {
    expect(normalPath(path)).toBeNull();
  });

  const piece = fc.constantFrom(
    '/',
    '.',
    '..',
    '%2e',
    '%2F',
    '%41',
    '%',
    '%zz',
    '%00',
    '%25',
    'a',
    'Z',
    '~',
    'é',
  );
  const path = fc.oneof(
    fc.array(piece, { maxLength: 12 }).map((pieces) => `/${pieces.join('')}`),
    fc.string({ unit: 'binary' }).map((text) => `/${text}`),
  );

  test('is its own normal form, and has no dot segment, no double slash and no escape that need not be', () => {
    fc.assert(
      fc.property(path, (text) => {
        const normal = normalPath(text);
        if (normal === null) return;
        expect(normalPath(normal)).toBe(normal);
        expect(normal).not.toMatch(
          /\/\/|\/\.\.?(\/|$)|%(?:[46][1-9a-fA-F]|[57][0-9aA]|3\d|2[dDeE]|5[fF]|7[eE]|00)/,
        );
        expect(normal.replaceAll(/%[0-9A-F]{2}/g, '')).not.toContain('%');
      }),
      { seed: 11, numRuns: 5_000 },
    );
  });

  test('a clean path is returned as it is', () => {
    const clean = `/${'segment/'.repeat(100)}`;
    expect(normalPath(clean)).toBe(clean);
  });

  test('a long hostile path costs little', () => {
    for (const text of ['%', '/.', '//', '%2e', '/%2e', '%41']) normalPath(`/${text.repeat(50_000)}`);
  });
});

describe('what is stripped', () => {
  test.each([
    ['/api', '/api', false, true],
    ['/api/', '/api', false, true],
    ['/api/x', '/api', false, true],
    ['/apix', '/api', false, false],
    ['/apix', '/api', true, true],
    ['/ap', '/api', true, false],
    ['/x/api', '/api', true, false],
    ['/api/x', '/api/', true, true],
    ['/api/x', '/', true, false],
    ['/api/x', undefined, true, false],
    ['/API/x', '/api', false, false],
    ['/a%2Fb', '/a', false, false],
  ])('from %s, %s (text: %s): %s', (path, strip, isText, expected) => {
    expect(isStripped(path, strip, isText)).toBe(expected);
  });

  test.each(['/ap..', '/ap../secret', '/ap.', '/ap./x'])(
    'plain text never leaves %s as a dot segment',
    (path) => {
      expect(isStripped(path, '/ap', true)).toBe(false);
      expect(rewriteTarget(path, path, '', { strip: '/ap', prefix: '/public' }, true)).toBe(`/public${path}`);
    },
  );

  test('dots that are no dot segment are stripped as usual', () => {
    expect(rewriteTarget('/ap..x', '/ap..x', '', { strip: '/ap' }, true)).toBe('/..x');
    expect(rewriteTarget('/ap...', '/ap...', '', { strip: '/ap' }, true)).toBe('/...');
  });
});

describe('the target for the upstream', () => {
  /** Target as received, options, what the upstream sees; the path is normalised as requests are. */
  test.each([
    ['/a//b%2f?x=1', {}, '/a//b%2f?x=1'],
    ['/api/x?q=/api', { strip: '/api' }, '/x?q=/api'],
    ['/api?q', { strip: '/api' }, '/?q'],
    ['/api?', { strip: '/api' }, '/?'],
    ['/api/', { strip: '/api' }, '/'],
    ['/apix', { strip: '/api' }, '/apix'],
    ['//apix/%7E?y', { strip: '/api' }, '//apix/%7E?y'],
    ['/%61pi//x%2f', { strip: '/api' }, '/x%2F'],
    ['/x', { prefix: '/p' }, '/p/x'],
    ['/', { prefix: '/p' }, '/p/'],
    ['/api', { strip: '/api', prefix: '/p' }, '/p'],
    ['/api/x?a=b', { strip: '/api', prefix: '/p' }, '/p/x?a=b'],
    ['/other?a', { strip: '/api', prefix: '/p' }, '/p/other?a'],
    ['/x', { strip: '/' }, '/x'],
  ])('%s with %j is %s', (target, options, expected) => {
    expect(rewritten(target, options, false)).toBe(expected);
  });

  test.each([
    ['/apix', { strip: '/api' }, '/x'],
    ['/api/x', { strip: '/api/' }, '/x'],
    ['/apix?a', { strip: '/api', prefix: '/p' }, '/p/x?a'],
    ['/api%2Fx', { strip: '/api' }, '/%2Fx'],
  ])('%s with %j as plain text is %s', (target, options, expected) => {
    expect(rewritten(target, options, true)).toBe(expected);
  });

  test('it is always one path in normal form, followed by the query as it came', () => {
    const word = fc.constantFrom('/', 'a', 'b', '.', '..', '%2e', '%2F', 'ab');
    const words = (maxLength: number) => fc.array(word, { maxLength }).map((all) => `/${all.join('')}`);
    const query = fc.constantFrom('', '?', '?a=//..', '?x?y');
    fc.assert(
      fc.property(words(8), words(3), words(2), fc.boolean(), query, (path, strip, prefix, isText, end) => {
        const normal = normalPath(path);
        const [from, to] = [normalPath(strip), normalPath(prefix)?.replace(/\/$/, '')];
        if (normal === null || from === null || to === undefined) return;
        const options = { strip: from, ...(to === '' ? {} : { prefix: to }) };
        const target = rewriteTarget(path + end, normal, end, options, isText);
        expect(target.endsWith(end)).toBe(true);
        const result = target.slice(0, target.length - end.length);
        expect(normalPath(result)).toBe(isStripped(normal, from, isText) || to !== '' ? result : normal);
        expect(result.startsWith(to)).toBe(true);
      }),
      { seed: 13, numRuns: 5_000 },
    );
  });

  function rewritten(target: string, options: { strip?: string; prefix?: string }, isText: boolean): string {
    const end = pathEnd(target);
    return rewriteTarget(target, normalPath(target.slice(0, end))!, target.slice(end), options, isText);
  }
});
