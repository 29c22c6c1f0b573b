import { canonical, escapedByte } from './bytes.ts';

/** Go's strconv: quoting and unquoting of strings and characters. */

const PRINTABLE = /^[\p{L}\p{M}\p{N}\p{P}\p{S} ]$/u;

const shortEscapes = new Map([
  ['\x07', '\\a'],
  ['\b', '\\b'],
  ['\f', '\\f'],
  ['\n', '\\n'],
  ['\r', '\\r'],
  ['\t', '\\t'],
  ['\v', '\\v'],
]);

const escapeValues = new Map([...shortEscapes].map(([rune, escaped]) => [escaped.charAt(1), rune]));

export function isPrintableRune(rune: string): boolean {
  return PRINTABLE.test(rune);
}

/** `"text"`, with what does not print escaped; with `ascii`, everything beyond ASCII too. */
export function quote(text: string, ascii = false): string {
  let quoted = '"';
  for (const rune of text) quoted += escapeRune(rune, '"', ascii);
  return `${quoted}"`;
}

/** `'x'`; what is no character becomes U+FFFD. */
export function quoteRune(code: number, ascii = false): string {
  return `'${escapeRune(runeText(code), "'", ascii)}'`;
}

/** The character of a code point, U+FFFD where there is none. */
export function runeText(code: number): string {
  const valid = Number.isInteger(code) && code >= 0 && code <= 0x10ffff && (code < 0xd800 || code > 0xdfff);
  return valid ? String.fromCodePoint(code) : '\ufffd';
}

/** Whether a raw string could hold it. */
export function canBackquote(text: string): boolean {
  return text.isWellFormed() && !/[\x00-\x08\x0a-\x1f`\x7f\ufeff]/.test(text);
}

function escapeRune(rune: string, quoteMark: string, ascii: boolean): string {
  const code = rune.codePointAt(0)!;
  const byte = escapedByte(code);
  if (byte >= 0) return `\\x${hex(byte, 2)}`;
  if (rune === quoteMark || rune === '\\') return `\\${rune}`;
  if (ascii ? code < 0x80 && isPrintableRune(rune) : isPrintableRune(rune)) return rune;
  const short = shortEscapes.get(rune);
  if (short !== undefined) return short;
  if (code < 0x20 || code === 0x7f) return `\\x${hex(code, 2)}`;
  if (code >= 0xd800 && code <= 0xdfff) return '\\ufffd';
  return code < 0x10000 ? `\\u${hex(code, 4)}` : `\\U${hex(code, 8)}`;
}

function hex(code: number, digits: number): string {
  return code.toString(16).padStart(digits, '0');
}

/** The text of a string literal with its quotes, or null where Go says `invalid syntax`. */
export function unquote(literal: string): string | null {
  const body = literal.slice(1, -1);
  if (literal.startsWith('`')) return body.replaceAll('\r', '');
  let text = '';
  for (let at = 0; at < body.length; ) {
    const next = unquoteChar(body, at, '"');
    if (next === null) return null;
    text += next.text;
    at = next.end;
  }
  return canonical(text);
}

/** Value of a character constant with its quotes; a message where it is none. */
export function unquoteRune(literal: string): number | string {
  const next = unquoteChar(literal, 1, "'");
  if (next === null) return 'invalid syntax';
  if (literal.slice(next.end) !== "'") return `malformed character constant: ${literal}`;
  const code = next.text.codePointAt(0)!;
  return escapedByte(code) >= 0 ? escapedByte(code) : code;
}

interface Unquoted {
  readonly text: string;
  readonly end: number;
}

function unquoteChar(body: string, at: number, quoteMark: string): Unquoted | null {
  const rune = String.fromCodePoint(body.codePointAt(at) ?? 0);
  if (rune === quoteMark || at >= body.length) return null;
  if (rune !== '\\') return { text: rune, end: at + rune.length };
  const kind = body.charAt(at + 1);
  const known = escapeValues.get(kind) ?? (kind === '\\' || kind === quoteMark ? kind : undefined);
  if (known !== undefined) return { text: known, end: at + 2 };
  if (kind === 'x') return byteEscape(body, at + 2, 2, 16);
  if (/[0-7]/.test(kind)) return byteEscape(body, at + 1, 3, 8);
  if (kind === 'u') return runeEscape(body, at + 2, 4);
  if (kind === 'U') return runeEscape(body, at + 2, 8);
  return null;
}

function byteEscape(body: string, at: number, digits: number, base: number): Unquoted | null {
  const text = body.slice(at, at + digits);
  if (text.length < digits || !(base === 8 ? /^[0-7]+$/ : /^[0-9a-fA-F]+$/).test(text)) return null;
  const byte = Number.parseInt(text, base);
  if (byte > 0xff) return null;
  return { text: String.fromCharCode(byte < 0x80 ? byte : 0xdc00 + byte), end: at + digits };
}

function runeEscape(body: string, at: number, digits: number): Unquoted | null {
  const text = body.slice(at, at + digits);
  if (text.length < digits || !/^[0-9a-fA-F]+$/.test(text)) return null;
  const code = Number.parseInt(text, 16);
  if (code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) return null;
  return { text: String.fromCodePoint(code), end: at + digits };
}
