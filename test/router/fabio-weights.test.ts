import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { fabioWeights } from '../../router/fabio-weights.ts';

/** Weights as shares of 1. */
function shares(fixed: readonly (number | null)[]): number[] {
  const weights = fabioWeights(fixed);
  const sum = weights.reduce((total, weight) => total + weight, 0);
  return weights.map((weight) => weight / sum);
}

describe('Fabio’s weights', () => {
  test.each([
    ['without fixed shares all are equal', [null, null], [0.5, 0.5]],
    ['dynamic targets divide what is left', [0.2, null, null], [0.2, 0.4, 0.4]],
    ['fixed shares under 1 with nobody else are scaled up', [0.1, 0.3], [0.25, 0.75]],
    ['fixed shares over 1 are scaled down', [1.5, 0.5], [0.75, 0.25]],
    ['fixed shares over 1 starve the dynamic ones', [0.9, 0.6, null], [0.6, 0.4, 0]],
    ['fixed shares of exactly 1 starve the dynamic ones', [1, null], [1, 0]],
    [
      'ten tenths leave nothing over',
      [...new Array<number>(10).fill(0.1), null],
      [...new Array<number>(10).fill(0.1), 0],
    ],
    ['zero and negative shares are dynamic', [0.5, 0, -3], [0.5, 0.25, 0.25]],
    ['what is not a number is dynamic', [0.5, Number.NaN, Number.POSITIVE_INFINITY], [0.5, 0.25, 0.25]],
    ['one target takes everything', [0.01], [1]],
    ['huge shares stay finite', [1e308, 1e308], [0.5, 0.5]],
  ])('%s', (_name, fixed, wanted) => {
    const actual = shares(fixed);
    expect(actual).toHaveLength(wanted.length);
    for (const [index, share] of wanted.entries()) expect(actual[index]).toBeCloseTo(share, 9);
  });

  test('no targets have no weights', () => {
    expect(fabioWeights([])).toEqual([]);
  });

  test('weights are finite, never negative, and somebody always takes traffic', () => {
    const share = fc.oneof(fc.constant(null), fc.double());
    fc.assert(
      fc.property(fc.array(share, { minLength: 1 }), (fixed) => {
        const weights = fabioWeights(fixed);
        expect(weights).toHaveLength(fixed.length);
        expect(weights.every((weight) => weight >= 0 && Number.isFinite(weight))).toBe(true);
        expect(weights.some((weight) => weight > 0)).toBe(true);
      }),
    );
  });
});
