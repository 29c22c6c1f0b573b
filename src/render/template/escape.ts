import { escapedByte, toBytes } from './bytes.ts';
import { isPrintableRune } from './quote.ts';

/** The builtins `html`, `js` and `urlquery`. */

const htmlEntities: Readonly<Record<string, string>> = {
  '\0': '\ufffd',
  '"': '&#34;',
  "'": '&#39;',
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
};

export function escapeHtml(text: string): string {
  return text.replace(/[\0"'&<>]/g, (found) => htmlEntities[found]!);
}

const jsEscapes: Readonly<Record<string, string>> = {
  '\\': '\\\\',
  "'": "\\'",
  '"': '\\"',
  '<': '\\u003C',
  '>': '\\u003E',
  '&': '\\u0026',
  '=': '\\u003D',
};

export function escapeJs(text: string): string {
  let escaped = '';
  for (const rune of text) escaped += jsEscapes[rune] ?? escapeJsRune(rune);
  return escaped;
}

function escapeJsRune(rune: string): string {
  const code = rune.codePointAt(0)!;
  if (code >= 0x20 && code < 0x80) return rune;
  // A byte outside UTF-8 counts as U+FFFD, which prints, and is left as it is.
  if (escapedByte(code) >= 0 || (code >= 0x80 && isPrintableRune(rune))) return rune;
  return `\\u${code.toString(16).toUpperCase().padStart(4, '0')}`;
}

/** Go's url.QueryEscape. */
export function escapeQuery(text: string): string {
  let escaped = '';
  for (const byte of toBytes(text)) {
    const char = String.fromCharCode(byte);
    if (/[A-Za-z0-9_.~-]/.test(char)) escaped += char;
    else escaped += char === ' ' ? '+' : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  }
  return escaped;
}
