import { fixed, type TemplateFunction } from '../template/functions.ts';
import { anyListType, anyType, isSigned } from '../template/kinds.ts';
import { Float, Int, List, typeOf, type Value } from '../template/values.ts';
import type { Named } from './define.ts';

/** Integers of one signedness compare by size, floats too, texts if they are of one type; all else is different. */
function isElement(element: Value, wanted: Value): boolean {
  if (element instanceof Int) {
    // Unsigned ones are found in no list: consul-template forgot them.
    return (
      wanted instanceof Int &&
      isSigned(element.type.kind) &&
      isSigned(wanted.type.kind) &&
      element.n === wanted.n
    );
  }
  if (element instanceof Float) return wanted instanceof Float && element.n === wanted.n;
  return typeof element === 'string' && typeOf(wanted) === typeOf(element) && element === wanted;
}

/** Whether a list has an element, or a text a part. */
export function isIn(haystack: Value, wanted: Value): boolean {
  if (haystack instanceof List) return haystack.items.some((element) => isElement(element, wanted));
  return typeof haystack === 'string' && typeof wanted === 'string' && haystack.includes(wanted);
}

function containing(
  decide: (needles: readonly Value[], has: (needle: Value) => boolean) => boolean,
): TemplateFunction {
  return fixed([anyListType, anyType], ([needles, haystack], context) => {
    const { items } = needles as List;
    if (haystack instanceof List) context.spend(items.length * haystack.items.length);
    return decide(items, (needle) => isIn(haystack, needle));
  });
}

export const membershipFunctions: Named = [
  ['in', fixed([anyType, anyType], ([haystack, wanted]) => isIn(haystack, wanted))],
  ['contains', fixed([anyType, anyType], ([wanted, haystack]) => isIn(haystack, wanted))],
  ['containsAll', containing((needles, has) => needles.every(has))],
  ['containsAny', containing((needles, has) => needles.some(has))],
  ['containsNone', containing((needles, has) => !needles.some(has))],
  ['containsNotAll', containing((needles, has) => !needles.every(has))],
];
