import { FunctionError } from '../template/errors.ts';
import { sprintf } from '../template/format.ts';
import { fixed, type TemplateFunction } from '../template/functions.ts';
import { anyType, isSigned, isUnsigned } from '../template/kinds.ts';
import { Float, float, Int, int, typeOf, type Value } from '../template/values.ts';
import type { Named } from './define.ts';

/**
 * consul-template's arithmetic: the second argument is the left operand, so that a piped value is what is worked on
 * (`5 | subtract 2` is 3). Whole numbers give an int64, two unsigned ones a uint64, and any float a float64.
 */

interface Operation {
  readonly whole: (a: bigint, b: bigint) => bigint;
  readonly real: ((a: number, b: number) => number) | null;
}

const operations: Readonly<Record<string, Operation>> = {
  add: { whole: (a, b) => a + b, real: (a, b) => a + b },
  subtract: { whole: (a, b) => a - b, real: (a, b) => a - b },
  multiply: { whole: (a, b) => a * b, real: (a, b) => a * b },
  divide: { whole: (a, b) => a / nonZero(b), real: (a, b) => a / b },
  modulo: { whole: (a, b) => a % nonZero(b), real: null },
};

function nonZero(divisor: bigint): bigint {
  if (divisor === 0n) throw new FunctionError('runtime error: integer divide by zero');
  return divisor;
}

type Kind = 'int' | 'uint' | 'float';

function kindOf(name: string, value: Value, allowFloat: boolean): Kind {
  if (value instanceof Float && allowFloat) return 'float';
  if (value instanceof Int && isSigned(value.type.kind)) return 'int';
  if (value instanceof Int && isUnsigned(value.type.kind)) return 'uint';
  if (value === undefined || value === null)
    throw new FunctionError(`${name}: unknown type for <invalid reflect.Value> (<nil>)`);
  const shown = sprintf('%q', [value], 1_000);
  throw new FunctionError(`${name}: unknown type for ${shown} (${typeOf(value)!.name})`);
}

function sizeOf(value: Value): number {
  return value instanceof Float ? value.n : Number((value as Int).n);
}

function calculating(name: string, { whole, real }: Operation): TemplateFunction {
  return fixed([anyType, anyType], ([b, a]) => {
    const left = kindOf(name, a, real !== null);
    const right = kindOf(name, b, real !== null);
    if (real !== null && (left === 'float' || right === 'float')) return float(real(sizeOf(a), sizeOf(b)));
    const isUnsignedPair = left === 'uint' && right === 'uint';
    return int(whole((a as Int).n, (b as Int).n), isUnsignedPair ? 'uint64' : 'int64');
  });
}

/** Gives the chosen operand, widened. */
function choosing(
  name: string,
  isFirst: (a: number | bigint, b: number | bigint) => boolean,
): TemplateFunction {
  return fixed([anyType, anyType], ([b, a]) => {
    kindOf(name, a, true);
    kindOf(name, b, true);
    const areWhole = a instanceof Int && b instanceof Int;
    return widened(areWhole ? (isFirst(a.n, b.n) ? a : b) : isFirst(sizeOf(a), sizeOf(b)) ? a : b);
  });
}

function widened(value: Value): Value {
  if (!(value instanceof Int)) return value;
  return int(value.n, isSigned(value.type.kind) ? 'int64' : 'uint64');
}

export const mathFunctions: Named = [
  ...Object.entries(operations).map(([name, operation]) => [name, calculating(name, operation)] as const),
  ['minimum', choosing('minimum', (a, b) => a < b)],
  ['maximum', choosing('maximum', (a, b) => a > b)],
];
