import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  byteLength,
  canonical,
  compareText,
  fromBytes,
  sliceBytes,
  toBytes,
} from '../../../../src/render/template/bytes.ts';

const anyBytes = fc.uint8Array({ maxLength: 40 });

describe('bytes as text', () => {
  test('every sequence of bytes comes back', () => {
    fc.assert(
      fc.property(anyBytes, (bytes) => {
        expect(toBytes(fromBytes(bytes))).toEqual(bytes);
        expect(byteLength(fromBytes(bytes))).toBe(bytes.length);
      }),
    );
  });

  test('text that is UTF-8 stays as it is', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(fromBytes(toBytes(text))).toBe(text);
        expect(byteLength(text)).toBe(Buffer.byteLength(text));
      }),
    );
  });

  test('order is that of the bytes', () => {
    fc.assert(
      fc.property(anyBytes, anyBytes, (one, other) => {
        const order = Math.sign(compareText(fromBytes(one), fromBytes(other)));
        expect(order).toBe(Buffer.compare(one, other));
      }),
    );
  });

  test('cutting and joining at any byte loses nothing', () => {
    fc.assert(
      fc.property(anyBytes, fc.nat(40), (bytes, at) => {
        const text = fromBytes(bytes);
        const cut = Math.min(at, bytes.length);
        const [head, tail] = [sliceBytes(text, 0, cut), sliceBytes(text, cut, bytes.length)];
        expect(canonical(head + tail)).toBe(text);
      }),
    );
  });

  test.each([
    ['an overlong form', [0xc0, 0x80]],
    ['a surrogate', [0xed, 0xa0, 0x80]],
    ['beyond the last character', [0xf4, 0x90, 0x80, 0x80]],
    ['a sequence cut short', [0xe4, 0xb8]],
    ['a continuation alone', [0x80]],
  ])('%s is not decoded', (_, bytes) => {
    const text = fromBytes(Uint8Array.from(bytes));
    expect(text).toBe(bytes.map((byte) => String.fromCharCode(0xdc00 + byte)).join(''));
  });

  test('a byte order mark is kept', () => {
    expect(fromBytes(Uint8Array.from([0xef, 0xbb, 0xbf, 0x61]))).toBe('\ufeffa');
  });
});
