import type { TemplateFunction } from './functions.ts';
import {
  anyListType,
  anyMapType,
  anyType,
  bitsOf,
  boolType,
  channelOf,
  floatType,
  funcType,
  type GoType,
  type IntegerKind,
  integerType,
  isUnsigned,
  type Kind,
  pointerTo,
  sliceOf,
  stringListType,
  stringMapType,
  stringType,
  structType,
} from './kinds.ts';

/**
 * What a template computes with. Go's kinds stay apart where a template can tell: 80 and 80.0 neither compare nor
 * print alike. A bare JavaScript number is no value, so that nobody forgets to say which one is meant.
 *
 * `undefined` is absence (prints `<no value>`), `null` a nil interface (prints `<nil>` where it is an argument).
 */
export type Value =
  | undefined
  | null
  | boolean
  | string
  | Int
  | Float
  | List
  | Dict
  | Struct
  | Pointer
  | Func
  | Chan;

/**
 * An integer of any width. Always a bigint inside: indexes of Consul and hashes need 64 bits, and one form for all
 * leaves no second path for the numbers that happen to be large.
 */
export class Int {
  readonly type: GoType;
  readonly n: bigint;
  constructor(type: GoType, n: bigint) {
    this.type = type;
    this.n = n;
  }
}

export class Float {
  readonly type: GoType = floatType;
  readonly n: number;
  constructor(n: number) {
    this.n = n;
  }
}

/** A slice. Its capacity is its length. */
export class List {
  readonly type: GoType;
  readonly items: readonly Value[];
  /** Go's nil slice: equal to `nil`, otherwise an empty one. */
  readonly isNil: boolean;
  constructor(type: GoType, items: readonly Value[], isNil = false) {
    this.type = type;
    this.items = items;
    this.isNil = isNil;
  }
}

/** A map's key: string, integer, float (number) or bool. */
export type Key = string | bigint | number | boolean;

/** A map. Mutable, and shared when passed on, as Go's are. */
export class Dict {
  readonly type: GoType;
  readonly entries: Map<Key, Value>;
  readonly isNil: boolean;
  constructor(type: GoType, entries: Map<Key, Value>, isNil = false) {
    this.type = type;
    this.entries = entries;
    this.isNil = isNil;
  }
}

export class Struct {
  readonly type: GoType;
  /** In the order of the type's fields. */
  readonly values: readonly Value[];
  /** What its methods work on. */
  readonly inner: unknown;
  constructor(type: GoType, values: readonly Value[], inner?: unknown) {
    this.type = type;
    this.values = values;
    this.inner = inner;
  }
}

/** A pointer; to nothing where `to` is undefined. */
export class Pointer {
  readonly type: GoType;
  readonly to: Value;
  constructor(type: GoType, to: Value) {
    this.type = type;
    this.to = to;
  }
}

export class Func {
  readonly type: GoType = funcType;
  readonly does: TemplateFunction;
  constructor(does: TemplateFunction) {
    this.does = does;
  }
}

/** Values made one by one as they are ranged over, once: consul-template's `loop`. */
export class Chan {
  readonly type: GoType;
  readonly source: Iterator<Value>;
  constructor(type: GoType, source: Iterator<Value>) {
    this.type = type;
    this.source = source;
  }
}

/** An integer; wraps around like Go's where it does not fit. */
export function int(n: number | bigint, kind: IntegerKind = 'int'): Int {
  const bits = bitsOf(kind);
  const whole = BigInt(n);
  return new Int(
    integerType(kind),
    isUnsigned(kind) ? BigInt.asUintN(bits, whole) : BigInt.asIntN(bits, whole),
  );
}

export function uint(n: number | bigint): Int {
  return int(n, 'uint');
}

export function float(n: number): Float {
  return new Float(n);
}

export function list(elem: GoType, items: readonly Value[]): List {
  return new List(sliceOf(elem), items);
}

/** `[]string` */
export function strings(items: readonly string[]): List {
  return new List(stringListType, items);
}

export function dict(type: GoType, entries: Iterable<readonly [Key, Value]>): Dict {
  return new Dict(type, new Map(entries));
}

/** `map[string]string` */
export function stringMap(entries: Readonly<Record<string, string>>): Dict {
  return dict(stringMapType, Object.entries(entries));
}

/** A struct of its own type: for one of many, make the type once (`structType`) and use `record`. */
export function struct(name: string, fields: readonly (readonly [string, Value])[]): Struct {
  const type = structType(
    name,
    fields.map(([field, value]) => [field, typeOf(value) ?? anyType]),
  );
  return new Struct(
    type,
    fields.map(([, value]) => value),
  );
}

/** A struct of a type, its values in the order of the fields. */
export function record(type: GoType, values: readonly Value[], inner?: unknown): Struct {
  return new Struct(type, values, inner);
}

export function pointer(to: Struct | List | Dict | Int | Float): Pointer {
  return new Pointer(pointerTo(to.type), to);
}

/** A typed nil pointer, for a pointee of this type. */
export function nilPointer(to: GoType): Pointer {
  return new Pointer(pointerTo(to), undefined);
}

export function func(does: TemplateFunction): Func {
  return new Func(does);
}

export function chan(elem: GoType, source: Iterable<Value>): Chan {
  return new Chan(channelOf(elem), source[Symbol.iterator]());
}

/** The type a value has; null for what is absent. */
export function typeOf(value: Value): GoType | null {
  if (value === undefined) return null;
  if (value === null) return anyType;
  if (typeof value === 'string') return stringType;
  if (typeof value === 'boolean') return boolType;
  return value.type;
}

/** The kind a value has; `invalid` for what is absent, as in Go. */
export function kindOf(value: Value): Kind | 'invalid' {
  return typeOf(value)?.kind ?? 'invalid';
}

/** What a variable of this type holds before anything is stored in it. */
export function zeroOf(type: GoType): Value {
  switch (type.kind) {
    case 'bool':
      return false;
    case 'string':
      return '';
    case 'float64':
      return new Float(0);
    case 'slice':
      return new List(type, [], true);
    case 'map':
      return new Dict(type, new Map(), true);
    case 'struct':
      return new Struct(
        type,
        type.fields.map((field) => zeroOf(field.type)),
      );
    case 'ptr':
      return new Pointer(type, undefined);
    case 'interface':
    case 'func':
    case 'chan':
      return null;
    default:
      return new Int(type, 0n);
  }
}

/** A map's key as the value templates see. */
export function keyValue(type: GoType, key: Key): Value {
  if (typeof key === 'bigint') return new Int(type.kind === 'interface' ? integerType('int') : type, key);
  if (typeof key === 'number') return new Float(key);
  return key;
}

/** Deeper data is refused: printing and comparing recurse. */
const MAX_DEPTH = 100;

/**
 * Plain data as Go's `encoding/json` would hold it: numbers are float64, objects maps by string, lists of anything.
 * Objects are read by their own enumerable keys; a bigint becomes an int64. Deeper than 100 levels throws.
 */
export function fromJs(data: unknown, depth = 0): Value {
  if (depth > MAX_DEPTH) throw new RangeError(`data nested deeper than ${MAX_DEPTH} levels`);
  if (data === undefined || data === null) return null;
  if (typeof data === 'boolean') return data;
  if (typeof data === 'string') return data.toWellFormed();
  if (typeof data === 'number') return new Float(data);
  if (typeof data === 'bigint') return int(data, 'int64');
  if (Array.isArray(data))
    return new List(
      anyListType,
      data.map((item) => fromJs(item, depth + 1)),
    );
  if (typeof data === 'object') {
    const entries = Object.entries(data).map(
      ([key, item]) => [key.toWellFormed(), fromJs(item, depth + 1)] as const,
    );
    return dict(anyMapType, entries);
  }
  throw new TypeError(`a template cannot hold a ${typeof data}`);
}
