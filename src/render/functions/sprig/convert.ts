import { FunctionError } from '../../template/errors.ts';
import { sprint } from '../../template/format.ts';
import { parseNumber } from '../../template/number-literal.ts';
import { indirect } from '../../template/truth.ts';
import { Float, Int, int, List, typeOf, type Value } from '../../template/values.ts';

/** How sprig makes one kind of value of another: leniently, and with zero for what cannot be. */

const MAX_SHOWN = 16 * 1024 * 1024;
const MAX_INT = (1n << 63n) - 1n;

export function textOf(value: Value): string {
  return typeof value === 'string' ? value : sprint([value], MAX_SHOWN);
}

/** Texts of a list's items but nil; anything else is a list of itself. */
export function textsOf(value: Value): readonly string[] {
  if (value === undefined || value === null) return [];
  const list = indirect(value);
  if (!(list instanceof List)) return [textOf(value)];
  return list.items.filter((item) => item !== null && item !== undefined).map(textOf);
}

export function toInt64(given: Value): bigint {
  const value = indirect(given);
  if (typeof value === 'boolean') return value ? 1n : 0n;
  if (value instanceof Int) return int(value.n, 'int64').n;
  if (value instanceof Float)
    return Number.isFinite(value.n) ? int(BigInt(Math.trunc(value.n)), 'int64').n : 0n;
  if (typeof value !== 'string') return 0n;
  const parsed = parseNumber(value.replace(/^\+/, '').replace(/\.0+$/, ''));
  const whole =
    typeof parsed === 'string' || /[.eEpP]/.test(value.replace(/^[+-]?0[xX].*|\.0+$/, ''))
      ? null
      : parsed.int;
  return whole ?? 0n;
}

export function toFloat64(given: Value): number {
  const value = indirect(given);
  if (typeof value === 'boolean') return value ? 1 : 0;
  if (value instanceof Int) return Number(value.n);
  if (value instanceof Float) return value.n;
  if (typeof value !== 'string' || value === '' || value.trim() !== value) return 0;
  const number = Number(value);
  return Number.isFinite(number) ? number : 0;
}

/** A whole number that is to count something. */
export function smallCount(value: Value, most: number): number {
  const n = (value as Int).n;
  if (n > BigInt(most)) throw new FunctionError(`must not exceed ${most}`);
  return Number(n < -BigInt(most) ? -BigInt(most) : n);
}

export function int64(n: bigint): Int {
  return int(n > MAX_INT ? MAX_INT : n, 'int64');
}

/** The items of a list, of any type of list. */
export function itemsOf(value: Value, doing: string): readonly Value[] {
  const list = indirect(value);
  if (list instanceof List) return list.items;
  throw new FunctionError(`Cannot ${doing} on type ${typeOf(value)?.kind ?? 'invalid'}`);
}
