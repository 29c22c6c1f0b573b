/** Which texts YAML would read as something else, and in which style yaml.v2 writes them. */

const WORDS: ReadonlySet<string> = new Set(
  [
    ['y', 'Y', 'yes', 'Yes', 'YES', 'true', 'True', 'TRUE', 'on', 'On', 'ON'],
    ['n', 'N', 'no', 'No', 'NO', 'false', 'False', 'FALSE', 'off', 'Off', 'OFF'],
    ['', '~', 'null', 'Null', 'NULL', '.nan', '.NaN', '.NAN'],
    ['.inf', '.Inf', '.INF', '+.inf', '+.Inf', '+.INF', '-.inf', '-.Inf', '-.INF'],
  ].flat(),
);

const INTEGER = /^[+-]?(?:0[xX][0-9a-fA-F]{1,16}|0[oO][0-7]{1,21}|0[bB][01]{1,64}|[0-9]+)$/;
const FLOAT = /^[+-]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][+-]?[0-9]+)?$/;
const BASE_60 = /^[+-]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?$/;
const DATE = /^([0-9]{4})-([0-9]{1,2})-([0-9]{1,2})(?:$|[Tt ](.*)$)/;
const TIME_WITH_ZONE = /^([0-9]{1,2}):([0-9]{1,2}):([0-9]{1,2})(?:[.,][0-9]+)?(?:Z|[+-][0-9]{2}:[0-9]{2})$/;
const TIME_WITHOUT = /^([0-9]{1,2}):([0-9]{1,2}):([0-9]{1,2})(?:[.,][0-9]+)?$/;

/** Whether the text, written as it is, reads back as a text. */
export function readsAsText(text: string): boolean {
  if (WORDS.has(text)) return false;
  if (text.startsWith('.')) return !/^\.[0-9]+(?:[eE][+-]?[0-9]+)?$/.test(text);
  if (!/^[+\-0-9]/.test(text)) return true;
  if (isTimestamp(text) || BASE_60.test(text)) return false;
  const plain = text.replaceAll('_', '');
  return !INTEGER.test(plain) && !(FLOAT.test(plain) && Number.isFinite(Number(plain)));
}

function isTimestamp(text: string): boolean {
  const date = DATE.exec(text);
  if (date === null) return false;
  const [, year, month, day, rest] = date;
  const days = new Date(Date.UTC(2000, Number(month), 0));
  days.setUTCFullYear(Number(year), Number(month), 0);
  if (Number(month) < 1 || Number(month) > 12 || Number(day) < 1 || Number(day) > days.getUTCDate())
    return false;
  if (rest === undefined) return true;
  const time = (text.includes(' ') ? TIME_WITHOUT : TIME_WITH_ZONE).exec(rest);
  return time !== null && Number(time[1]) < 24 && Number(time[2]) < 60 && Number(time[3]) < 60;
}

export type ScalarStyle = 'plain' | 'single' | 'double' | 'literal';

/** Beyond ASCII only characters of two and three bytes are printed as they are. */
const UNPRINTABLE = /[^\n\x20-\x7e\u00a0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd]/u;
/** At the start of a plain text; `-`, `?` and `:` only before a space or the end. */
const INDICATOR_START = /^(?:[#,[\]{}&*!|>'"%@`]|---|\.\.\.|[-?:](?: |\n|$))/;
const INDICATOR_INSIDE = /:(?: |\n|$)|[ \n]#/;

/** @param isKey before a colon, where there is no room for several lines */
export function styleOf(text: string, isText: boolean, isKey: boolean): ScalarStyle {
  const isSpecial = UNPRINTABLE.test(text) || / \n/.test(text);
  if (text.includes('\n')) return isKey || isSpecial || text.endsWith(' ') ? 'double' : 'literal';
  if (!isText) return 'double';
  if (isSpecial) return 'double';
  const isPlain =
    text !== '' &&
    !text.startsWith(' ') &&
    !text.endsWith(' ') &&
    !INDICATOR_START.test(text) &&
    !INDICATOR_INSIDE.test(text);
  return isPlain ? 'plain' : 'single';
}

const shortEscapes: Readonly<Record<string, string>> = {
  '\0': '0',
  '\x07': 'a',
  '\b': 'b',
  '\t': 't',
  '\n': 'n',
  '\v': 'v',
  '\f': 'f',
  '\r': 'r',
  '\x1b': 'e',
  '"': '"',
  '\\': '\\',
  '\u0085': 'N',
  '\u2028': 'L',
  '\u2029': 'P',
};

/** A character inside double quotes. */
export function escapeYaml(rune: string): string {
  const short = shortEscapes[rune];
  if (short !== undefined) return `\\${short}`;
  if (!UNPRINTABLE.test(rune)) return rune;
  const code = rune.codePointAt(0)!;
  const hex = code.toString(16).toUpperCase();
  if (code <= 0xff) return `\\x${hex.padStart(2, '0')}`;
  return code <= 0xffff ? `\\u${hex.padStart(4, '0')}` : `\\U${hex.padStart(8, '0')}`;
}
