import { expect, test } from 'vitest';
import { TemplateError } from '../../../../src/render/template/errors.ts';
import { executeTemplate } from '../../../../src/render/template/execute.ts';
import { parseTemplate } from '../../../../src/render/template/parser.ts';
import type { MissingKey } from '../../../../src/render/template/state.ts';
import type { Value } from '../../../../src/render/template/values.ts';
import { functions, world } from './world.ts';

/** What it shows, the template, and its output or the text of its error after `template: t:`. */
export type Case = readonly [title: string, template: string, expected: string];

/** The output of a template over the tables' data. */
export function rendered(text: string, missingKey: MissingKey = 'default', data: Value = world): string {
  return executeTemplate(parseTemplate(text, { name: 't', functions }), {
    data,
    functions,
    missingKey,
    now: () => 0,
  });
}

/** The error a template ends with. */
export function failureOf(run: () => unknown): TemplateError {
  try {
    run();
  } catch (error) {
    if (error instanceof TemplateError) return error;
    throw error;
  }
  throw new Error('the template did not fail');
}

export function rendersAll(cases: readonly Case[], missingKey?: MissingKey): void {
  test.each(cases)('%s', (_, text, expected) => {
    expect(rendered(text, missingKey)).toBe(expected);
  });
}

export function failsAll(cases: readonly Case[], missingKey?: MissingKey): void {
  test.each(cases)('%s', (_, text, expected) => {
    expect(failureOf(() => rendered(text, missingKey)).message).toBe(`template: t:${expected}`);
  });
}
