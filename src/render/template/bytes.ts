/**
 * Go's strings are bytes, JavaScript's are UTF-16. Valid UTF-8 is held as the ordinary string; a byte that is not
 * part of any valid sequence as the lone surrogate U+DC00 + byte, which no valid UTF-8 decodes to. So every Go
 * string has one form here, ordinary text costs nothing, and bytes survive the way from a key to a file.
 */

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

const ASCII = /^[\x00-\x7f]*$/;

function isAscii(text: string): boolean {
  return ASCII.test(text);
}

/** The byte an escaped code unit stands for, or -1. */
export function escapedByte(unit: number): number {
  return unit >= 0xdc80 && unit <= 0xdcff ? unit - 0xdc00 : -1;
}

/** Length in UTF-8. */
export function byteLength(text: string): number {
  let bytes = text.length;
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at);
    if (unit < 0x80) continue;
    if (unit < 0x800) bytes += 1;
    else if (unit < 0xd800 || unit > 0xdfff) bytes += 2;
    else if (isHigh(unit) && isLow(text.charCodeAt(at + 1))) {
      bytes += 2;
      at++;
    } else if (escapedByte(unit) < 0) bytes += 2;
  }
  return bytes;
}

export function toBytes(text: string): Uint8Array {
  if (text.isWellFormed()) return encoder.encode(text);
  const bytes: number[] = [];
  for (const rune of text) {
    const byte = escapedByte(rune.charCodeAt(0));
    if (rune.length === 1 && byte >= 0) bytes.push(byte);
    else bytes.push(...encoder.encode(rune));
  }
  return Uint8Array.from(bytes);
}

export function fromBytes(bytes: Uint8Array): string {
  try {
    return decoder.decode(bytes);
  } catch {
    return decodeEscaping(bytes);
  }
}

/** Joins what was split between two strings: a lead byte at one's end, its continuation at the other's start. */
export function canonical(text: string): string {
  return text.isWellFormed() ? text : fromBytes(toBytes(text));
}

/** Bytes `from` to `to`, which may cut a character in two. */
export function sliceBytes(text: string, from: number, to: number): string {
  return isAscii(text) ? text.slice(from, to) : fromBytes(toBytes(text).subarray(from, to));
}

/** Order of Go's strings, bytewise: UTF-16's order is another one above U+D7FF. */
export function compareText(one: string, other: string): number {
  if (one === other) return 0;
  if (!/[\ud800-\udfff]/.test(one) && !/[\ud800-\udfff]/.test(other)) return one < other ? -1 : 1;
  const a = toBytes(one);
  const b = toBytes(other);
  const shorter = Math.min(a.length, b.length);
  for (let at = 0; at < shorter; at++) {
    if (a[at] !== b[at]) return a[at]! - b[at]!;
  }
  return a.length - b.length;
}

function isHigh(unit: number): boolean {
  return unit >= 0xd800 && unit <= 0xdbff;
}

function isLow(unit: number): boolean {
  return unit >= 0xdc00 && unit <= 0xdfff;
}

function decodeEscaping(bytes: Uint8Array): string {
  let text = '';
  for (let at = 0; at < bytes.length; ) {
    const size = sequenceLength(bytes, at);
    if (size === 0) {
      text += String.fromCharCode(0xdc00 + bytes[at]!);
      at++;
    } else {
      text += decoder.decode(bytes.subarray(at, at + size));
      at += size;
    }
  }
  return text;
}

/** Length of the valid sequence at this place, or 0 (RFC 3629: no overlong form, no surrogate, nothing above U+10FFFF). */
function sequenceLength(bytes: Uint8Array, at: number): number {
  const lead = bytes[at]!;
  if (lead < 0x80) return 1;
  const size = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (lead < 0xc2 || lead > 0xf4) return 0;
  for (let offset = 1; offset < size; offset++) {
    const byte = bytes[at + offset] ?? 0;
    if (byte < 0x80 || byte > 0xbf) return 0;
  }
  const second = bytes[at + 1]!;
  const outside =
    (lead === 0xe0 && second < 0xa0) ||
    (lead === 0xed && second > 0x9f) ||
    (lead === 0xf0 && second < 0x90) ||
    (lead === 0xf4 && second > 0x8f);
  return outside ? 0 : size;
}
