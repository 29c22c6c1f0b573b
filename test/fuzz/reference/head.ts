import { CR, DIGITS, FIELD_VCHAR, LF, OWS, SP, TARGET_CHAR, TCHAR, trimmed } from './characters.ts';
import type { Cursor } from './cursor.ts';
import { type Limits, refuse } from './outcome.ts';

/** The lines of a head, RFC 9112 §2 to §5: which characters may stand where. What they mean is decided elsewhere. */

/** Name, value, name, value, as received. */
export type Fields = readonly string[];

const MOST_METHOD = 32;
const MOST_EMPTY_LINES = 2;

function endOfLine(cursor: Cursor): void {
  cursor.expect(CR, () => refuse(cursor.peek() === LF ? 'bare-lf' : 'line-end', 400));
  cursor.expect(LF, () => refuse('bare-cr', 400));
}

/** RFC 9112 §2.2: a server should ignore at least one; catalogue A47: up to two. */
function emptyLines(cursor: Cursor): void {
  for (let count = 1; cursor.peek() === CR; count++) {
    cursor.take();
    cursor.expect(LF, () => refuse('bare-cr', 400));
    if (count > MOST_EMPTY_LINES) refuse('empty-lines', 400);
  }
}

function method(cursor: Cursor): string {
  const text = cursor.run(TCHAR, MOST_METHOD, () => refuse('method-length', 400));
  cursor.expect(SP, () => refuse('method', 400));
  return text === '' ? refuse('method', 400) : text;
}

function target(cursor: Cursor, most: number): string {
  const outer = cursor.tooLarge;
  cursor.tooLarge = () => refuse('uri-too-long', 414);
  const text = cursor.run(TARGET_CHAR, most, cursor.tooLarge);
  cursor.expect(SP, () => refuse(targetProblem(cursor.peek()), 400));
  cursor.tooLarge = outer;
  return text === '' ? refuse('target-empty', 400) : text;
}

function targetProblem(char: string): string {
  if (char === '#') return 'target-fragment';
  if (char === CR || char === LF) return 'no-version';
  return char >= '\x80' ? 'target-obs-text' : 'target-control';
}

/** RFC 9112 §2.3. Another major version is not ours to judge beyond its first digit. Gives the minor version. */
function version(cursor: Cursor): number {
  const bad = () => refuse('version', 400);
  cursor.expect('HTTP/', bad);
  const major = cursor.peek();
  if (DIGITS.has(major) && major !== '1') refuse('version-unsupported', 505);
  cursor.expect('1.', bad);
  const minor = cursor.peek();
  if (!DIGITS.has(minor)) bad();
  cursor.take();
  // RFC 9110 §2.5: a higher minor version is understood as the highest one we know.
  return minor === '0' ? 0 : 1;
}

export function requestLine(cursor: Cursor, limits: Limits) {
  emptyLines(cursor);
  const line = { method: method(cursor), target: target(cursor, limits.uriBytes), minor: version(cursor) };
  endOfLine(cursor);
  return line;
}

/** RFC 9112 §4. The space before an empty reason may be missing. */
export function statusLine(cursor: Cursor) {
  const bad = () => refuse('status-line', 502);
  const minor = version(cursor);
  cursor.expect(SP, bad);
  let digits = '';
  while (digits.length < 3) digits += DIGITS.has(cursor.peek()) ? cursor.take() : bad();
  let reason = '';
  if (cursor.peek() === SP) {
    cursor.take();
    reason = cursor.run(FIELD_VCHAR);
  }
  endOfLine(cursor);
  return { minor, status: Number(digits), reason };
}

/** RFC 9112 §5, up to and including the empty line. */
export function fieldLines(cursor: Cursor, limits: Limits): Fields {
  const fields: string[] = [];
  while (cursor.peek() !== CR) {
    if (!TCHAR.has(cursor.peek())) refuse(lineStartProblem(cursor.peek()), 400);
    if (fields.length / 2 === limits.fields) refuse('too-many-fields', 431);
    fields.push(...fieldLine(cursor));
  }
  endOfLine(cursor);
  return fields;
}

function lineStartProblem(char: string): string {
  if (char === LF) return 'bare-lf';
  return OWS.has(char) ? 'obs-fold' : 'name';
}

/** No space before the colon (RFC 9112 §5.1); white space around the value is not part of it. */
function fieldLine(cursor: Cursor): [name: string, value: string] {
  const name = cursor.run(TCHAR);
  cursor.expect(':', () => refuse('name', 400));
  const value = cursor.run(FIELD_VCHAR);
  if (cursor.peek() !== CR && cursor.peek() !== LF) refuse('value', 400);
  endOfLine(cursor);
  return [name, trimmed(value)];
}
