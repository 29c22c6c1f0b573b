/** The parsers agree with the reference, on single messages in any number of pieces. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { chunkedCase, requestCase, responseCase } from './arbitraries.ts';
import { check, oursOf } from './compare.ts';
import { type Case, generate } from './generator.ts';
import { Random } from './random.ts';
import { dump } from './shrink.ts';

/** Whole, cut, shifted, with bytes behind it, and the first part of it. */
function agree(input: Case, seed: number): void {
  const { disagreement } = check(input, new Random(seed));
  expect(disagreement, dump(input.bytes)).toBeNull();
}

describe('whatever is sent', () => {
  test.each([
    ['requests', requestCase, 4000],
    ['responses', responseCase, 2000],
    ['chunked bodies', chunkedCase, 3000],
  ])('%s are read as the RFCs say', (_, arbitrary, numRuns) => {
    fc.assert(fc.property(arbitrary, fc.nat(), agree), { numRuns });
  });

  test('the first cases of the long run', () => {
    for (let number = 0; number < 8000; number++) {
      const { input, random } = generate(1, number);
      const { disagreement } = check(input, random);
      expect(disagreement, `case ${number} of seed 1: ${dump(input.bytes)}`).toBeNull();
    }
  });
});

describe('every place of a cut', () => {
  test.each([
    ['a request', requestCase],
    ['a response', responseCase],
    ['a chunked body', chunkedCase],
  ])('%s in two pieces is the same as in one', (_, arbitrary) => {
    const property = fc.property(arbitrary, (input) => {
      const { bytes } = input;
      fc.pre(bytes.length < 600);
      const whole = oursOf(input, [bytes]);
      for (let at = 0; at <= bytes.length; at++) {
        const cut = oursOf(input, [bytes.subarray(0, at), bytes.subarray(at)]);
        expect(cut, `cut at ${at} of ${dump(bytes)}`).toEqual(whole);
      }
    });
    fc.assert(property, { numRuns: 150 });
  });
});
