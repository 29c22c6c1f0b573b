import { compareText } from './bytes.ts';
import { FunctionError } from './errors.ts';
import { sprint } from './format.ts';
import { isComparable, isSigned, isUnsigned } from './kinds.ts';
import { isNil } from './truth.ts';
import { Dict, Float, Int, kindOf, List, Pointer, Struct, typeOf, type Value } from './values.ts';

type Basic = 'bool' | 'int' | 'uint' | 'float' | 'string' | 'other';

function basicKind(value: Value): Basic {
  const kind = kindOf(value);
  if (kind === 'bool' || kind === 'string') return kind;
  if (kind === 'float64') return 'float';
  if (kind === 'invalid' || kind === 'interface') return 'other';
  if (isSigned(kind)) return 'int';
  return isUnsigned(kind) ? 'uint' : 'other';
}

function areIntegers(one: Basic, other: Basic): boolean {
  return (one === 'int' || one === 'uint') && (other === 'int' || other === 'uint');
}

function incompatible(one: Value, other: Value): FunctionError {
  return new FunctionError(
    `incompatible types for comparison: ${typeOf(one)?.name} and ${typeOf(other)?.name}`,
  );
}

/** Go's `eq` of two: numbers of different kinds do not compare, nil compares with all. */
export function areEqual(first: Value, second: Value): boolean {
  const one = first ?? undefined;
  const other = second ?? undefined;
  const kind = basicKind(one);
  const otherKind = basicKind(other);
  if (areIntegers(kind, otherKind)) return (one as Int).n === (other as Int).n;
  if (kind !== otherKind) {
    if (one !== undefined && other !== undefined) throw incompatible(one, other);
    return false;
  }
  if (kind === 'float') return (one as Float).n === (other as Float).n;
  if (kind !== 'other') return one === other;
  return areSame(one, other);
}

/** Values that are not basic: nil with nil, pointers by what they point at, structs field by field. */
function areSame(one: Value, other: Value): boolean {
  const kind = kindOf(one);
  const otherKind = kindOf(other);
  if (kind !== otherKind && kind !== 'invalid' && otherKind !== 'invalid') {
    throw new FunctionError(
      `non-comparable types ${shown(one)}: ${typeOf(one)!.name}, ${typeOf(other)!.name}: ${shown(other)}`,
    );
  }
  if (isNil(one) || isNil(other)) return isNil(one) && isNil(other);
  if (!isComparable(typeOf(other)!)) {
    throw new FunctionError(`non-comparable type ${shown(other)}: ${typeOf(other)!.name}`);
  }
  if (one instanceof Pointer && other instanceof Pointer) return one.to === other.to;
  return one === other || (one instanceof Struct && deepEqual(one, other));
}

function shown(value: Value): string {
  return sprint([value], MAX_SHOWN);
}

const MAX_SHOWN = 100_000;

/** Go's `lt`. */
export function isLess(first: Value, second: Value): boolean {
  const one = basicKind(first);
  const other = basicKind(second);
  if (one === 'other' || other === 'other') throw new FunctionError('invalid type for comparison');
  if (areIntegers(one, other)) return (first as Int).n < (second as Int).n;
  if (one !== other) throw incompatible(first, second);
  if (one === 'bool') throw new FunctionError('invalid type for comparison');
  if (one === 'float') return (first as Float).n < (second as Float).n;
  return compareText(first as string, second as string) < 0;
}

/** Comparisons one call may make: shared parts could be visited without end. */
const MAX_COMPARED = 1_000_000;

/** Go's reflect.DeepEqual: same types, same contents; a nil list is not an empty one. */
export function deepEqual(one: Value, other: Value): boolean {
  let left = MAX_COMPARED;
  const same = (a: Value, b: Value, depth: number): boolean => {
    if (depth > 100 || left-- <= 0) throw new FunctionError('values too large to compare');
    if (a === b) return true;
    if (typeOf(a) !== typeOf(b) && typeOf(a)?.name !== typeOf(b)?.name) return false;
    if (a instanceof Int) return a.n === (b as Int).n;
    if (a instanceof Float) return a.n === (b as Float).n;
    if (a instanceof List)
      return a.isNil === (b as List).isNil && sameItems(a.items, (b as List).items, depth);
    if (a instanceof Struct) return sameItems(a.values, (b as Struct).values, depth);
    if (a instanceof Dict) return a.isNil === (b as Dict).isNil && sameEntries(a, b as Dict, depth);
    return a instanceof Pointer && same(a.to, (b as Pointer).to, depth + 1);
  };
  const sameItems = (a: readonly Value[], b: readonly Value[], depth: number): boolean =>
    a.length === b.length && a.every((item, index) => same(item, b[index], depth + 1));
  const sameEntries = (a: Dict, b: Dict, depth: number): boolean =>
    a.entries.size === b.entries.size &&
    [...a.entries].every(([key, item]) => b.entries.has(key) && same(item, b.entries.get(key), depth + 1));
  return same(one, other, 0);
}
