import { describe, expect, test } from 'vitest';
import { parseStaticInstance, parseStaticRule } from '../../router/static.ts';
import { readTag } from '../../router/tags.ts';

describe('static rules', () => {
  test.each([
    'a.example.com',
    '*.a.com/x/ strip weight=3',
    '/ methods=GET',
    'a.com redirect=301,/b',
    'a.com bad',
  ])('"%s" reads as the tag with the prefix does', (text) => {
    const tag = readTag(`fairlead:${text}`, { fairlead: true, fabio: null }, { datacenter: 'dc1' });
    const rule = parseStaticRule(text);
    if (tag.kind === 'claim') expect(rule).toEqual({ ok: true, claim: tag.claim });
    else expect(rule).toEqual({ ok: false, reason: tag.kind === 'refused' && tag.reason });
  });

  test('white space around a rule does not count', () => {
    expect(parseStaticRule('\n a.com/x strip \n')).toEqual(parseStaticRule('a.com/x strip'));
  });

  test.each([
    ['', 'the target is missing'],
    ['fairlead:a.com', 'without "fairlead:"'],
    ['a.com\nb.com', 'U+000A at position 6'],
    ['udp:80 proxy=v1', 'option proxy means nothing to udp: targets'],
  ])('%j is refused: %s', (text, reason) => {
    expect(parseStaticRule(text)).toEqual({ ok: false, reason: expect.stringContaining(reason) });
  });
});

describe('static instances', () => {
  test.each([
    ['127.0.0.1:9000', '127.0.0.1', 9000, 1],
    ['127.0.0.1:9000 weight=3', '127.0.0.1', 9000, 3],
    ['  10.0.0.1:80   weight=0 ', '10.0.0.1', 80, 0],
    ['[2001:DB8::1]:443', '2001:db8::1', 443, 1],
    ['Backend.internal:8080', 'backend.internal', 8080, 1],
  ])('%j is address %s, port %i, weight %i', (text, address, port, weight) => {
    expect(parseStaticInstance(text)).toEqual({ ok: true, address, port, weight });
  });

  test.each([
    ['', 'needs a port'],
    ['127.0.0.1', 'needs a port'],
    ['127.0.0.1:0', 'needs a port'],
    ['127.0.0.1:65536', 'needs a port'],
    ['[::1]', 'needs a port'],
    ['::1:9000', 'stands in brackets'],
    ['::1', 'stands in brackets'],
    ['http://127.0.0.1:80', 'is not ADDRESS:PORT'],
    ['*.a.com:80', 'is a wildcard'],
    [':80', 'is empty'],
    ['127.0.0.1:80 wieght=3', 'unknown option "wieght=3"'],
    ['127.0.0.1:80 weight=', 'must be a whole number'],
    ['127.0.0.1:80 weight=65536', 'must be a whole number'],
    ['127.0.0.1:80 weight=1 weight=2', 'is too much'],
    ['127.0.0.1:80\tweight=1', 'U+0009'],
  ])('%j is refused: %s', (text, reason) => {
    expect(parseStaticInstance(text)).toEqual({ ok: false, reason: expect.stringContaining(reason) });
  });
});
