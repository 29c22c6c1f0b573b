import { quote } from '../../config/units.ts';
import { Cursor } from './cursor.ts';
import { deepest, type HclEntry, type HclNode, type HclObject, type Place } from './nodes.ts';
import { numberPattern, readNumber } from './numbers.ts';
import { readHeredoc, readString } from './strings.ts';

const wordPattern = /[\p{L}_][\p{L}\p{N}_.-]*/uy;

/** Parses HCL version 1; throws `HclError` at the first mistake. */
export function parseHcl(text: string): HclObject {
  const cursor = new Cursor(text);
  const at = cursor.place;
  const entries = parseEntries(cursor, 0);
  if (cursor.peek() !== '') cursor.fail('there is no "{" for this "}"');
  return { kind: 'object', at, entries };
}

function parseEntries(cursor: Cursor, depth: number): HclEntry[] {
  const entries: HclEntry[] = [];
  for (;;) {
    skip(cursor);
    if (cursor.peek() === '' || cursor.peek() === '}') return entries;
    entries.push(parseEntry(cursor, depth));
    skip(cursor);
    if (cursor.peek() === ',') cursor.next();
  }
}

/** `key = value`, `key { }`, or `key "label" { }`, which is a group within a group. */
function parseEntry(cursor: Cursor, depth: number): HclEntry {
  const at = cursor.place;
  const key = parseKey(cursor);
  skip(cursor);
  const next = cursor.peek();
  if (next === '=') {
    cursor.next();
    skip(cursor);
    return { key, at, value: parseValue(cursor, depth) };
  }
  if (next === '{') return { key, at, value: parseObject(cursor, depth) };
  if (!startsKey(next)) return cursor.fail(`expected "=" or "{" after ${quote(key)}`);
  enter(cursor, depth);
  const inner = parseEntry(cursor, depth + 1);
  if (inner.value.kind !== 'object')
    cursor.fail(`expected "{" after the label ${quote(inner.key)}`, inner.at);
  return { key, at, value: { kind: 'object', at: inner.at, entries: [inner] } };
}

function parseKey(cursor: Cursor): string {
  if (cursor.peek() === '"') return readString(cursor);
  const word = cursor.match(wordPattern);
  if (word === '') cursor.fail(`expected a key, not ${quote(cursor.peek())}`);
  return word;
}

function startsKey(character: string): boolean {
  return character === '"' || /^[\p{L}_]$/u.test(character);
}

function parseValue(cursor: Cursor, depth: number): HclNode {
  const at = cursor.place;
  const next = cursor.peek();
  if (next === '"') return { kind: 'string', at, value: readString(cursor) };
  if (next === '<') return { kind: 'string', at, value: readHeredoc(cursor) };
  if (next === '{') return parseObject(cursor, depth);
  if (next === '[') return parseList(cursor, depth);
  if (/[-\d]/.test(next)) return { kind: 'number', at, value: parseNumber(cursor, at) };
  const word = cursor.match(wordPattern);
  if (word === 'true' || word === 'false') return { kind: 'boolean', at, value: word === 'true' };
  if (word !== '') return cursor.fail(`text stands between quotes: write "${word}"`, at);
  return cursor.fail(
    next === '' ? 'the file ends where a value should be' : `expected a value, not ${quote(next)}`,
  );
}

function parseNumber(cursor: Cursor, at: Place): number {
  const text = cursor.match(numberPattern);
  const value = readNumber(text);
  return (
    value ??
    cursor.fail(
      `${quote(text === '' ? cursor.peek() : text)} is not a number; text stands between quotes`,
      at,
    )
  );
}

function parseObject(cursor: Cursor, depth: number): HclObject {
  const at = cursor.place;
  enter(cursor, depth);
  cursor.next();
  const entries = parseEntries(cursor, depth + 1);
  if (cursor.next() !== '}') cursor.fail('this "{" is not closed', at);
  return { kind: 'object', at, entries };
}

function parseList(cursor: Cursor, depth: number): HclNode {
  const at = cursor.place;
  enter(cursor, depth);
  cursor.next();
  const items: HclNode[] = [];
  for (;;) {
    skip(cursor);
    if (cursor.peek() === ']') break;
    if (cursor.peek() === '') cursor.fail('this "[" is not closed', at);
    items.push(parseValue(cursor, depth + 1));
    skip(cursor);
    if (cursor.peek() === ',') cursor.next();
    else if (!['', ']'].includes(cursor.peek()))
      cursor.fail('expected "," or "]" after this item of the list');
  }
  cursor.next();
  return { kind: 'list', at, items };
}

/** Blanks and comments (`#`, `//`, and between `/*` and its end). */
function skip(cursor: Cursor): void {
  for (;;) {
    const pair = cursor.peek() + cursor.peek(1);
    if (/^\s/.test(pair)) cursor.next();
    else if (pair.startsWith('#') || pair === '//') cursor.line();
    else if (pair === '/*') skipBlock(cursor);
    else return;
  }
}

function skipBlock(cursor: Cursor): void {
  const start = cursor.place;
  cursor.next();
  cursor.next();
  while (!(cursor.peek() === '*' && cursor.peek(1) === '/')) {
    if (cursor.next() === '') cursor.fail('this comment is not closed', start);
  }
  cursor.next();
  cursor.next();
}

function enter(cursor: Cursor, depth: number): void {
  if (depth >= deepest) cursor.fail('nested too deeply');
}
