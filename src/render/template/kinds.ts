import type { Method } from './functions.ts';
import type { Value } from './values.ts';

/** What a value is made of, by the names of Go's reflect. */
export type Kind =
  | 'bool'
  | IntegerKind
  | 'float64'
  | 'string'
  | 'slice'
  | 'map'
  | 'struct'
  | 'ptr'
  | 'func'
  | 'chan'
  | 'interface';

export type IntegerKind = SignedKind | UnsignedKind;
type SignedKind = 'int' | 'int8' | 'int16' | 'int32' | 'int64';
type UnsignedKind = 'uint' | 'uint8' | 'uint16' | 'uint32' | 'uint64';

export interface Field {
  readonly name: string;
  readonly type: GoType;
}

/** A Go type, as far as a template can tell: by its name in messages, `%T`, zero values, and what it accepts. */
export interface GoType {
  readonly name: string;
  readonly kind: Kind;
  /** The type behind a defined name; the name itself where there is none. */
  readonly literal: string;
  /** Of a slice, map, channel or pointer. */
  readonly elem: GoType | null;
  /** Of a map. */
  readonly key: GoType | null;
  /** Of a struct, in their order. */
  readonly fields: readonly Field[];
  readonly fieldIndex: ReadonlyMap<string, number>;
  readonly methods: ReadonlyMap<string, Method>;
  /** Go's String(): how a value of this type prints, if not like its parts. */
  readonly text: ((value: Value) => string) | null;
}

/** What a defined type has beyond what it is made of. */
export interface TypeExtras {
  readonly methods?: Readonly<Record<string, Method>>;
  readonly text?: (value: Value) => string;
}

const noFields: ReadonlyMap<string, number> = new Map();
const noMethods: ReadonlyMap<string, Method> = new Map();

function plain(name: string, kind: Kind, elem: GoType | null = null, key: GoType | null = null): GoType {
  return {
    name,
    kind,
    literal: name,
    elem,
    key,
    fields: [],
    fieldIndex: noFields,
    methods: noMethods,
    text: null,
  };
}

const integerTypes: ReadonlyMap<IntegerKind, GoType> = new Map(
  (['int', 'int8', 'int16', 'int32', 'int64', 'uint', 'uint8', 'uint16', 'uint32', 'uint64'] as const).map(
    (name) => [name, plain(name, name)],
  ),
);

/** The type of integers of one width. */
export function integerType(name: IntegerKind): GoType {
  return integerTypes.get(name)!;
}

export const intType = integerType('int');
export const int64Type = integerType('int64');
export const uintType = integerType('uint');
export const boolType = plain('bool', 'bool');
export const floatType = plain('float64', 'float64');
export const stringType = plain('string', 'string');
/** Any value at all. */
export const anyType = plain('interface {}', 'interface');
/** Any value, and absence as itself: what the builtin functions take. */
export const rawType = plain('reflect.Value', 'interface');
export const funcType = plain('func', 'func');

const slices = new Map<GoType, GoType>();
const pointers = new Map<GoType, GoType>();

/** `[]elem`; the same object for the same element. */
export function sliceOf(elem: GoType): GoType {
  return remembered(slices, elem, () => plain(`[]${elem.name}`, 'slice', elem));
}

export function mapOf(key: GoType, elem: GoType): GoType {
  return plain(`map[${key.name}]${elem.name}`, 'map', elem, key);
}

export function pointerTo(elem: GoType): GoType {
  return remembered(pointers, elem, () => plain(`*${elem.name}`, 'ptr', elem));
}

export function channelOf(elem: GoType): GoType {
  return plain(`chan ${elem.name}`, 'chan', elem);
}

export const stringListType = sliceOf(stringType);
export const anyListType = sliceOf(anyType);
export const stringMapType = mapOf(stringType, stringType);
export const anyMapType = mapOf(stringType, anyType);

/** A struct's type, its fields in the order in which they print. */
export function structType(
  name: string,
  fields: readonly (readonly [name: string, type: GoType])[],
  extras: TypeExtras = {},
): GoType {
  const listed = fields.map(([field, type]) => ({ name: field, type }));
  return {
    ...defined(name, plain(name, 'struct'), extras),
    fields: listed,
    fieldIndex: new Map(listed.map((field, index) => [field.name, index])),
  };
}

/** A defined type, such as consul-template's list of tags: prints under its own name and may have methods. */
export function defined(name: string, underlying: GoType, extras: TypeExtras = {}): GoType {
  return {
    ...underlying,
    name,
    literal: underlying.kind === 'struct' ? name : underlying.literal,
    methods: new Map(Object.entries(extras.methods ?? {})),
    text: extras.text ?? null,
  };
}

/** Go's assignability: identical types, anything to `interface {}`, a literal type to a defined one and back. */
export function assignable(from: GoType, to: GoType): boolean {
  if (from === to || to.kind === 'interface' || from.name === to.name) return true;
  if (from.literal !== to.literal || !isComposite(from.kind)) return false;
  return from.name === from.literal || to.name === to.literal;
}

/** Whether `nil` is one of its values. */
export function nillable(type: GoType): boolean {
  return isComposite(type.kind) || type.kind === 'interface';
}

/** Whether Go's `==` works on it: not on slices, maps, functions and structs that have one. */
export function isComparable(type: GoType): boolean {
  if (type.kind === 'struct') return type.fields.every((field) => isComparable(field.type));
  return type.kind !== 'slice' && type.kind !== 'map' && type.kind !== 'func';
}

export function isSigned(kind: Kind): boolean {
  return kind.startsWith('int') && kind !== 'interface';
}

export function isUnsigned(kind: Kind): boolean {
  return kind.startsWith('uint');
}

/** Bits of an integer kind; `int` and `uint` have 64. */
export function bitsOf(kind: IntegerKind): number {
  return Number(/\d+$/.exec(kind)?.[0] ?? 64);
}

function isComposite(kind: Kind): boolean {
  return kind === 'slice' || kind === 'map' || kind === 'ptr' || kind === 'func' || kind === 'chan';
}

function remembered(known: Map<GoType, GoType>, elem: GoType, make: () => GoType): GoType {
  const found = known.get(elem) ?? make();
  known.set(elem, found);
  return found;
}
