import { fixed, type TemplateFunction, variadic } from '../template/functions.ts';
import { stringType } from '../template/kinds.ts';
import type { Value } from '../template/values.ts';

/** Functions by the name templates use. */
export type Named = readonly (readonly [name: string, does: TemplateFunction])[];

/** A function of so many texts. */
export function ofTexts(count: number, call: (...texts: string[]) => Value): TemplateFunction {
  return fixed(
    Array.from({ length: count }, () => stringType),
    (args) => call(...(args as string[])),
  );
}

/** A function of at least so many texts. */
export function ofManyTexts(least: number, call: (...texts: string[]) => Value): TemplateFunction {
  return variadic(
    Array.from({ length: least }, () => stringType),
    stringType,
    (args) => call(...(args as string[])),
  );
}
