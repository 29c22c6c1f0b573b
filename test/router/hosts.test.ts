import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { compileGlob, hostOfAuthority, normaliseHost, parsePort } from '../../router/hosts.ts';

describe('the host of a request', () => {
  test.each([
    ['a plain name stays', 'a.example.com', 'a.example.com'],
    ['capitals are lowered', 'A.Example.COM', 'a.example.com'],
    ['the port is cut', 'a.example.com:8080', 'a.example.com'],
    ['an empty port is the default one', 'a.example.com:', 'a.example.com'],
    ['the largest port is a port', 'a:65535', 'a'],
    ['port 0 is a port', 'a:0', 'a'],
    ['one trailing dot is cut', 'a.example.com.', 'a.example.com'],
    ['a trailing dot before the port is cut', 'A.example.com.:80', 'a.example.com'],
    ['underscores are names too', 'my_app.local', 'my_app.local'],
    ['an IPv4 address is a name', '127.0.0.1:80', '127.0.0.1'],
    ['IPv6 stays in brackets', '[::1]', '[::1]'],
    ['IPv6 loses its port', '[::1]:8080', '[::1]'],
    ['IPv6 takes its canonical form', '[2001:DB8:0:0:0:0:0:1]', '[2001:db8::1]'],
    ['a name of 253 characters is fine', `${'a.'.repeat(126)}a`, `${'a.'.repeat(126)}a`],
  ])('%s', (_name, authority, host) => {
    expect(hostOfAuthority(authority)).toBe(host);
  });

  test.each([
    '',
    '.',
    '..',
    '.a',
    'a..b',
    'a..',
    ':',
    ':80',
    '.:80',
    'a:65536',
    'a:99999',
    'a:000080',
    'a:8o',
    'a:80:80',
    'a:-1',
    'a:+1',
    'a: 80',
    'user@a',
    'user:pass@a',
    'a/b',
    'a,b',
    'a b',
    ' a',
    'a ',
    '\ta',
    'a\0',
    'a\n',
    'a\x7f',
    'é.com',
    '\u212Aa.com',
    'a\\b',
    'a?b',
    'a#b',
    '<a>',
    'a%41',
    '*.example.com',
    '[::1',
    '[::1]a',
    '[::1]:x',
    '[1.2.3.4]',
    '[]',
    '[fe80::1%25eth0]',
    '[v1.a]',
    '::1',
    'a[::1]',
    '"a"',
  ])('%j has no host', (authority) => {
    expect(hostOfAuthority(authority)).toBeNull();
  });

  test('a name longer than 253 characters is no host', () => {
    expect(hostOfAuthority(`${'a.'.repeat(127)}a`)).toBeNull();
    expect(hostOfAuthority(`${'a.'.repeat(127)}a:80`)).toBeNull();
    expect(hostOfAuthority('a'.repeat(5000))).toBeNull();
  });

  test('a simple reading of the rules agrees', () => {
    const reference = (authority: string): string | null => {
      const found = /^([A-Za-z0-9\-_~!$&'()+;=.]+?)(?::(\d{0,5}))?$/.exec(authority);
      if (found === null || Number(found[2] ?? 0) > 65535) return null;
      const host = found[1]!.toLowerCase().replace(/\.$/, '');
      return host.length > 253 || host.split('.').includes('') ? null : host;
    };
    const pieces = fc.constantFrom(
      'a',
      'B',
      '9',
      '-',
      '_',
      '.',
      '..',
      ':',
      '80',
      '65536',
      '@',
      '/',
      ',',
      ' ',
      '\0',
      'é',
    );
    const texts = fc.oneof(
      fc.array(pieces, { maxLength: 8 }).map((parts) => parts.join('')),
      fc.domain(),
      fc.tuple(fc.domain(), fc.nat(99999)).map(([domain, port]) => `${domain}:${port}`),
      fc.string().filter((text) => !text.startsWith('[')),
    );
    fc.assert(
      fc.property(texts, (text) => {
        expect(hostOfAuthority(text)).toBe(reference(text));
      }),
      { numRuns: 3000 },
    );
  });
});

describe('the host of a rule', () => {
  test.each([
    ['a name', 'A.Example.com', 'a.example.com'],
    ['a wildcard', '*.Example.com', '*.example.com'],
    ['a single label', 'localhost', 'localhost'],
    ['a trailing dot', 'a.example.com.', 'a.example.com'],
    ['an underscore', '_srv.my_app.local', '_srv.my_app.local'],
    ['punycode', 'xn--mnchen-3ya.de', 'xn--mnchen-3ya.de'],
    ['an IPv4 address', '10.0.0.1', '10.0.0.1'],
    ['an IPv6 address', '[2001:DB8::0:1]', '[2001:db8::1]'],
    ['a word that objects have', '__proto__', '__proto__'],
  ])('%s is taken', (_name, text, host) => {
    expect(normaliseHost(text)).toEqual({ ok: true, value: host });
  });

  test.each([
    ['', 'is empty'],
    ['.', 'is empty'],
    ['*', 'leave the host out'],
    ['*.', 'is empty'],
    ['*.*.a.com', 'has * in a place'],
    ['a.*.com', 'has * in a place'],
    ['*.10.0.0.1', 'before an address'],
    ['a..com', 'empty label'],
    ['.a.com', 'empty label'],
    ['a.com..', 'empty label'],
    ['-a.com', 'starts or ends with "-"'],
    ['a-.com', 'starts or ends with "-"'],
    ['a.com:80', 'has a port'],
    ['::1', 'put it in brackets'],
    ['[::1]:80', 'not an IPv6 address in brackets'],
    ['[::g]', 'not an IPv6 address in brackets'],
    ['[fe80::1%eth0]', 'not an IPv6 address in brackets'],
    ['300.1.1.1', 'not an IPv4 address'],
    ['münchen.de', 'punycode'],
    ['\u212Aa.com', 'punycode'],
    ['a"b.com', 'cannot contain "\\""'],
    ['a%2e.com', 'cannot contain "%"'],
  ])('%j is refused: %s', (text, reason) => {
    expect(normaliseHost(text)).toEqual({ ok: false, reason: expect.stringContaining(reason) });
  });

  test('names and labels have the lengths DNS allows', () => {
    expect(normaliseHost(`${'a'.repeat(63)}.com`).ok).toBe(true);
    expect(normaliseHost(`${'a'.repeat(64)}.com`)).toMatchObject({ reason: expect.stringContaining('63') });
    expect(normaliseHost(`${'a.'.repeat(126)}a`).ok).toBe(true);
    expect(normaliseHost(`${'a.'.repeat(126)}ab`)).toMatchObject({ reason: expect.stringContaining('253') });
  });

  test('every exact host of a rule is found again by a request for it', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.domain(),
          fc.ipV4(),
          fc.ipV6().map((ip) => `[${ip}]`),
        ),
        (text) => {
          const host = normaliseHost(text);
          expect(host).toEqual({ ok: true, value: hostOfAuthority(`${text}:8080`) });
        },
      ),
    );
  });

  test('a port is 1 to 65535 in decimal', () => {
    expect(['1', '65535', '080'].map(parsePort)).toEqual([1, 65535, 80]);
    for (const text of ['', '0', '65536', '-1', '1e3', '0x50', ' 80', '000080'])
      expect(parsePort(text)).toBeNull();
  });
});

describe('globs', () => {
  const matches = (glob: string, host: string): boolean => {
    const compiled = compileGlob(glob);
    if (!compiled.ok) throw new Error(compiled.reason);
    return compiled.test(host);
  };

  test.each([
    ['*.foo.com', 'a.b.foo.com', true],
    ['*.foo.com', 'foo.com', false],
    ['*', 'anything.at.all', true],
    ['*foo*', 'a.foo.b', true],
    ['*foo*', 'a.fo.o', false],
    ['a?.com', 'ab.com', true],
    ['a?.com', 'a.com', false],
    ['a?com', 'a.com', true],
    ['[a-c]x.com', 'bx.com', true],
    ['[a-c]x.com', 'dx.com', false],
    ['[!a-c]x.com', 'dx.com', true],
    ['[!a]x.com', 'ax.com', false],
    ['[ab-]x.com', '-x.com', true],
    ['[a-c0-9]x.com', '7x.com', true],
    ['{a,b}.foo.com', 'b.foo.com', true],
    ['{a,b}.foo.com', 'c.foo.com', false],
    ['{a,b{1,2}}.foo.com', 'b2.foo.com', true],
    ['{a,b{1,2}}.foo.com', 'b.foo.com', false],
    ['{,www.}foo.com', 'foo.com', true],
    ['{a*,*b}.com', 'xxb.com', true],
    ['A.{B,c}.com', 'a.b.com', true],
    ['**a**', 'bab', true],
    ['a*b*c', 'aXbXbc'.toLowerCase(), true],
  ])('%s on %s: %s', (glob, host, expected) => {
    expect(matches(glob, host)).toBe(expected);
  });

  test.each([
    ['{a,b.com', 'unpaired brace'],
    ['a}b{.com', 'unpaired brace'],
    ['a}.com', 'unpaired brace'],
    ['[a.com', 'has a set'],
    ['[].com', 'has a set'],
    ['[!].com', 'has a set'],
    ['[z-a].com', 'has a set'],
    ['[a,b].com', 'has a set'],
    ['a,b.com', 'cannot contain ","'],
    ['*.é.com', 'cannot contain "é"'],
    ['*.\u212A.com', 'cannot contain'],
    ['*\\a', 'cannot contain "\\\\"'],
    ['{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}', 'more than 64'],
  ])('%s is refused: %s', (glob, reason) => {
    expect(compileGlob(glob)).toEqual({ ok: false, reason: expect.stringContaining(reason) });
  });

  test('globs have bounds: their length, their alternatives, and both together', () => {
    const reasonOf = (glob: string) => {
      const compiled = compileGlob(glob);
      return compiled.ok ? null : compiled.reason;
    };
    const choices = (count: number) =>
      `{${Array.from({ length: count }, (_, index) => index).join(',')}}.com`;
    expect(reasonOf(choices(64))).toBeNull();
    expect(reasonOf(choices(65))).toContain('more than 64');
    expect(reasonOf('*'.repeat(253))).toBeNull();
    expect(reasonOf('*'.repeat(254))).toContain('longer than 253');
    expect(reasonOf(`{a,b,c,d,e,f}{1,2,3,4,5,6}${'x?'.repeat(105)}`)).toContain('too many long names');
  });

  test('hostile globs stay fast', () => {
    const compiled = compileGlob(`{${'*a'.repeat(20)}b,${'*a'.repeat(50)}c}${'*a'.repeat(30)}`);
    expect(compiled.ok).toBe(true);
    const start = performance.now();
    for (let round = 0; round < 20; round++) compiled.ok && compiled.test('a'.repeat(253));
    expect((performance.now() - start) / 20).toBeLessThan(20);
  });

  test('a naive reading agrees', () => {
    const naive = (glob: string, host: string): boolean => {
      const head = glob[0];
      if (head === undefined) return host === '';
      if (head === '*') return naive(glob.slice(1), host) || (host !== '' && naive(glob, host.slice(1)));
      if (head === '{') {
        const [choices, rest] = [glob.slice(1, glob.indexOf('}')), glob.slice(glob.indexOf('}') + 1)];
        return choices.split(',').some((choice) => naive(choice + rest, host));
      }
      if (host === '') return false;
      if (head === '[') {
        const [set, rest] = [glob.slice(1, glob.indexOf(']')), glob.slice(glob.indexOf(']') + 1)];
        const isIn = set.includes(host[0]!) !== set.startsWith('!');
        return isIn && naive(rest, host.slice(1));
      }
      return (head === '?' || head === host[0]) && naive(glob.slice(1), host.slice(1));
    };
    const pieces = fc.constantFrom(
      'a',
      'b',
      '.',
      '*',
      '?',
      '[ab]',
      '[!a]',
      '[!.]',
      '{a,b}',
      '{,a*}',
      '{?b,.}',
    );
    fc.assert(
      fc.property(
        fc
          .array(pieces, { maxLength: 7 })
          .filter((parts) => parts.filter((p) => p.startsWith('{')).length < 5),
        fc.array(fc.constantFrom('a', 'b', '.'), { maxLength: 8 }),
        (parts, host) => {
          const glob = parts.join('');
          expect(matches(glob, host.join(''))).toBe(naive(glob, host.join('')));
        },
      ),
      { numRuns: 5000 },
    );
  });
});
