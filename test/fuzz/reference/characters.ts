/** Character sets, spelled out as the RFCs do. */

function range(first: number, last: number): string {
  let chars = '';
  for (let code = first; code <= last; code++) chars += String.fromCharCode(code);
  return chars;
}

function set(...parts: readonly string[]): ReadonlySet<string> {
  return new Set(parts.join(''));
}

const ALPHA = range(0x41, 0x5a) + range(0x61, 0x7a);
const DIGIT = range(0x30, 0x39);
/** RFC 5234 B.1. */
const VCHAR = range(0x21, 0x7e);
/** RFC 9110 §5.5. */
const OBS_TEXT = range(0x80, 0xff);

export const CR = '\r';
export const LF = '\n';
export const CRLF = '\r\n';
export const SP = ' ';

/** RFC 9110 §5.6.2. */
export const TCHAR = set("!#$%&'*+-.^_`|~", DIGIT, ALPHA);
/** RFC 9110 §5.5, with the white space that may stand between and around. */
export const FIELD_VCHAR = set(VCHAR, OBS_TEXT, ' \t');
/** RFC 9110 §5.6.3. */
export const OWS = set(' \t');
/** What a target may consist of. RFC 3986 allows less; a router passes it on, but never blanks, controls, `#`, non-ASCII. */
export const TARGET_CHAR = set(VCHAR.replace('#', ''));
export const DIGITS = set(DIGIT);
export const HEXDIG = set(DIGIT, 'ABCDEFabcdef');

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

export function isToken(text: string): boolean {
  return TOKEN.test(text);
}

/** ASCII letters only. */
export function lower(text: string): string {
  return text.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
}

/** Without the optional white space around. */
export function trimmed(text: string): string {
  return text.replace(/^[ \t]+/, '').replace(/[ \t]+$/, '');
}

/** The elements of a comma-separated list, empty ones left out (RFC 9110 §5.6.1.2). */
export function elements(value: string): string[] {
  return value
    .split(',')
    .map(trimmed)
    .filter((element) => element !== '');
}
