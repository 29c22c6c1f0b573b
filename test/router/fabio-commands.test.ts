import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseFabioCommands } from '../../router/fabio-commands.ts';

function parse(text: string) {
  return parseFabioCommands([{ key: 'fabio/config', text }]);
}

function one(line: string) {
  const { commands, refused } = parse(line);
  if (commands.length !== 1) throw new Error(JSON.stringify(refused));
  return commands[0]!;
}

describe('route add', () => {
  test('everything at once', () => {
    expect(
      one(
        'route add svc Foo.com/Bar http://10.0.0.1:8080/ weight 0.25 tags "a, b" opts "strip=/Bar host=dst"',
      ),
    ).toEqual({
      kind: 'add',
      service: 'svc',
      claim: {
        rule: { host: 'foo.com', path: '/Bar', match: 'text', methods: null, listeners: null, priority: 0 },
        options: { strip: '/Bar', host: { kind: 'instance' } },
        pool: { protocol: 'http', balance: null, weight: { kind: 'fraction', value: 0.25 }, maxconn: null },
        redirectOnly: false,
      },
      endpoint: { protocol: 'http', address: '10.0.0.1', port: 8080 },
      destination: 'http://10.0.0.1:8080/',
      tags: ['a', 'b'],
      source: expect.objectContaining({ key: 'fabio/config', line: 1 }),
    });
  });

  test.each([
    ['http://10.0.0.1/', 'http', '10.0.0.1', 80],
    ['https://Backend.internal', 'https', 'backend.internal', 443],
    ['HTTPS://[2001:DB8::1]:8443/ignored?x', 'https', '2001:db8::1', 8443],
  ])('%s is where it dials', (dst, protocol, address, port) => {
    const command = one(`route add svc /x ${dst}`);
    expect(command).toMatchObject({ endpoint: { protocol, address, port }, claim: { pool: { protocol } } });
  });

  test('with a redirect the destination is where it leads', () => {
    expect(one('route add svc old.com/ https://new.com/$path opts "redirect=301"')).toMatchObject({
      endpoint: null,
      claim: { redirectOnly: true, options: { redirect: { status: 301, location: 'https://new.com$path' } } },
    });
  });

  test('the scheme of the destination decides, not proto=', () => {
    const command = one('route add svc /x http://10.0.0.1:80/ opts "proto=https"');
    expect(command).toMatchObject({ claim: { pool: { protocol: 'http' } } });
  });

  test('any white space separates', () => {
    expect(one('  route\tadd   svc \t /x  http://a:1/   tags   "a"  ')).toMatchObject({
      service: 'svc',
      tags: ['a'],
    });
  });
});

describe('route del and route weight', () => {
  const target = { host: 'foo.com', path: '/bar' };
  test.each([
    ['route del svc', { service: 'svc', target: null, endpoint: null, tags: [] }],
    ['route del svc Foo.com/bar', { service: 'svc', target, endpoint: null, tags: [] }],
    [
      'route del svc foo.com/bar http://10.0.0.1:80/',
      { service: 'svc', target, endpoint: { protocol: 'http', address: '10.0.0.1', port: 80 }, tags: [] },
    ],
    ['route del svc foo.com/bar /new', { target, destination: '/new', endpoint: null }],
    ['route del svc tags "a,b"', { service: 'svc', target: null, tags: ['a', 'b'] }],
    ['route del tags "a"', { service: null, target: null, tags: ['a'] }],
    ['route del tags', { service: 'tags', tags: [] }],
  ])('%s', (line, wanted) => {
    expect(one(line)).toMatchObject({ kind: 'del', ...wanted });
  });

  test.each([
    ['route weight svc foo.com/bar weight 0.1', { service: 'svc', target, tags: [] }],
    ['route weight svc foo.com/bar weight 0.1 tags "a"', { service: 'svc', target, tags: ['a'] }],
    ['route weight foo.com/bar weight 0.1 tags "a"', { service: null, target, tags: ['a'] }],
  ])('%s', (line, wanted) => {
    const weight = { kind: 'fraction', value: 0.1 };
    expect(one(line)).toMatchObject({ kind: 'weight', weight, ...wanted });
  });

  test('a weight of 0 gives the share back', () => {
    expect(one('route weight svc /x weight 0')).toMatchObject({ weight: { kind: 'none' } });
  });
});

describe('bad lines', () => {
  test('a bad line is set aside with key and number; everything else applies in order', () => {
    const program = parseFabioCommands([
      {
        key: 'fabio/config/a',
        text: '# comment\n// another\n\nroute del one\r\nroute oops\nroute del two\n',
      },
      { key: 'fabio/config/b', text: 'route del three' },
    ]);
    expect(program.commands.map((command) => command.service)).toEqual(['one', 'two', 'three']);
    expect(program.commands.map((command) => command.source.line)).toEqual([4, 6, 1]);
    expect(program.refused).toEqual([
      { key: 'fabio/config/a', line: 5, text: 'route oops', reason: expect.stringContaining('route add') },
    ]);
  });

  test.each([
    ['ROUTE add svc /x http://a:1/', 'a line starts with'],
    ['route', 'a line starts with'],
    ['route add', 'needs a service, a source and a destination'],
    ['route add svc /x', 'needs a service, a source and a destination'],
    ['route add svc "/x" http://a:1/', 'needs a service, a source and a destination'],
    ['route add svc /x http://a:1/ weight', '"weight" is out of place'],
    ['route add svc /x http://a:1/ weight abc', 'weight=abc'],
    ['route add svc /x http://a:1/ tags a', '"tags" is out of place'],
    [
      'route add svc /x http://a:1/ opts "a=b" tags "c"',
      '"tags" is out of place; what may follow is weight F',
    ],
    ['route add svc /x http://a:1/ tags "a', 'the quotes'],
    ['route add svc /x http://a:1/ tags "a"b"', 'the quotes'],
    ['route add svc /x http://a:1/ tags"a"', 'the quotes'],
    ['route add svc /x 10.0.0.1:80', 'is not like http://'],
    ['route add svc /x http://', 'is not like http://'],
    ['route add svc /x http://a:0/', 'no usable address and port'],
    ['route add svc /x http://u@a:1/', 'no usable address and port'],
    ['route add svc /x tcp://a:1', 'proto=tcp needs a port'],
    ['route add svc :80 http://a:1/', 'a port as the target needs proto=tcp'],
    ['route add svc :80 tcp://a/', 'no usable address and port'],
    ['route add svc :80 https://b/ opts "redirect=301"', 'a port cannot redirect'],
    ['route add svc /../x http://a:1/', 'dot segment'],
    ['route add svc /x http://a:1/ opts "allow=10.0.0.0/8"', 'needs "ip:"'],
    ['route add svc /x https://a/ opts "redirect=301,https://b/"', 'a status from 300 to 399 alone'],
    ['route add svc /x ftp://a/ opts "redirect=301"', 'must start with'],
    ['route add svc /x https://a/ opts "redirect=301 auth=x"', 'option auth is not served'],
    ['route del', 'needs a service or tags'],
    ['route del tags ""', 'names no tag'],
    ['route del svc tags ""', 'names no tag'],
    ['route del svc /x http://a:1/ more', '"more" is out of place'],
    ['route del svc "/x"', 'is out of place'],
    ['route weight svc /x', 'needs a source and "weight F"'],
    ['route weight /x weight 0.1', 'without a service needs tags'],
    ['route weight svc /x weight 0.1 tags a', '"tags" is out of place'],
    ['route weight svc /x weight x', 'must be a number'],
    ['route del svc\0', 'U+0000 at position 14'],
  ])('%s is refused: %s', (line, reason) => {
    expect(parse(line)).toEqual({
      commands: [],
      refused: [expect.objectContaining({ line: 1, reason: expect.stringContaining(reason) })],
    });
  });

  test('a line over the limit is refused', () => {
    expect(parse(`route del ${'a'.repeat(4990)}`).refused[0]?.reason).toContain('5000 characters');
  });

  test('no text throws, and every line is either taken, refused or skipped', () => {
    const words = fc.constantFrom(
      'route',
      'add',
      'del',
      'weight',
      'tags',
      'opts',
      '"a"',
      '"',
      'svc',
      '/x',
      'http://a:1/',
      '1',
    );
    const lines = fc.array(
      fc.oneof(
        fc.array(words).map((parts) => parts.join(' ')),
        fc.string(),
      ),
    );
    fc.assert(
      fc.property(lines, (texts) => {
        const { commands, refused } = parse(texts.join('\n'));
        const wanted = texts
          .flatMap((text) => text.split('\n'))
          .filter((text) => !/^\s*($|#|\/\/)/.test(text));
        expect(commands.length + refused.length).toBe(wanted.length);
      }),
      { numRuns: 1000 },
    );
  });
});
