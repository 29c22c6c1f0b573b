/** The reference, and with it the router, on examples by hand: what a strict reader makes of each well-known trick. */
import { describe, expect, test } from 'vitest';
import { difference, oursOf, type Reading, referenceOf } from './compare.ts';
import type { Case } from './generator.ts';
import { LIMITS } from './limits.ts';

type Expected = number | Partial<Reading> | 'incomplete';

function bothSay(kind: Case['kind'], text: string, expected: Expected): void {
  const input: Case = { kind, bytes: Buffer.from(text, 'latin1'), limits: LIMITS[0]!, method: 'GET' };
  const reference = referenceOf(input);
  expect(reference.outcome).toMatchObject(wanted(kind, expected));
  const ours = oursOf(input, [input.bytes]);
  expect(difference(ours, reference)).toBeNull();
  if (typeof expected === 'number' && kind === 'request')
    expect(ours.outcome).toMatchObject({ status: expected });
}

function wanted(kind: Case['kind'], expected: Expected): object {
  if (expected === 'incomplete') return { kind: 'incomplete' };
  if (typeof expected === 'number') return { kind: 'refused' };
  return { kind: kind === 'chunked' ? 'body' : kind, ...expected };
}

const get = (...lines: string[]) => `${['GET / HTTP/1.1', 'Host: a', ...lines].join('\r\n')}\r\n\r\n`;
const line = (text: string) => `${text}\r\nHost: a\r\n\r\n`;
const chunked: Expected = { framing: { kind: 'chunked' } };
const length = (bytes: number): Expected => ({ framing: { kind: 'length', length: bytes } });

describe('requests', () => {
  test.each<[string, string, Expected]>([
    ['length, then coding', get('Content-Length: 5', 'Transfer-Encoding: chunked'), 400],
    ['coding, then length', get('Transfer-Encoding: chunked', 'Content-Length: 5'), 400],
    ['a coding in any case', get('transfer-encoding: CHUNKED'), chunked],
    ['an invented coding', get('Transfer-Encoding: xchunked'), 501],
    ['identity', get('Transfer-Encoding: identity'), 400],
    ['an empty coding', get('Transfer-Encoding:'), 400],
    ['a coding behind a vertical tab', get('Transfer-Encoding: \x0bchunked'), 400],
    ['a coding behind a no-break space', get('Transfer-Encoding: \xa0chunked'), 400],
    ['a coding with a parameter', get('Transfer-Encoding: chunked;a=b'), 400],
    ['an empty element before the coding', get('Transfer-Encoding: ,chunked'), 400],
    ['an empty element after the coding', get('Transfer-Encoding: chunked,'), 400],
    ['a compressed body', get('Transfer-Encoding: gzip, chunked'), 501],
    ['chunked not last', get('Transfer-Encoding: chunked, gzip'), 400],
    ['a coding in HTTP/1.0', 'POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n', 400],
    ['two lengths', get('Content-Length: 5', 'Content-Length: 6'), 400],
    ['two equal lengths', get('Content-Length: 5', 'Content-Length: 5'), 400],
    ...['+3', '-1', '0x3', '1 1', '1_0', '3;', ''].map((value): [string, string, Expected] => {
      return [`length ${JSON.stringify(value)}`, get(`Content-Length: ${value}`), 400];
    }),
    ['a length with zeros in front', get('Content-Length: 0003'), length(3)],
    ['a length of 2^53', get('Content-Length: 9007199254740992'), 413],
    ['a length of 2^64 + 1', get('Content-Length: 18446744073709551617'), 413],
    ['a folded length', get('Content-Length:\r\n 5'), 400],
    ['a bare LF after the request line', 'GET / HTTP/1.1\nHost: a\r\n\r\n', 400],
    ['a bare LF after a field', 'GET / HTTP/1.1\r\nHost: a\n\r\n', 400],
    ['a bare LF at the end', 'GET / HTTP/1.1\r\nHost: a\r\n\n', 400],
    ['a bare CR in a value', get('X: a\rb'), 400],
    ['an end of CR LF CR X', 'GET / HTTP/1.1\r\nHost: a\r\n\rX', 400],
    ['HTTP/0.9', 'GET /\r\n\r\n', 400],
    ['HTTP/0.9 with fields', 'GET /x\nHost: a\r\nContent-Length: 5\r\n\r\nhello', 400],
    ['HTTP/2.0', line('GET / HTTP/2.0'), 505],
    ['HTTP/1.2', line('GET / HTTP/1.2'), { minor: 1 }],
    ['HTTP/1.10', line('GET / HTTP/1.10'), 400],
    ['http/1.1', line('GET / http/1.1'), 400],
    ['HTTP/ 1.1', line('GET / HTTP/ 1.1'), 400],
    ['no Host', 'GET / HTTP/1.1\r\n\r\n', 400],
    ['no Host in HTTP/1.0', 'GET / HTTP/1.0\r\n\r\n', { host: '', keepAlive: false }],
    ['two Hosts', get('Host: a'), 400],
    ...['a, b', 'a/b', 'u@a', '', 'a:99999', 'a b', 'a\x00b', '\xe4', '[::1'].map(
      (value): [string, string, Expected] => [
        `Host ${JSON.stringify(value)}`,
        line(`GET / HTTP/1.1\r\nHost: ${value}`).replace('Host: a\r\n\r\n', '\r\n'),
        400,
      ],
    ),
    ['an authority other than Host', line('GET http://b/ HTTP/1.1'), 400],
    ['the authority that Host names', line('GET http://A:80/x HTTP/1.1'), { target: '/x', host: 'a' }],
    ['a target of an authority', line('GET a:80 HTTP/1.1'), 400],
    ['a relative target', line('GET x HTTP/1.1'), 400],
    ['a target of a query', line('GET ?q HTTP/1.1'), 400],
    ['CONNECT', line('CONNECT a:80 HTTP/1.1'), 501],
    ['a fragment', line('GET /a#b HTTP/1.1'), 400],
    ...['\x00', '\x01', ' ', '\x7f', '\x80', '\xff'].map((char): [string, string, Expected] => {
      return [`${JSON.stringify(char)} in the target`, line(`GET /a${char}b HTTP/1.1`), 400];
    }),
    ['a method with a quote', line('G"T / HTTP/1.1'), 400],
    ['an unknown method', line('FOOBAR / HTTP/1.1'), { method: 'FOOBAR' }],
    ['a method of 4 KiB', line(`${'X'.repeat(4096)} / HTTP/1.1`), 400],
    ...['\x00', '\x01', '\x1f', '\x7f'].map((char): [string, string, Expected] => {
      return [`${JSON.stringify(char)} in a value`, get(`X: a${char}b`), 400];
    }),
    [
      '1100 fields, the last one framing',
      get(...Array(1100).fill('X: 1'), 'Transfer-Encoding: chunked'),
      431,
    ],
    ['two empty lines before', `\r\n\r\n${get()}`, { target: '/' }],
    ['three empty lines before', `\r\n\r\n\r\n${get()}`, 400],
    ['an unknown expectation', get('Expect: y 100-continue', 'Content-Length: 1'), 417],
    ['an expectation', get('Expect: 100-continue', 'Content-Length: 1'), { expectsContinue: true }],
    ['an upgrade to h2c', get('Connection: Upgrade, HTTP2-Settings', 'Upgrade: h2c'), { upgrade: null }],
    ['an upgrade', get('Connection: upgrade', 'Upgrade: websocket'), { upgrade: 'websocket' }],
    ['an upgrade nobody nominated', get('Upgrade: websocket'), { upgrade: null }],
    ['space before the colon', get('Content-Length : 5'), 400],
    ['a field that folds', get('X: a', ' b'), 400],
    ['a head without its end', 'GET / HTTP/1.1\r\nHost: a\r\n', 'incomplete'],
    ['a target over the limit', line(`GET /${'a'.repeat(8192)} HTTP/1.1`), 414],
    ['a field over the limit', get(`X: ${'a'.repeat(32_768)}`), 431],
  ])('%s', (_, text, expected) => bothSay('request', text, expected));
});

describe('chunked bodies', () => {
  test.each<[string, string, Expected]>([
    ['a chunk', '3\r\nabc\r\n0\r\n\r\n', { length: 13 }],
    ['a size ended by LF', '3\nabc\r\n0\r\n\r\n', 400],
    ['data ended by LF', '3\r\nabc\n0\r\n\r\n', 400],
    ['the last chunk ended by LF', '3\r\nabc\r\n0\n\r\n', 400],
    ['extensions', '3;a=b;c="d;e"\r\nabc\r\n0;x\r\n\r\n', { trailers: [] }],
    ['16 KiB of extensions', `1;${'x'.repeat(9000)}\r\na\r\n1;${'x'.repeat(9000)}\r\nb\r\n0\r\n\r\n`, 400],
    ...['0x3', '+3', '-1', ' 3', '3 ', '3_0', '', '00000000000000003'].map(
      (size): [string, string, Expected] => {
        return [`size ${JSON.stringify(size)}`, `${size}\r\nabc\r\n0\r\n\r\n`, 400];
      },
    ),
    ['less data than said', '5\r\nabc\r\n0\r\n\r\n', 400],
    ['more data than said', '2\r\nabc\r\n0\r\n\r\n', 400],
    ['trailers', '0\r\nX-Sum: 7 \r\n\r\n', { trailers: ['X-Sum', '7'] }],
    ['a folded trailer', '0\r\nX: a\r\n b\r\n\r\n', 400],
    ['trailers without end', '0\r\nX: a\r\n', 'incomplete'],
    ['trailers over the limit', `0\r\nX: ${'a'.repeat(40_000)}\r\n\r\n`, 431],
  ])('%s', (_, text, expected) => bothSay('chunked', text, expected));
});

describe('responses', () => {
  test.each<[string, string, Expected]>([
    ['a body until the end', 'HTTP/1.1 200 OK\r\n\r\n', { framing: { kind: 'close' }, keepAlive: false }],
    ['no reason and no space', 'HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n', { reason: '', keepAlive: true }],
    ['a length with 304', 'HTTP/1.1 304 X\r\nContent-Length: 9\r\n\r\n', { framing: { kind: 'none' } }],
    ['two equal lengths', `HTTP/1.1 200 X\r\n${'Content-Length: 9\r\n'.repeat(2)}\r\n`, length(9)],
    ['two lengths', 'HTTP/1.1 200 X\r\nContent-Length: 9\r\nContent-Length: 8\r\n\r\n', 502],
    ['length and coding', 'HTTP/1.1 200 X\r\nContent-Length: 9\r\nTransfer-Encoding: chunked\r\n\r\n', 502],
    ['chunked and a tab', 'HTTP/1.1 200 X\r\nTransfer-Encoding: chunked\t\r\n\r\n', chunked],
    ['a coding in HTTP/1.0', 'HTTP/1.0 200 X\r\nTransfer-Encoding: chunked\r\n\r\n', 502],
    ['two digits', 'HTTP/1.1 20 OK\r\n\r\n', 502],
    ['no known class', 'HTTP/1.1 600 X\r\n\r\n', 502],
    ['a bare LF', 'HTTP/1.1 200 OK\n\r\n', 502],
    ['an empty line before', '\r\nHTTP/1.1 200 OK\r\n\r\n', 502],
  ])('%s', (_, text, expected) => bothSay('response', text, expected));
});
