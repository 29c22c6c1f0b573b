import { converted } from './argument-types.ts';
import { byteLength, sliceBytes, toBytes } from './bytes.ts';
import { FunctionError } from './errors.ts';
import { indirect } from './truth.ts';
import {
  Chan,
  Dict,
  Float,
  Int,
  int,
  type Key,
  List,
  Pointer,
  typeOf,
  type Value,
  zeroOf,
} from './values.ts';

/** The builtins `len`, `index` and `slice`. Strings count and are cut in bytes. */

export function lengthOf(item: Value): number {
  if (item === undefined) throw new FunctionError('reflect: call of reflect.Value.Type on zero Value');
  const target = indirect(item);
  if (target === null || target instanceof Pointer) throw new FunctionError('len of nil pointer');
  if (typeof target === 'string') return byteLength(target);
  if (target instanceof List) return target.items.length;
  if (target instanceof Dict) return target.entries.size;
  // A channel's length is what it has buffered; loop's has no buffer.
  if (target instanceof Chan) return 0;
  throw new FunctionError(`len of type ${typeOf(target)!.name}`);
}

/** `index x 1 2 3` is x[1][2][3]. */
export function elementOf(item: Value, indexes: readonly Value[]): Value {
  if (item === undefined || item === null) throw new FunctionError('index of untyped nil');
  let found: Value = item;
  for (const index of indexes) found = stepInto(indirect(found), index ?? undefined);
  return found;
}

function stepInto(item: Value, index: Value): Value {
  if (item === null || item instanceof Pointer) throw new FunctionError('index of nil pointer');
  if (typeof item === 'string')
    return int(toBytes(item)[position(index, byteLength(item), 'string')]!, 'uint8');
  if (item instanceof List) return item.items[position(index, item.items.length, 'slice')];
  if (item instanceof Dict) {
    const key = keyOf(converted(index, item.type.key!));
    const value = item.entries.get(key);
    return value === undefined ? zeroOf(item.type.elem!) : value;
  }
  throw new FunctionError(`can't index item of type ${typeOf(item)!.name}`);
}

function position(index: Value, length: number, what: 'string' | 'slice'): number {
  const at = offset(index, length);
  if (at === length) throw new FunctionError(`reflect: ${what} index out of range`);
  return at;
}

/** An index from 0 up to and including the length. */
function offset(index: Value, length: number): number {
  if (index === undefined) throw new FunctionError('cannot index slice/array with nil');
  if (!(index instanceof Int)) {
    throw new FunctionError(`cannot index slice/array with type ${typeOf(index)!.name}`);
  }
  const at = BigInt.asIntN(64, index.n);
  if (at < 0n || at > BigInt(length)) throw new FunctionError(`index out of range: ${at}`);
  return Number(at);
}

/** A value as a map holds it for a key. */
function keyOf(value: Value): Key {
  if (typeof value === 'string' || typeof value === 'boolean') return value;
  if (value instanceof Int || value instanceof Float) return value.n;
  throw new FunctionError(`runtime error: hash of unhashable type ${typeOf(value)?.name ?? 'nil'}`);
}

/** `slice x 1 2` is x[1:2]. A slice's third index, its capacity, is checked and then means nothing. */
export function sliceOfValue(item: Value, indexes: readonly Value[]): Value {
  if (item === undefined || item === null) throw new FunctionError('slice of untyped nil');
  const target = indirect(item);
  if (target instanceof Pointer) throw new FunctionError('slice of nil pointer');
  if (indexes.length > 3) throw new FunctionError(`too many slice indexes: ${indexes.length}`);
  if (typeof target !== 'string' && !(target instanceof List)) {
    throw new FunctionError(`can't slice item of type ${typeOf(target)!.name}`);
  }
  if (typeof target === 'string' && indexes.length === 3)
    throw new FunctionError('cannot 3-index slice a string');
  const length = typeof target === 'string' ? byteLength(target) : target.items.length;
  const [from = 0, to = length, capacity = length] = indexes.map((index) =>
    offset(index ?? undefined, length),
  );
  if (from > to) throw new FunctionError(`invalid slice index: ${from} > ${to}`);
  if (to > capacity) throw new FunctionError(`invalid slice index: ${to} > ${capacity}`);
  if (typeof target === 'string') return sliceBytes(target, from, to);
  return new List(target.type, target.items.slice(from, to), target.isNil);
}
