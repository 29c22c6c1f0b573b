import { FunctionError } from './errors.ts';
import {
  assignable,
  type GoType,
  type IntegerKind,
  isSigned,
  isUnsigned,
  nillable,
  rawType,
} from './kinds.ts';
import type { Operand } from './nodes.ts';
import type { State } from './state.ts';
import { Float, Int, int, Pointer, typeOf, type Value, zeroOf } from './values.ts';

/** Gives a value as a parameter takes it, or fails with Go's words. `type` null takes everything. */
export function fitted(state: State, value: Value, type: GoType | null): Value {
  if (type === null || type === rawType) return value;
  if (value === undefined) {
    return nillable(type) ? zeroOf(type) : state.fail(`invalid value; expected ${type.name}`);
  }
  const found = typeOf(value)!;
  if (assignable(found, type)) return value;
  if (value instanceof Pointer && assignable(found.elem!, type)) {
    return value.to ?? state.fail(`dereference of nil pointer of type ${type.name}`);
  }
  return state.fail(`wrong type for value; expected ${type.name}; got ${found.name}`);
}

/** `nil` written as an argument. */
export function nilFor(state: State, type: GoType | null): Value {
  if (type === rawType) return undefined;
  if (type !== null && nillable(type)) return zeroOf(type);
  return state.fail(`cannot assign nil to ${type?.name ?? '%!s(<nil>)'}`);
}

type Literal = Extract<Operand, { kind: 'bool' | 'string' | 'number' }>;

/** A literal as a parameter takes it: 1 is an int, a uint or a float, as is asked for. */
export function literalFor(state: State, literal: Literal, type: GoType): Value {
  const source = literal.kind === 'bool' ? String(literal.value) : literal.source;
  const number = literal.kind === 'number' ? literal : null;
  if (type.kind === 'interface') return idealValue(state, literal);
  if (type.kind === 'bool') {
    return literal.kind === 'bool' ? literal.value : state.fail(`expected bool; found ${source}`);
  }
  if (type.kind === 'string') {
    return literal.kind === 'string' ? literal.text : state.fail(`expected string; found ${source}`);
  }
  if (type.kind === 'float64') {
    const float = number?.float ?? null;
    return float === null ? state.fail(`expected float; found ${source}`) : new Float(float);
  }
  if (isSigned(type.kind)) {
    const whole = number?.int ?? null;
    return whole === null
      ? state.fail(`expected integer; found ${source}`)
      : int(whole, type.kind as IntegerKind);
  }
  if (isUnsigned(type.kind)) {
    const whole = number?.uint ?? null;
    return whole === null
      ? state.fail(`expected unsigned integer; found ${source}`)
      : int(whole, type.kind as IntegerKind);
  }
  return state.fail(`can't handle ${source} for arg of type ${type.name}`);
}

/** A literal where nothing says which kind is wanted: its writing decides. */
export function idealValue(state: State, literal: Literal): Value {
  if (literal.kind === 'bool') return literal.value;
  if (literal.kind === 'string') return literal.text;
  const { source, int: whole, float } = literal;
  const isHexInteger = /^0[xX]/.test(source) && !/[pP]/.test(source);
  if (float !== null && !isHexInteger && !source.startsWith("'") && /[.eEpP]/.test(source))
    return new Float(float);
  return whole === null ? state.fail(`${source} overflows int`) : int(whole);
}

/** An argument of a function value, and a map's key: whole numbers convert, nothing else does. */
export function converted(value: Value, type: GoType): Value {
  if (value === undefined || value === null) {
    if (nillable(type)) return zeroOf(type);
    throw new FunctionError(`value is nil; should be of type ${type.name}`);
  }
  const found = typeOf(value)!;
  if (assignable(found, type)) return value;
  if (value instanceof Int && (isSigned(type.kind) || isUnsigned(type.kind))) {
    return new Int(type, int(value.n, type.kind as IntegerKind).n);
  }
  throw new FunctionError(`value has type ${found.name}; should be ${type.name}`);
}
