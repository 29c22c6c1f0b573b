import { Chan, Dict, Float, Int, List, Pointer, type Value } from './values.ts';

/** Go's truth: zero and empty are false, a struct and a pointer to anything are true. */
export function isTrue(value: Value): boolean {
  if (value === undefined || value === null || value === '' || value === false) return false;
  if (value instanceof Int) return value.n !== 0n;
  if (value instanceof Float) return value.n !== 0;
  if (value instanceof List) return value.items.length > 0;
  if (value instanceof Dict) return value.entries.size > 0;
  if (value instanceof Pointer) return value.to !== undefined;
  return true;
}

/** Nil of any type, or absent. */
export function isNil(value: Value): boolean {
  if (value === undefined || value === null) return true;
  if (value instanceof List || value instanceof Dict) return value.isNil;
  return value instanceof Pointer && value.to === undefined;
}

/** What a pointer leads to; a nil pointer itself. */
export function indirect(value: Value): Value {
  let at = value;
  while (at instanceof Pointer && at.to !== undefined) at = at.to;
  return at;
}

/** Whether it can be printed into the output. */
export function isPrintable(value: Value): boolean {
  return (
    !(value instanceof Chan) &&
    (value === undefined || value === null || typeof value !== 'object' || value.type.kind !== 'func')
  );
}
