import { byteLength, sliceBytes, toBytes } from './bytes.ts';
import { type FloatVerb, formatFloat } from './float-text.ts';
import { canBackquote, isPrintableRune, quote, quoteRune, runeText } from './quote.ts';

/** What stands between `%` and the verb. */
export interface Flags {
  plus: boolean;
  minus: boolean;
  sharp: boolean;
  space: boolean;
  zero: boolean;
  /** `%+v` and `%#v`, which have a meaning of their own. */
  plusV: boolean;
  sharpV: boolean;
  width: number | null;
  precision: number | null;
}

export function noFlags(): Flags {
  return {
    plus: false,
    minus: false,
    sharp: false,
    space: false,
    zero: false,
    plusV: false,
    sharpV: false,
    width: null,
    precision: null,
  };
}

/** Fills up to the width, which counts characters. */
export function pad(text: string, flags: Flags, zero = flags.zero): string {
  if (flags.width === null || flags.width === 0) return text;
  const missing = flags.width - runeCount(text);
  if (missing <= 0) return text;
  return flags.minus ? text + ' '.repeat(missing) : (zero ? '0' : ' ').repeat(missing) + text;
}

function runeCount(text: string): number {
  let count = 0;
  for (const _ of text) count++;
  return count;
}

export function formatBool(value: boolean, flags: Flags): string {
  return pad(value ? 'true' : 'false', flags);
}

/** `%d %b %o %O %x %X`, and `%v` in base 10. */
export function formatInteger(value: bigint, base: 2 | 8 | 10 | 16, verb: string, flags: Flags): string {
  const { precision, width } = flags;
  const negative = value < 0n;
  const size = negative ? -value : value;
  // Precision 0 and value 0 print nothing, except the width.
  if (precision === 0 && size === 0n) return pad('', flags, false);
  const signed = negative || flags.plus || flags.space;
  const zeros = precision ?? (flags.zero && width !== null ? width - (signed ? 1 : 0) : 0);
  let digits = size.toString(base).padStart(zeros, '0');
  if (flags.sharp && base === 2) digits = `0b${digits}`;
  if (flags.sharp && base === 8 && !digits.startsWith('0')) digits = `0${digits}`;
  if (flags.sharp && base === 16) digits = `0x${digits}`;
  if (verb === 'X') digits = digits.toUpperCase();
  if (verb === 'O') digits = `0o${digits}`;
  const sign = negative ? '-' : flags.plus ? '+' : flags.space ? ' ' : '';
  return pad(sign + digits, flags, false);
}

/** `%U`: U+0078, with `#` followed by the character. */
export function formatUnicode(value: bigint, flags: Flags): string {
  const unsigned = BigInt.asUintN(64, value);
  const digits = unsigned
    .toString(16)
    .toUpperCase()
    .padStart(Math.max(flags.precision ?? 4, 4), '0');
  const rune = unsigned <= 0x10ffffn ? runeText(Number(unsigned)) : '';
  const shown = flags.sharp && isPrintableRune(rune) ? ` '${rune}'` : '';
  return pad(`U+${digits}${shown}`, flags, false);
}

export function formatRune(value: bigint, flags: Flags): string {
  return pad(runeText(codeOf(value)), flags);
}

export function formatQuotedRune(value: bigint, flags: Flags): string {
  return pad(quoteRune(codeOf(value), flags.plus), flags);
}

function codeOf(value: bigint): number {
  const unsigned = BigInt.asUintN(64, value);
  return unsigned > 0x10ffffn ? 0xfffd : Number(unsigned);
}

export function formatText(text: string, flags: Flags): string {
  return pad(truncated(text, flags), flags);
}

/** `%q`: with `#` a raw string where one can hold it, with `+` ASCII alone. */
export function formatQuoted(text: string, flags: Flags): string {
  const shown = truncated(text, flags);
  return pad(flags.sharp && canBackquote(shown) ? `\`${shown}\`` : quote(shown, flags.plus), flags);
}

/** `%x` and `%X` of a string: its bytes. */
export function formatBytesHex(text: string, upper: boolean, flags: Flags): string {
  const length = Math.min(flags.precision ?? Number.POSITIVE_INFINITY, byteLength(text));
  if (length === 0) return pad('', flags);
  const bytes = toBytes(sliceBytes(text, 0, length));
  const prefix = flags.sharp ? '0x' : '';
  const pairs = Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0'));
  const joined = flags.space ? pairs.map((pair) => prefix + pair).join(' ') : prefix + pairs.join('');
  return pad(upper ? joined.toUpperCase() : joined, flags);
}

function truncated(text: string, { precision }: Flags): string {
  if (precision === null || text.length <= precision) return text;
  let end = 0;
  let left = precision;
  for (const rune of text) {
    if (left-- <= 0) break;
    end += rune.length;
  }
  return text.slice(0, end);
}

const defaultPrecision: Readonly<Record<string, number>> = { e: 6, E: 6, f: 6 };

/** `%e %E %f %g %G %b %x %X`, and `%v` as `%g`. */
export function formatFloatFlags(value: number, verb: string, flags: Flags): string {
  const style = (verb === 'v' ? 'g' : verb === 'F' ? 'f' : verb) as FloatVerb;
  const precision = flags.precision ?? defaultPrecision[style] ?? -1;
  const text = formatFloat(value, style, precision);
  const negative = text.startsWith('-');
  const sign = negative ? '-' : flags.plus ? '+' : flags.space ? ' ' : '';
  const bare = negative || text.startsWith('+') ? text.slice(1) : text;
  if (!Number.isFinite(value)) {
    // Infinity always has a sign.
    const infinite = sign === '' ? '+' : sign;
    return pad((Number.isNaN(value) ? sign : infinite) + bare, flags, false);
  }
  const size = flags.sharp && style !== 'b' ? withPoint(bare, style, precision) : bare;
  if (sign !== '' && flags.zero && flags.width !== null) {
    return sign + size.padStart(flags.width - 1, '0');
  }
  return pad(sign + size, flags);
}

/** The `#` flag: always a decimal point, and for `%g` the zeros that were dropped. */
function withPoint(size: string, style: FloatVerb, precision: number): string {
  const isHex = style === 'x' || style === 'X';
  const cut = size.search(isHex ? /[pP]/ : /[eE]/);
  const tail = cut < 0 ? '' : size.slice(cut);
  let body = cut < 0 ? size : size.slice(0, cut);
  const counts = style === 'g' || style === 'G' || style === 'x';
  let missing = counts ? (precision === -1 ? 6 : precision) : 0;
  missing -= body.replace('.', '').replace(/^0+/, '').length;
  if (!body.includes('.')) {
    if (body === '0') missing--;
    body += '.';
  }
  return body + '0'.repeat(Math.max(missing, 0)) + tail;
}
