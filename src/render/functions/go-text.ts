import { compareText, fromBytes, toBytes } from '../template/bytes.ts';

/** Go's package strings, where JavaScript's methods do something else. */

const SPACES = new Set('\t\n\v\f\r \u0085\u00a0\u1680\u2028\u2029\u202f\u205f\u3000');
for (let code = 0x2000; code <= 0x200a; code++) SPACES.add(String.fromCharCode(code));

/** What Go calls space: not U+FEFF, but U+0085. */
export function isGoSpace(rune: string): boolean {
  return SPACES.has(rune);
}

export function trimSpace(text: string): string {
  return trimWhere(text, isGoSpace);
}

/** Takes the characters of a set from both ends. */
export function trimSet(text: string, cutset: string): string {
  const set = new Set(cutset);
  return trimWhere(text, (rune) => set.has(rune));
}

/** Every space is one code unit; other characters may be two. */
function trimWhere(text: string, isCut: (rune: string) => boolean): string {
  let from = 0;
  let to = text.length;
  while (from < to) {
    const rune = String.fromCodePoint(text.codePointAt(from)!);
    if (!isCut(rune)) break;
    from += rune.length;
  }
  while (to > from) {
    const rune = runeBefore(text, to);
    if (!isCut(rune)) break;
    to -= rune.length;
  }
  return text.slice(from, to);
}

function runeBefore(text: string, at: number): string {
  const pair = at >= 2 ? text.slice(at - 2, at) : '';
  return pair !== '' && (pair.codePointAt(0) ?? 0) > 0xffff ? pair : text.slice(at - 1, at);
}

const ASCII = /^[\x00-\x7f]*$/;

/** Character by character, without regard to neighbours or language: `ß` stays. */
export function toUpper(text: string): string {
  if (ASCII.test(text)) return text.toUpperCase();
  let upper = '';
  for (const rune of text) {
    const mapped = rune.toUpperCase();
    upper += [...mapped].length === 1 ? mapped : rune;
  }
  return upper;
}

export function toLower(text: string): string {
  if (ASCII.test(text)) return text.toLowerCase();
  let lower = '';
  for (const rune of text) lower += [...rune.toLowerCase()][0] ?? '';
  return lower;
}

/** Characters, where an empty separator splits between all of them. */
export function split(text: string, separator: string): readonly string[] {
  return separator === '' ? [...text] : text.split(separator);
}

/** At most `count` parts, the last with the rest. */
export function splitAtMost(text: string, separator: string, count: number): readonly string[] {
  if (count === 0) return [];
  if (count < 0) return split(text, separator);
  const all = split(text, separator);
  if (all.length <= count) return all;
  return [...all.slice(0, count - 1), all.slice(count - 1).join(separator)];
}

/** Go's Replace: an empty text is found before and after every character. */
export function replaceAll(text: string, from: string, to: string, limit = Number.POSITIVE_INFINITY): string {
  if (limit <= 0) return text;
  if (from !== '') {
    if (limit === Number.POSITIVE_INFINITY) return text.replaceAll(from, () => to);
    return splitAtMost(text, from, limit + 1).join(to);
  }
  let left = limit;
  let result = '';
  for (const rune of text) result += (left-- > 0 ? to : '') + rune;
  return result + (left > 0 ? to : '');
}

export function sortedTexts(texts: readonly string[]): readonly string[] {
  return [...texts].sort(compareText);
}

/** Characters, whole: what is no character is one, too. */
export function runes(text: string): readonly string[] {
  return [...text];
}

export function base64Encode(text: string, variant: 'base64' | 'base64url' = 'base64'): string {
  const encoded = Buffer.from(toBytes(text)).toString(variant);
  return variant === 'base64' ? encoded : encoded.padEnd(Math.ceil(encoded.length / 4) * 4, '=');
}

/** Null for what is no base64 with its padding; line breaks are allowed, as in Go. */
export function base64Decode(text: string, variant: 'base64' | 'base64url' = 'base64'): string | null {
  const bare = text.replace(/[\r\n]/g, '');
  const form = variant === 'base64' ? /^[A-Za-z0-9+/]*={0,2}$/ : /^[A-Za-z0-9_-]*={0,2}$/;
  if (bare.length % 4 !== 0 || !form.test(bare)) return null;
  return fromBytes(Buffer.from(bare, variant));
}
