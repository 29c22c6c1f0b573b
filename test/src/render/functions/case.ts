import { expect, test } from 'vitest';
import { failure, type RenderOptions, rendered } from '../fakes.ts';

/** A template and its output, or its error from the reason on. */
export type Case = readonly [template: string, expected: string];

export function rendersAll(cases: readonly Case[], options?: RenderOptions): void {
  test.each(cases)('%s', (template, expected) => {
    expect(rendered(template, options)).toBe(expected);
  });
}

export function failsAll(cases: readonly Case[], options?: RenderOptions): void {
  test.each(cases)('%s', (template, expected) => {
    expect(failure(template, options)).toBe(expected);
  });
}

/** The same over pairs of keys and values below `p`. */
export type PairCase = readonly [template: string, expected: string, pairs: Readonly<Record<string, string>>];
