import { quote, unquoteRune } from './quote.ts';

/** What a number's text may stand for; null where it cannot. */
export interface NumberValue {
  readonly int: bigint | null;
  readonly uint: bigint | null;
  readonly float: number | null;
}

const MAX_UINT = (1n << 64n) - 1n;
const MAX_INT = (1n << 63n) - 1n;
const MIN_INT = -(1n << 63n);

/** Go's number literals in every base, `_` between digits included; a message where it is none. */
export function parseNumber(text: string): NumberValue | string {
  if (text.endsWith('i') && parseFloatLiteral(text.slice(0, -1)) !== null) return complexRefused(text);
  const whole = parseInteger(text);
  if (whole !== null) {
    const uint = whole >= 0n && whole <= MAX_UINT && !/^[+-]/.test(text) ? whole : whole === 0n ? 0n : null;
    const int = whole >= MIN_INT && whole <= MAX_INT ? whole : null;
    if (int !== null || uint !== null) return { int, uint, float: Number(int ?? uint) };
  }
  const float = parseFloatLiteral(text);
  if (float === null) return `illegal number syntax: ${quote(text)}`;
  if (!/[.eEpP]/.test(text)) return `integer overflow: ${quote(text)}`;
  const asInteger = Number.isInteger(float) ? BigInt(float) : null;
  return {
    int: asInteger !== null && asInteger >= MIN_INT && asInteger <= MAX_INT ? asInteger : null,
    uint: asInteger !== null && asInteger >= 0n && asInteger <= MAX_UINT ? asInteger : null,
    float,
  };
}

export function complexRefused(text: string): string {
  return `complex numbers are not supported: ${quote(text)}`;
}

/** A character constant is the number of its character. */
export function parseRune(literal: string): NumberValue | string {
  const code = unquoteRune(literal);
  if (typeof code === 'string') return code;
  return { int: BigInt(code), uint: BigInt(code), float: code };
}

const integerForms: readonly (readonly [RegExp, string])[] = [
  [/^0[xX](?:_?[0-9a-fA-F])+$/, '0x'],
  [/^0[oO](?:_?[0-7])+$/, '0o'],
  [/^0[bB](?:_?[01])+$/, '0b'],
  [/^0(?:_?[0-7])+$/, '0'],
  [/^(?:0|[1-9](?:_?[0-9])*)$/, ''],
];

function parseInteger(text: string): bigint | null {
  const digits = text.replace(/^[+-]/, '');
  for (const [form, prefix] of integerForms) {
    if (!form.test(digits)) continue;
    const bare = digits.replaceAll('_', '').slice(prefix.length);
    const size = BigInt((prefix === '0' ? '0o' : prefix) + bare);
    return text.startsWith('-') ? -size : size;
  }
  return null;
}

/** `_` stands between digits, or after a base prefix. */
const UNDERSCORES = /^[+-]?(?:0[xX](?=_))?(?:[0-9a-fA-F.xXpP+-]|(?<=[0-9a-fA-FxX])_(?=[0-9a-fA-F]))*$/;
const DECIMAL = /^[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?$/;
const HEXADECIMAL = /^([+-]?)0[xX]([0-9a-fA-F]*)\.?([0-9a-fA-F]*)[pP]([+-]?[0-9]+)$/;

function parseFloatLiteral(text: string): number | null {
  if (text.includes('_') && !UNDERSCORES.test(text)) return null;
  const digits = text.replaceAll('_', '');
  if (DECIMAL.test(digits)) {
    const value = Number(digits);
    return Number.isFinite(value) ? value : null;
  }
  const match = HEXADECIMAL.exec(digits);
  if (match === null) return null;
  const [, sign = '', whole = '', fraction = '', exponent = '0'] = match;
  if (whole + fraction === '' || Math.abs(Number(exponent)) > 10_000) return null;
  const value = scaled(BigInt(`0x${whole}${fraction}`), Number(exponent) - fraction.length * 4);
  if (!Number.isFinite(value)) return null;
  return sign === '-' ? -value : value;
}

/** size × 2^exponent, rounded once: the division is done in whole numbers first. */
function scaled(size: bigint, exponent: number): number {
  if (exponent >= 0) return Number(size << BigInt(Math.min(exponent, 2_000)));
  const excess = Math.max(size.toString(2).length - 64, 0);
  const sticky = excess > 0 && (size & ((1n << BigInt(excess)) - 1n)) !== 0n ? 1n : 0n;
  const kept = ((size >> BigInt(excess)) << 1n) | sticky;
  const left = exponent + excess - 1;
  return Number(kept) * 2 ** Math.max(left, -1074) * 2 ** Math.min(left + 1074, 0);
}
