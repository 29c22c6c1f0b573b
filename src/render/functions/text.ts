import { FunctionError } from '../template/errors.ts';
import { fixed } from '../template/functions.ts';
import { intType, stringListType, stringType } from '../template/kinds.ts';
import { type Int, type List, stringMap, strings } from '../template/values.ts';
import { type Named, ofTexts } from './define.ts';
import { replaceAll, split, toLower, toUpper, trimSet, trimSpace } from './go-text.ts';

const wordSegmenter = new Intl.Segmenter('und', { granularity: 'word' });
const CASED = /\p{L}/u;

/** Letters whose form at the start of a word is another than the capital. */
const TITLE_FORMS = new Map(Object.entries({ ǆ: 'ǅ', ǉ: 'ǈ', ǌ: 'ǋ', ǳ: 'ǲ' }));

function titleLetter(letter: string): string {
  const [first = '', ...rest] = letter.toUpperCase();
  return TITLE_FORMS.get(letter) ?? first + rest.join('').toLowerCase();
}

/** The first letter of each word, as Unicode divides words; the others stay as they are. */
export function toTitle(text: string): string {
  let title = '';
  for (const { segment } of wordSegmenter.segment(text)) {
    const at = segment.search(CASED);
    if (at < 0) title += segment;
    else {
      const letter = String.fromCodePoint(segment.codePointAt(at)!);
      title += segment.slice(0, at) + titleLetter(letter) + segment.slice(at + letter.length);
    }
  }
  return title;
}

/** Before every line that is not empty. */
export function indentLines(text: string, spaces: number): string {
  const prefix = ' '.repeat(spaces);
  return text.replace(/^(?=[^\n])/gm, (_, offset: number) =>
    offset === 0 || text.charCodeAt(offset - 1) === 10 ? prefix : '',
  );
}

/** More would only fill memory. */
const MAX_INDENT = 10_000;

function splitToMap(between: string, within: string, text: string): ReturnType<typeof stringMap> {
  const trimmed = trimSpace(text);
  const entries = new Map<string, string>();
  for (const part of trimmed === '' ? [] : split(trimmed, between)) {
    const at = part.indexOf(within);
    if (at >= 0) entries.set(part.slice(0, at), part.slice(at + within.length));
  }
  const map = stringMap({});
  for (const [key, value] of entries) map.entries.set(key, value);
  return map;
}

export const textFunctions: Named = [
  [
    'join',
    fixed([stringType, stringListType], ([separator, list]) =>
      ((list as List).items as readonly string[]).join(separator as string),
    ),
  ],
  [
    'split',
    ofTexts(2, (separator, text) => {
      const trimmed = trimSpace(text);
      return strings(trimmed === '' ? [] : split(trimmed, separator));
    }),
  ],
  ['splitToMap', ofTexts(3, splitToMap)],
  ['trim', ofTexts(2, (cutset, text) => trimSet(text, cutset))],
  ['trimPrefix', ofTexts(2, (prefix, text) => (text.startsWith(prefix) ? text.slice(prefix.length) : text))],
  [
    'trimSuffix',
    ofTexts(2, (suffix, text) => (text.endsWith(suffix) ? text.slice(0, text.length - suffix.length) : text)),
  ],
  ['trimSpace', ofTexts(1, trimSpace)],
  ['replaceAll', ofTexts(3, (from, to, text) => replaceAll(text, from, to))],
  ['toLower', ofTexts(1, toLower)],
  ['toUpper', ofTexts(1, toUpper)],
  ['toTitle', ofTexts(1, toTitle)],
  [
    'indent',
    fixed([intType, stringType], ([spaces, text]) => {
      const count = Number((spaces as Int).n);
      if (count < 0) throw new FunctionError('indent value must be a positive integer');
      if (count > MAX_INDENT) throw new FunctionError(`indent value must not exceed ${MAX_INDENT}`);
      return indentLines(text as string, count);
    }),
  ],
];
