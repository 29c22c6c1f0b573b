import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Claim, type Dialects, readTag, type TagResult } from '../../router/tags.ts';

const BOTH: Dialects = { fairlead: true, fabio: { prefix: 'urlprefix-' } };
const CONTEXT = { datacenter: 'dc1' };

function read(tag: string, dialects = BOTH): TagResult {
  return readTag(tag, dialects, CONTEXT);
}

function claimOf(tag: string): Claim {
  const result = read(tag);
  if (result.kind !== 'claim') throw new Error(JSON.stringify(result));
  return result.claim;
}

describe('tags of others', () => {
  test.each([
    '',
    'v1',
    'traefik.enable=true',
    'say "hi"',
    'fairlead',
    'Fairlead:a.com',
    'xfairlead:a.com',
    ' ',
    '\0',
  ])('%j is ignored', (tag) => {
    expect(read(tag)).toEqual({ kind: 'ignored' });
  });

  test('every ignored tag gets the same value', () => {
    expect(read('a')).toBe(read('x'.repeat(5000)));
  });

  test('a dialect that is off leaves its tags alone', () => {
    const none: Dialects = { fairlead: false, fabio: null };
    for (const tag of ['fairlead:a.com', 'urlprefix-a.com/', ' urlprefix-/']) {
      expect(read(tag, none)).toEqual({ kind: 'ignored' });
    }
    expect(read('anything', { fairlead: false, fabio: { prefix: '' } })).toEqual({ kind: 'ignored' });
  });

  test('Fabio’s prefix is configurable', () => {
    const dialects: Dialects = { fairlead: true, fabio: { prefix: 'edge/' } };
    expect(read('edge/a.com/', dialects)).toMatchObject({ kind: 'claim', dialect: 'fabio' });
    expect(read('urlprefix-a.com/', dialects)).toEqual({ kind: 'ignored' });
  });
});

describe('native tags', () => {
  test('a host alone takes everything under it', () => {
    expect(read('fairlead:A.example.com')).toEqual({
      kind: 'claim',
      dialect: 'fairlead',
      claim: {
        rule: {
          host: 'a.example.com',
          path: '/',
          match: 'segment',
          methods: null,
          listeners: null,
          priority: 0,
        },
        options: {},
        pool: { protocol: 'http', balance: null, weight: { kind: 'none' }, maxconn: null },
        redirectOnly: false,
      },
    });
  });

  test('a trailing slash is cut, unless the match is exact', () => {
    expect(claimOf('fairlead:a.com/api/').rule).toMatchObject({ path: '/api', match: 'segment' });
    expect(claimOf('fairlead:a.com/api/ exact').rule).toMatchObject({ path: '/api/', match: 'exact' });
  });

  test('methods and listeners are sorted and each named once', () => {
    const { rule } = claimOf('fairlead:/ methods=POST,GET methods=GET listener=web listener=b,a');
    expect(rule.methods).toEqual(['GET', 'POST']);
    expect(rule.listeners).toEqual(['a', 'b', 'web']);
  });

  test('several spaces separate as one does, and may end the tag', () => {
    expect(read('fairlead:a.com   strip=/x  ')).toEqual(read('fairlead:a.com strip=/x'));
  });

  test('a redirect takes no traffic', () => {
    const claim = claimOf('fairlead:old.com redirect=301,https://new.com$path');
    expect(claim.redirectOnly).toBe(true);
    expect(claim.options.redirect).toEqual({ status: 301, location: 'https://new.com$path' });
  });
});

describe('hostile tags', () => {
  test.each([
    ['5,000 characters', `fairlead:/${'a'.repeat(4990)}`, 'it is 5000 characters long; the limit is 4096'],
    ['5,000 characters for Fabio', `urlprefix-/${'a'.repeat(4989)}`, 'it is 5000 characters long'],
    ['65 options', `fairlead:/${' exact'.repeat(65)}`, '65 options; the limit is 64'],
    ['a NUL', 'fairlead:a.com\0', 'character U+0000 at position 15'],
    ['a newline, which would start a command in Fabio', 'urlprefix-/\nroute del x', 'U+000A at position 12'],
    ['a newline', 'fairlead:/\nx', 'U+000A at position 11'],
    ['a tab', 'fairlead:/\tstrip', 'U+0009 at position 11'],
    ['a bidirectional override', 'fairlead:a\u202e.com', 'U+202E at position 11'],
    ['a zero-width space', 'urlprefix-a\u200b.com/', 'U+200B at position 12'],
    ['an invisible tag character', 'fairlead:a\u{e0041}', 'U+E0041 at position 11'],
    ['half a surrogate pair', 'fairlead:a\ud800', 'U+D800 at position 11'],
    ['half a pair behind a whole one', 'fairlead:\u{1f600}\udc00', 'U+DC00 at position 12'],
    ['white space in front', ' fairlead:a.com', 'white space before "fairlead:"'],
    ['a space behind the colon', 'fairlead: a.com', 'the target is missing'],
    ['an option all objects have', 'fairlead:/ __proto__=1', 'unknown option "__proto__"'],
    ['an option all objects inherit', 'fairlead:/ constructor', 'unknown option "constructor"'],
    ['quotes', 'fairlead:/ weight="1"', 'weight=\\"1\\": must be a whole number'],
    ['an option without a name', 'fairlead:/ =1', 'unknown option ""'],
  ])('%s is refused', (_name, tag, reason) => {
    expect(read(tag)).toEqual({ kind: 'refused', reason: expect.stringContaining(reason) });
  });

  test('4,096 characters and 64 options are fine', () => {
    expect(read(`fairlead:/${'a'.repeat(4086)}`)).toMatchObject({ kind: 'claim' });
    expect(read(`fairlead:/${' exact'.repeat(64)}`)).toMatchObject({ kind: 'claim' });
  });

  test('no text throws, and every reason can be shown', () => {
    const words = fc.constantFrom(
      'a.com',
      '/x',
      '/%2e',
      '*.',
      '[::1]',
      '{a,b}',
      'strip',
      'strip=',
      'host=',
      'weight=',
      'redirect=301,',
      'allow=ip:',
      'allow=',
      'timeout=',
      'balance=hash:header:',
      '=',
      ',',
      ' ',
      '\t',
      '\0',
      '\u202e',
      '"',
      '$DC',
      '${',
      '1',
      '-',
      ':80',
    );
    const text = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.array(words).map((parts) => parts.join('')),
      fc.array(words).map((parts) => parts.join(' ')),
    );
    fc.assert(
      fc.property(
        fc.constantFrom('', ' ', 'fairlead:', 'urlprefix-', ' urlprefix-'),
        text,
        (prefix, rest) => {
          const result = read(prefix + rest);
          if (result.kind !== 'refused') return;
          expect(result.reason).not.toMatch(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u);
          expect(result.reason.length).toBeLessThan(500);
        },
      ),
      { numRuns: 5000 },
    );
  });

  test('what is taken keeps the promises of its types', () => {
    const target = fc
      .tuple(fc.oneof(fc.domain(), fc.constant('')), fc.webPath())
      .map((parts) => parts.join(''));
    fc.assert(
      fc.property(fc.constantFrom('fairlead:', 'urlprefix-'), target, (prefix, text) => {
        const result = read(prefix + text);
        if (result.kind !== 'claim') return;
        const { host, path, match } = result.claim.rule;
        expect(host).toBe(host.toLowerCase());
        expect(path.startsWith('/')).toBe(true);
        expect(match === 'segment' && path !== '/' && path.endsWith('/')).toBe(false);
      }),
    );
  });
});
