import { CR, CRLF, FIELD_VCHAR, HEXDIG } from './characters.ts';
import { Cursor } from './cursor.ts';
import { type Fields, fieldLines } from './head.ts';
import { type Incomplete, type Limits, NeedsMore, outcomeOf, type Refused, refuse } from './outcome.ts';

export interface Body {
  readonly kind: 'body';
  readonly trailers: Fields;
  /** Bytes the body took, its framing included. */
  readonly length: number;
}

export interface Chunked {
  readonly outcome: Body | Incomplete | Refused;
  /** What was delivered until the outcome was known. */
  readonly payload: Buffer;
}

const MOST_DIGITS = 13;
const DEL = '\x7f';
/** Of all chunks together. */
const MOST_EXTENSION_BYTES = 16_384;

/** A chunked body at the start of `bytes`: RFC 9112 §7.1. */
export function readChunked(bytes: Buffer, limits: Limits): Chunked {
  const cursor = new Cursor(bytes);
  const payload: string[] = [];
  const outcome = outcomeOf<Body>(() => {
    let extensionBytes = 0;
    for (;;) {
      const size = chunkSize(cursor);
      extensionBytes += extension(cursor, MOST_EXTENSION_BYTES - extensionBytes);
      lineEnd(cursor);
      if (size === 0) break;
      payload.push(chunkData(cursor, size));
      lineEnd(cursor);
    }
    return trailerSection(bytes, cursor.at, limits);
  });
  return { outcome, payload: Buffer.from(payload.join(''), 'latin1') };

  /** Counts as delivered as far as it has arrived. */
  function chunkData(from: Cursor, size: number): string {
    const data = from.upTo(size);
    if (data.length === size) return data;
    payload.push(data);
    throw new NeedsMore();
  }
}

function lineEnd(cursor: Cursor): void {
  cursor.expect(CRLF, () => refuse('chunk-line-end'));
}

function chunkSize(cursor: Cursor): number {
  const digits = cursor.run(HEXDIG, MOST_DIGITS, () => refuse('chunk-size-digits'));
  return digits === '' ? refuse('chunk-size') : Number.parseInt(digits, 16);
}

/** RFC 9112 §7.1.1: nothing we understand, so any text a field value could hold. Gives the bytes after the first `;`. */
function extension(cursor: Cursor, allowed: number): number {
  if (cursor.peek() !== ';') return 0;
  cursor.take();
  const text = cursor.run(FIELD_VCHAR, allowed, () => refuse('chunk-extension-length'));
  if (cursor.peek() !== CR) refuse(cursor.peek() === DEL ? 'chunk-extension-delete' : 'chunk-extension');
  return text.length;
}

/** RFC 9112 §7.1.2: fields with the limits of a head. */
function trailerSection(bytes: Buffer, start: number, limits: Limits): Body {
  const cursor = new Cursor(bytes.subarray(start), limits.headBytes);
  const trailers = fieldLines(cursor, limits);
  return { kind: 'body', trailers, length: start + cursor.at };
}
