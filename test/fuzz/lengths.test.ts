/** `Content-Length` values: exact, or refused. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { readLength } from '../../src/data/http1/heads.ts';
import { LENGTHS, ODD_LENGTHS } from './vocabulary.ts';

function expected(text: string): number {
  if (!/^[0-9]+$/.test(text)) return -1;
  const exact = BigInt(text);
  return exact > BigInt(Number.MAX_SAFE_INTEGER) ? -2 : Number(exact);
}

const digits = fc.bigInt({ min: 0n, max: 1n << 70n }).map(String);
const nearTheEdge = fc.bigInt({ min: (1n << 53n) - 4n, max: (1n << 53n) + 4n }).map(String);
const zeros = fc.tuple(fc.nat(40), digits).map(([count, text]) => '0'.repeat(count) + text);
const nearlyDigits = fc.string({ unit: fc.constantFrom(...'0123456789+-. ,x_e\xb2\t'), maxLength: 20 });

test('a length is the number its digits say, or no length at all', () => {
  const text = fc.oneof(digits, nearTheEdge, zeros, nearlyDigits, fc.string());
  fc.assert(
    fc.property(text, (value) => {
      expect(readLength(value)).toBe(expected(value));
    }),
    { numRuns: 5000 },
  );
});

test.each([...LENGTHS, ...ODD_LENGTHS])('the length %j', (value) => {
  expect(readLength(value)).toBe(expected(value));
});
