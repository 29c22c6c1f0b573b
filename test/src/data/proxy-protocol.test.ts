/** PROXY headers, byte by byte. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readProxyHeader } from '../../../src/data/proxy-protocol.ts';

const SIGNATURE = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1');
const V4 = [192, 0, 2, 1, 10, 0, 0, 1, 0xd9, 0x03, 0x01, 0xbb];
const V6 = [...v6(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1), ...v6(0, 0, 0, 0, 0, 0, 0, 1), 0, 80, 0, 81];
const MAPPED = [
  ...v6(0, 0, 0, 0, 0, 0xffff, 0xc000, 0x0201),
  ...v6(0, 0, 0, 0, 0, 0xffff, 0x0a00, 1),
  0,
  1,
  0,
  2,
];

function v6(...groups: number[]): number[] {
  return groups.flatMap((group) => [group >> 8, group & 255]);
}

function v2(command: number, family: number, body: readonly number[], length = body.length): Buffer {
  return Buffer.from([...SIGNATURE, command, family, length >> 8, length & 255, ...body]);
}

function tlv(type: number, value: readonly number[], length = value.length): number[] {
  return [type, length >> 8, length & 255, ...value];
}

const asText = (end: { address: string; port: number } | null) => (end ? `${end.address} ${end.port}` : null);

const TCP4 = ['192.0.2.1 55555', '10.0.0.1 443'] as const;
const NOBODY = [null, null] as const;

const GOOD: readonly (readonly [string, Buffer | string, readonly (string | null)[]])[] = [
  ['v1 TCP4', 'PROXY TCP4 192.0.2.1 10.0.0.1 55555 443\r\n', TCP4],
  ['v1 TCP6', 'PROXY TCP6 2001:DB8:0::1 ::1 0 65535\r\n', ['2001:db8::1 0', '::1 65535']],
  ['v1 mapped', 'PROXY TCP6 ::ffff:192.0.2.1 0:0:0:0:0:ffff:a00:1 1 2\r\n', ['192.0.2.1 1', '10.0.0.1 2']],
  ['v1 UNKNOWN', 'PROXY UNKNOWN\r\n', NOBODY],
  ['v1 UNKNOWN with anything', 'PROXY UNKNOWN ffff::1 what ever\r\n', NOBODY],
  ['v1 of 107 bytes', `PROXY UNKNOWN ${'x'.repeat(91)}\r\n`, NOBODY],
  ['v2 TCP over IPv4', v2(0x21, 0x11, V4), TCP4],
  ['v2 UDP over IPv4', v2(0x21, 0x12, V4), TCP4],
  ['v2 TCP over IPv6', v2(0x21, 0x21, V6), ['2001:db8::1 80', '::1 81']],
  ['v2 mapped', v2(0x21, 0x21, MAPPED), ['192.0.2.1 1', '10.0.0.1 2']],
  ['v2 with TLVs', v2(0x21, 0x11, [...V4, ...tlv(4, []), ...tlv(2, [...Buffer.from('a.test')])]), TCP4],
  ['v2 with a checksum', v2(0x21, 0x11, [...V4, ...tlv(3, [1, 2, 3, 4])]), TCP4],
  ['v2 of the largest size', v2(0x21, 0x11, [...V4, ...tlv(4, Array(4096 - 12 - 3).fill(0))]), TCP4],
  ['v2 LOCAL', v2(0x20, 0, []), NOBODY],
  ['v2 LOCAL with an address', v2(0x20, 0x11, V4), NOBODY],
  ['v2 LOCAL of an unknown family', v2(0x20, 0xf7, [1, 2, 3]), NOBODY],
  ['v2 unspecified', v2(0x21, 0, [1, 2, 3]), NOBODY],
  ['v2 unix socket', v2(0x21, 0x31, Array(216).fill(0)), NOBODY],
];

describe.each(GOOD)('%s', (_, text, [source, destination]) => {
  const bytes = Buffer.from(text as string, 'latin1');

  test.each(['', 'GET / HTTP/1.1\r\n', 'PROXY '])('is read, and what follows is left: %j', (rest) => {
    const read = readProxyHeader(Buffer.concat([bytes, Buffer.from(rest)]));
    if (typeof read === 'string') throw new Error(read);
    expect(read.length).toBe(bytes.length);
    expect([asText(read.source), asText(read.destination)]).toEqual([source, destination]);
  });

  test('needs every byte', () => {
    for (let cut = 0; cut < bytes.length; cut++) {
      expect(readProxyHeader(bytes.subarray(0, cut)), `cut at ${cut}`).toBe('more');
    }
  });
});

test.each([
  ['a request', 'GET / HTTP/1.1\r\n'],
  ['a request that looks alike', 'POST / HTTP/1.1\r\n'],
  ['TLS', '\x16\x03\x01'],
  ['an empty line', '\r\n\r\nGET'],
  ['lower case', 'proxy TCP4'],
  ['v1 without words', 'PROXY \r\n'],
  ['v1 of an unknown family', 'PROXY TCP5 192.0.2.1 10.0.0.1 1 2\r\n'],
  ['v1 UNKNOWN run together', 'PROXY UNKNOWNS\r\n'],
  ['v1 with too few words', 'PROXY TCP4 192.0.2.1 10.0.0.1 1\r\n'],
  ['v1 with too many words', 'PROXY TCP4 192.0.2.1 10.0.0.1 1 2 3\r\n'],
  ['v1 with two spaces', 'PROXY TCP4  192.0.2.1 10.0.0.1 1 2\r\n'],
  ['v1 with the other family', 'PROXY TCP4 ::1 ::1 1 2\r\n'],
  ['v1 with a zone', 'PROXY TCP6 fe80::1%eth0 ::1 1 2\r\n'],
  ['v1 with a bad address', 'PROXY TCP4 192.0.2.256 10.0.0.1 1 2\r\n'],
  ['v1 with octal', 'PROXY TCP4 192.0.02.1 10.0.0.1 1 2\r\n'],
  ['v1 with a port too large', 'PROXY TCP4 192.0.2.1 10.0.0.1 65536 2\r\n'],
  ['v1 with a leading zero', 'PROXY TCP4 192.0.2.1 10.0.0.1 01 2\r\n'],
  ['v1 with a sign', 'PROXY TCP4 192.0.2.1 10.0.0.1 +1 2\r\n'],
  ['v1 with a bare line feed', 'PROXY TCP4 192.0.2.1 10.0.0.1 1 2\n\r\n'],
  ['v1 of 108 bytes', `PROXY UNKNOWN ${'x'.repeat(92)}\r\n`],
  ['v1 that never ends', `PROXY TCP4 ${'x'.repeat(96)}`],
  ['v2 of another version', v2(0x11, 0x11, V4)],
  ['v2 with an unknown command', v2(0x22, 0x11, V4)],
  ['v2 of an unknown family', v2(0x21, 0x41, V4)],
  ['v2 with an unknown transport', v2(0x21, 0x13, V4)],
  ['v2 too short for its addresses', v2(0x21, 0x11, V4.slice(0, 11))],
  ['v2 IPv6 with IPv4 addresses', v2(0x21, 0x21, V4)],
  ['v2 that announces too much', v2(0x21, 0x11, [], 4097)],
  ['v2 with a TLV that reaches beyond it', v2(0x21, 0x11, [...V4, ...tlv(1, [1, 2], 3)])],
  ['v2 with half a TLV', v2(0x21, 0x11, [...V4, 1, 0])],
])('%s is refused', (_, text) => {
  expect(readProxyHeader(Buffer.from(text as string, 'latin1'))).toBe('bad');
});

describe('any bytes', () => {
  const anything = fc.uint8Array({ maxLength: 300 });
  const started = fc.oneof(
    anything,
    anything.map((bytes) => Buffer.concat([Buffer.from('PROXY '), bytes])),
    anything.map((bytes) => Buffer.concat([SIGNATURE, bytes])),
    fc
      .tuple(fc.constantFrom(0x20, 0x21), fc.integer({ min: 0, max: 0x3f }), anything)
      .map(([command, family, bytes]) => v2(command, family, [...bytes])),
    fc
      .tuple(fc.constantFrom('4', '6'), fc.string(), fc.ipV6(), fc.ipV6())
      .map(([family, text, from, to]) => Buffer.from(`PROXY TCP${family} ${from} ${to} 1 2${text}\r\n`)),
  );

  test('never throw, and a verdict stands whatever follows', () => {
    fc.assert(
      fc.property(started, anything, (bytes, rest) => {
        const read = readProxyHeader(Buffer.from(bytes));
        if (read === 'more') return;
        if (read !== 'bad') expect(read.length).toBeLessThanOrEqual(bytes.length);
        expect(readProxyHeader(Buffer.concat([bytes, rest]))).toEqual(read);
      }),
      { numRuns: 2000 },
    );
  });
});
