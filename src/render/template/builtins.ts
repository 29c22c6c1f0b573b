import { areEqual, isLess } from './compare.ts';
import { elementOf, lengthOf, sliceOfValue } from './elements.ts';
import { FunctionError } from './errors.ts';
import { escapeHtml, escapeJs, escapeQuery } from './escape.ts';
import { sprint, sprintf, sprintln } from './format.ts';
import { type CallContext, type Functions, fixed, type TemplateFunction, variadic } from './functions.ts';
import { anyType, rawType, stringType } from './kinds.ts';
import { indirect, isTrue } from './truth.ts';
import { int, Pointer, type Value } from './values.ts';

function comparison(holds: (one: Value, other: Value) => boolean): TemplateFunction {
  return fixed([rawType, rawType], ([one, other]) => holds(one, other));
}

/** `eq a b c`: whether a equals any of the others. */
function equalsAny([first, ...others]: readonly Value[]): boolean {
  if (others.length === 0) throw new FunctionError('missing argument for comparison');
  return others.some((other) => areEqual(first, other));
}

/** Arguments as a template prints them: absence as `<no value>`, what a pointer leads to. */
function printed(values: readonly Value[], { maxStringBytes }: CallContext): string {
  const [first] = values;
  if (values.length === 1 && typeof first === 'string') return first;
  const shown = values.map((value) => (value instanceof Pointer ? indirect(value) : (value ?? '<no value>')));
  return sprint(shown, maxStringBytes);
}

function escaping(escaped: (text: string) => string): TemplateFunction {
  return variadic([], anyType, (values, context) => escaped(printed(values, context)));
}

/** The builtin functions but `and`, `or` and `call`, which decide themselves what is evaluated. */
export const builtins: Functions = new Map<string, TemplateFunction>([
  ['not', fixed([rawType], ([value]) => !isTrue(value))],
  ['len', fixed([rawType], ([value]) => int(lengthOf(value)))],
  ['index', variadic([rawType], rawType, ([item, ...indexes]) => elementOf(item, indexes))],
  ['slice', variadic([rawType], rawType, ([item, ...indexes]) => sliceOfValue(item, indexes))],
  ['eq', variadic([rawType], rawType, equalsAny)],
  ['ne', comparison((one, other) => !areEqual(one, other))],
  ['lt', comparison(isLess)],
  ['le', comparison((one, other) => isLess(one, other) || areEqual(one, other))],
  ['gt', comparison((one, other) => !isLess(one, other) && !areEqual(one, other))],
  ['ge', comparison((one, other) => !isLess(one, other))],
  ['print', variadic([], anyType, (values, { maxStringBytes }) => sprint(values, maxStringBytes))],
  ['println', variadic([], anyType, (values, { maxStringBytes }) => sprintln(values, maxStringBytes))],
  [
    'printf',
    variadic([stringType], anyType, ([format, ...values], { maxStringBytes }) =>
      sprintf(format as string, values, maxStringBytes),
    ),
  ],
  ['html', escaping(escapeHtml)],
  ['js', escaping(escapeJs)],
  ['urlquery', escaping(escapeQuery)],
]);
