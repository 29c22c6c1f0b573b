import { byteLength, sliceBytes } from '../../template/bytes.ts';
import { FunctionError } from '../../template/errors.ts';
import { type CallContext, fixed, variadic } from '../../template/functions.ts';
import { anyType, intType, stringType } from '../../template/kinds.ts';
import { quote } from '../../template/quote.ts';
import { indirect } from '../../template/truth.ts';
import { type Int, List, stringMap, strings, type Value } from '../../template/values.ts';
import { type Named, ofTexts } from '../define.ts';
import {
  isGoSpace,
  replaceAll,
  sortedTexts,
  split,
  splitAtMost,
  toLower,
  toUpper,
  trimSet,
  trimSpace,
} from '../go-text.ts';
import { smallCount, textOf, textsOf } from './convert.ts';
import { camelCase, kebabCase, snakeCase } from './letter-case.ts';

const MAX_INDENT = 10_000;

function truncate(count: number, text: string): string {
  const length = byteLength(text);
  if (count < 0 && length + count > 0) return sliceBytes(text, length + count, length);
  return count >= 0 && length > count ? sliceBytes(text, 0, count) : text;
}

function substring(from: number, to: number, text: string): string {
  const length = byteLength(text);
  const start = from < 0 ? 0 : from;
  const end = from >= 0 && (to < 0 || to > length) ? length : to;
  if (start > end || end > length)
    throw new FunctionError(`runtime error: slice bounds out of range [${start}:${end}]`);
  return sliceBytes(text, start, end);
}

function abbreviate(width: number, text: string): string {
  return width < 4 || byteLength(text) <= width ? text : `${sliceBytes(text, 0, width - 3)}...`;
}

/** Letters after anything that is neither letter, digit nor underscore. */
function title(text: string): string {
  let titled = '';
  let before = ' ';
  for (const rune of text) {
    titled += /[\p{L}\p{N}_]/u.test(before) || (before > '\x7f' && !isGoSpace(before)) ? rune : toUpper(rune);
    before = rune;
  }
  return titled;
}

function untitle(text: string): string {
  return text.replace(/(^|\s)(\S)/gu, (_, space: string, letter: string) => space + toLower(letter));
}

function swapCase(text: string): string {
  let swapped = '';
  for (const rune of text) {
    const upper = toUpper(rune);
    swapped += upper === rune ? toLower(rune) : upper;
  }
  return swapped;
}

function indented(spaces: Value, text: string): string {
  const pad = ' '.repeat(smallCount(spaces, MAX_INDENT));
  return pad + text.replaceAll('\n', `\n${pad}`);
}

function repeated(count: Value, text: string, { maxStringBytes }: CallContext): string {
  const times = smallCount(count, maxStringBytes);
  if (times < 0) throw new FunctionError('strings: negative Repeat count');
  if (times * text.length > maxStringBytes) throw new FunctionError(`text exceeds ${maxStringBytes} bytes`);
  return text.repeat(times);
}

/** A map with the keys `_0`, `_1`, …: a template can name those. */
function numbered(parts: readonly string[]): Value {
  return stringMap(Object.fromEntries(parts.map((part, at) => [`_${at}`, part])));
}

/** Breaks lines before words that would make them longer. */
function wrap(width: number, text: string, lineBreak: string, cutsWords: boolean): string {
  const most = Math.max(1, width);
  const lines: string[] = [];
  let rest = text;
  while (rest.length > most) {
    if (rest.startsWith(' ')) {
      rest = rest.slice(1);
      continue;
    }
    const before = rest.lastIndexOf(' ', most);
    const at = before >= 0 ? before : cutsWords ? most : rest.indexOf(' ', most);
    if (at < 0) break;
    lines.push(rest.slice(0, at));
    rest = rest.slice(cutsWords && before < 0 ? at : at + 1);
  }
  return [...lines, rest].join(lineBreak);
}

const isPresent = (value: Value): boolean => value !== undefined && value !== null;

function textOnly(call: (text: string) => Value): Named[number][1] {
  return ofTexts(1, call);
}

const trimAll = ofTexts(2, (cutset, text) => trimSet(text, cutset));
const counted = (call: (count: number, text: string) => Value): Named[number][1] =>
  fixed([intType, stringType], ([count, text]) => call(Number((count as Int).n), text as string));

export const stringFunctions: Named = [
  ['trim', textOnly(trimSpace)],
  ['trimAll', trimAll],
  ['trimall', trimAll],
  [
    'trimSuffix',
    ofTexts(2, (suffix, text) =>
      suffix !== '' && text.endsWith(suffix) ? text.slice(0, -suffix.length) : text,
    ),
  ],
  ['trimPrefix', ofTexts(2, (prefix, text) => (text.startsWith(prefix) ? text.slice(prefix.length) : text))],
  ['upper', textOnly(toUpper)],
  ['lower', textOnly(toLower)],
  ['title', textOnly(title)],
  ['untitle', textOnly(untitle)],
  ['swapcase', textOnly(swapCase)],
  ['snakecase', textOnly(snakeCase)],
  ['kebabcase', textOnly(kebabCase)],
  ['camelcase', textOnly(camelCase)],
  ['nospace', textOnly((text) => text.replace(/\s/gu, ''))],
  ['initials', textOnly((text) => [...text.matchAll(/(?:^|\s)(\S)/gu)].map((match) => match[1]).join(''))],
  ['trunc', counted(truncate)],
  ['abbrev', counted(abbreviate)],
  ['wrap', counted((width, text) => wrap(width, text, '\n', false))],
  [
    'wrapWith',
    fixed([intType, stringType, stringType], ([width, lineBreak, text]) =>
      wrap(Number((width as Int).n), text as string, lineBreak as string, true),
    ),
  ],
  [
    'substr',
    fixed([intType, intType, stringType], ([from, to, text]) =>
      substring(Number((from as Int).n), Number((to as Int).n), text as string),
    ),
  ],
  ['replace', ofTexts(3, (from, to, text) => replaceAll(text, from, to))],
  [
    'repeat',
    fixed([intType, stringType], ([count, text], context) => repeated(count, text as string, context)),
  ],
  ['contains', ofTexts(2, (part, text) => text.includes(part))],
  ['hasPrefix', ofTexts(2, (prefix, text) => text.startsWith(prefix))],
  ['hasSuffix', ofTexts(2, (suffix, text) => text.endsWith(suffix))],
  [
    'quote',
    variadic([], anyType, (values) =>
      values
        .filter(isPresent)
        .map((each) => quote(textOf(each)))
        .join(' '),
    ),
  ],
  [
    'squote',
    variadic([], anyType, (values) =>
      values
        .filter(isPresent)
        .map((each) => `'${textOf(each)}'`)
        .join(' '),
    ),
  ],
  ['cat', variadic([], anyType, (values) => values.filter(isPresent).map(textOf).join(' '))],
  ['indent', fixed([intType, stringType], ([spaces, text]) => indented(spaces, text as string))],
  ['nindent', fixed([intType, stringType], ([spaces, text]) => `\n${indented(spaces, text as string)}`)],
  ['toString', fixed([anyType], ([value]) => textOf(value))],
  ['toStrings', fixed([anyType], ([value]) => strings(textsOf(value)))],
  ['join', fixed([stringType, anyType], ([separator, list]) => textsOf(list).join(separator as string))],
  [
    'sortAlpha',
    fixed([anyType], ([list]) =>
      strings(indirect(list) instanceof List ? sortedTexts(textsOf(list)) : [textOf(list)]),
    ),
  ],
  ['split', ofTexts(2, (separator, text) => numbered(split(text, separator)))],
  ['splitList', ofTexts(2, (separator, text) => strings(split(text, separator)))],
  [
    'splitn',
    fixed([stringType, intType, stringType], ([separator, count, text]) =>
      numbered(splitAtMost(text as string, separator as string, Number((count as Int).n))),
    ),
  ],
];
