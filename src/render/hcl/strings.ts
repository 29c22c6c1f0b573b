import type { Cursor } from './cursor.ts';

const simpleEscapes = new Map([
  ['a', '\u0007'],
  ['b', '\b'],
  ['f', '\f'],
  ['n', '\n'],
  ['r', '\r'],
  ['t', '\t'],
  ['v', '\v'],
  ['\\', '\\'],
  ['"', '"'],
]);

/**
 * A string between double quotes with Go's escapes. `${…}` is kept as it was written, quotes and line breaks inside
 * included: HCL 1 leaves it to the program, and consul-template takes it literally.
 */
export function readString(cursor: Cursor): string {
  const start = cursor.place;
  cursor.next();
  let text = '';
  for (;;) {
    const character = cursor.peek();
    if (character === '"') {
      cursor.next();
      return text;
    }
    if (character === '' || character === '\n') cursor.fail('this string is not closed', start);
    if (character === '\\') text += readEscape(cursor);
    else if (character === '$' && cursor.peek(1) === '{') text += readInterpolation(cursor);
    else text += cursor.next();
  }
}

function readInterpolation(cursor: Cursor): string {
  const start = cursor.place;
  const offset = cursor.offset;
  let open = 0;
  do {
    const character = cursor.next();
    if (character === '') cursor.fail(`this "\${" is not closed`, start);
    if (character === '{') open += 1;
    if (character === '}') open -= 1;
  } while (open > 0 || cursor.since(offset) === '$');
  return cursor.since(offset);
}

function readEscape(cursor: Cursor): string {
  const start = cursor.place;
  cursor.next();
  const octal = cursor.match(/[0-7]{3}/y);
  if (octal !== '') return fromCode(cursor, Number.parseInt(octal, 8), 0xff, start);
  const character = cursor.next();
  const simple = simpleEscapes.get(character);
  if (simple !== undefined) return simple;
  const digits = { x: /[\da-fA-F]{2}/y, u: /[\da-fA-F]{4}/y, U: /[\da-fA-F]{8}/y }[character];
  const code = digits === undefined ? '' : cursor.match(digits);
  if (code === '')
    cursor.fail(`"\\${character}" is not an escape: use \\n, \\t, \\", \\\\ or \\u0041`, start);
  return fromCode(cursor, Number.parseInt(code, 16), 0x10ffff, start);
}

function fromCode(cursor: Cursor, code: number, most: number, start: Cursor['place']): string {
  if (code > most || (code >= 0xd800 && code <= 0xdfff)) cursor.fail('this escape is no character', start);
  return String.fromCodePoint(code);
}

/**
 * `<<EOF` up to a line that holds nothing but the word. The last line break belongs to the text. After `<<-`, the
 * indentation of the closing word is taken from every line, provided that every line has it.
 */
export function readHeredoc(cursor: Cursor): string {
  const start = cursor.place;
  const opening = cursor.match(/<<-?[\p{L}_][\p{L}\p{N}_-]*\r?(?=\n)/uy);
  if (opening === '') cursor.fail('write <<WORD and then a new line', start);
  cursor.next();
  const [, dash, word] = /^<<(-?)(.*?)\r?$/.exec(opening) ?? [];
  const lines: string[] = [];
  for (;;) {
    const before = cursor.offset;
    const line = cursor.line();
    if (line === null) return cursor.fail(`no line with ${word} ends this text`, start);
    if (line.trim() !== word) {
      lines.push(cursor.since(before));
      continue;
    }
    const indentation = line.slice(0, line.indexOf(word));
    const canStrip = dash === '-' && lines.every((each) => each.startsWith(indentation));
    return lines.map((each) => (canStrip ? each.slice(indentation.length) : each)).join('');
  }
}
