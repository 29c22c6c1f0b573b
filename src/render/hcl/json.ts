import { quote } from '../../config/units.ts';
import { Cursor } from './cursor.ts';
import { deepest, type HclEntry, type HclNode, type HclObject, type Place } from './nodes.ts';

const stringPattern = /"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[\da-fA-F]{4}))*"/y;
const scalarPattern = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?(?![\w.])|true|false|null/y;

/** Parses JSON into the nodes that HCL has; throws `HclError` at the first mistake. */
export function parseJson(text: string): HclObject {
  const cursor = new Cursor(text);
  skip(cursor);
  const value = parseObject(cursor, 0);
  skip(cursor);
  if (cursor.peek() !== '') cursor.fail('there is something behind the end of the JSON object');
  return value;
}

function parseValue(cursor: Cursor, depth: number): HclNode {
  const at = cursor.place;
  const next = cursor.peek();
  if (next === '{') return parseObject(cursor, depth);
  if (next === '[') return parseList(cursor, depth);
  if (next === '"') return { kind: 'string', at, value: parseString(cursor) };
  const text = cursor.match(scalarPattern);
  if (text === '') cursor.fail(next === '' ? 'the file ends where a value should be' : 'this is not JSON');
  const value = JSON.parse(text) as number | boolean | null;
  if (value === null) return { kind: 'null', at };
  if (typeof value === 'boolean') return { kind: 'boolean', at, value };
  if (!Number.isFinite(value)) cursor.fail(`${quote(text)} is too large a number`, at);
  return { kind: 'number', at, value };
}

function parseObject(cursor: Cursor, depth: number): HclObject {
  const at = cursor.place;
  enter(cursor, depth);
  cursor.next();
  const entries: HclEntry[] = [];
  parseItems(cursor, at, '}', () => {
    const place = cursor.place;
    const key = parseString(cursor);
    skip(cursor);
    if (cursor.next() !== ':') cursor.fail(`expected ":" after ${quote(key)}`, place);
    skip(cursor);
    entries.push({ key, at: place, value: parseValue(cursor, depth + 1) });
  });
  return { kind: 'object', at, entries };
}

function parseList(cursor: Cursor, depth: number): HclNode {
  const at = cursor.place;
  enter(cursor, depth);
  cursor.next();
  const items: HclNode[] = [];
  parseItems(cursor, at, ']', () => items.push(parseValue(cursor, depth + 1)));
  return { kind: 'list', at, items };
}

/** Items with commas between them up to the closing character, which is consumed. */
function parseItems(cursor: Cursor, start: Place, closing: string, parseItem: () => void): void {
  skip(cursor);
  if (cursor.peek() === closing) return void cursor.next();
  for (;;) {
    skip(cursor);
    parseItem();
    skip(cursor);
    const place = cursor.place;
    const next = cursor.next();
    if (next === closing) return;
    if (next === '') cursor.fail(`no "${closing}" closes this`, start);
    if (next !== ',') cursor.fail(`expected "," or "${closing}"`, place);
  }
}

function parseString(cursor: Cursor): string {
  const at = cursor.place;
  const text = cursor.match(stringPattern);
  if (text === '') cursor.fail('expected text between double quotes', at);
  return JSON.parse(text) as string;
}

function skip(cursor: Cursor): void {
  while (/[ \t\r\n]/.test(cursor.peek())) cursor.next();
}

function enter(cursor: Cursor, depth: number): void {
  if (depth >= deepest) cursor.fail('nested too deeply');
}
