import { FunctionError } from '../template/errors.ts';
import { parseNumber } from '../template/number-literal.ts';
import { quote } from '../template/quote.ts';

/** Go's strconv: what a text says as a number, and the same words when it says none. */

const MAX_INT = (1n << 63n) - 1n;
const MIN_INT = -(1n << 63n);
const MAX_UINT = (1n << 64n) - 1n;

function refuse(call: string, text: string, why: string): never {
  throw new FunctionError(`strconv.${call}: parsing ${quote(text)}: ${why}`);
}

export function goInt(text: string, call = 'ParseInt'): bigint {
  if (!/^[+-]?[0-9]{1,400}$/.test(text)) refuse(call, text, 'invalid syntax');
  const value = BigInt(text.replace(/^\+/, ''));
  return value > MAX_INT || value < MIN_INT ? refuse(call, text, 'value out of range') : value;
}

export function goUint(text: string): bigint {
  if (!/^[0-9]{1,400}$/.test(text)) refuse('ParseUint', text, 'invalid syntax');
  const value = BigInt(text);
  return value > MAX_UINT ? refuse('ParseUint', text, 'value out of range') : value;
}

const DECIMAL = /^[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?$/;
const WORDS = /^([+-]?)(inf|infinity|nan)$/i;

export function goFloat(text: string): number {
  const word = WORDS.exec(text);
  if (word !== null) {
    if (word[2]!.toLowerCase() === 'nan')
      return word[1] === '' ? Number.NaN : refuse('ParseFloat', text, 'invalid syntax');
    return word[1] === '-' ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
  }
  const digits = text.replace(/(?<=[0-9])_(?=[0-9])/g, '');
  if (DECIMAL.test(digits)) {
    const value = Number(digits);
    return Number.isFinite(value) ? value : refuse('ParseFloat', text, 'value out of range');
  }
  // Hexadecimal, with the exponent that Go demands; underscores are for literals only.
  const literal = /^[+-]?0[xX][^_]*[pP]/.test(text) ? parseNumber(text) : 'none';
  if (typeof literal === 'string' || literal.float === null)
    return refuse('ParseFloat', text, 'invalid syntax');
  return literal.float;
}

const TRUE = new Set(['1', 't', 'T', 'TRUE', 'true', 'True']);
const FALSE = new Set(['0', 'f', 'F', 'FALSE', 'false', 'False']);

export function goBool(text: string): boolean {
  if (TRUE.has(text)) return true;
  return FALSE.has(text) ? false : refuse('ParseBool', text, 'invalid syntax');
}

/** Go's `Wrap(err, name)`: the function's name before what went wrong. */
export function wrapping<T>(name: string, run: () => T): T {
  try {
    return run();
  } catch (error) {
    if (error instanceof FunctionError) throw new FunctionError(`${name}: ${error.message}`);
    throw error;
  }
}
