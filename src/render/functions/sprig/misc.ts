import { hash } from 'node:crypto';
import { fromBytes, toBytes } from '../../template/bytes.ts';
import { FunctionError } from '../../template/errors.ts';
import { fixed, type TemplateFunction } from '../../template/functions.ts';
import { anyMapType, intType, stringListType, stringType } from '../../template/kinds.ts';
import { type Dict, dict, type Int, List, strings, type Value } from '../../template/values.ts';
import { type Named, ofTexts } from '../define.ts';
import { base64Decode, base64Encode } from '../go-text.ts';
import { baseName, cleanPath, directory, extension } from '../paths.ts';
import { compileRegex, expand, isMatch, matches, replaceMatches } from '../regex.ts';
import { semverFunctions } from './semver.ts';

/** The first `limit` matches; all of them where it is negative. */
function findAll(expression: string, text: string, limit: number): readonly string[] {
  const found: string[] = [];
  for (const match of matches(compileRegex(expression), text)) {
    found.push(match.group(0));
    if (found.length === limit) break;
  }
  return found;
}

/** Go's Split: what is between the matches, in at most `limit` pieces. */
function splitBy(expression: string, text: string, limit: number): readonly string[] {
  if (expression !== '' && text === '') return [''];
  const pieces: string[] = [];
  let begin = 0;
  let end = 0;
  for (const match of matches(compileRegex(expression), text)) {
    if (limit > 0 && pieces.length === limit - 1) break;
    end = match.start;
    if (match.end !== 0) pieces.push(text.slice(begin, end));
    begin = match.end;
  }
  if (end !== text.length) pieces.push(text.slice(begin));
  return pieces;
}

function withLimit(
  call: (expression: string, text: string, limit: number) => readonly string[],
): TemplateFunction {
  return fixed([stringType, stringType, intType], ([expression, text, limit]) =>
    (limit as Int).n === 0n
      ? new List(stringListType, [], true)
      : strings(call(expression as string, text as string, Number((limit as Int).n))),
  );
}

/** `must` twins included: what is no expression fails in both. */
const regexes: Named = [
  ['regexMatch', ofTexts(2, isMatch)],
  ['regexFind', ofTexts(2, (expression, text) => findAll(expression, text, 1)[0] ?? '')],
  ['regexFindAll', withLimit(findAll)],
  ['regexSplit', withLimit(splitBy)],
  [
    'regexReplaceAll',
    ofTexts(3, (expression, text, replacement) =>
      replaceMatches(expression, text, (match) => expand(replacement, match)),
    ),
  ],
  [
    'regexReplaceAllLiteral',
    ofTexts(3, (expression, text, literal) => replaceMatches(expression, text, () => literal)),
  ],
];

function adler32(text: string): string {
  let a = 1;
  let b = 0;
  for (const byte of toBytes(text)) {
    a = (a + byte) % 65_521;
    b = (b + a) % 65_521;
  }
  return String(b * 65_536 + a);
}

const BASE_32 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';

function base32Encode(text: string): string {
  let encoded = '';
  let bits = 0;
  let held = 0;
  for (const byte of toBytes(text)) {
    held = (held << 8) | byte;
    for (bits += 8; bits >= 5; bits -= 5) encoded += BASE_32.charAt((held >> (bits - 5)) & 31);
    held &= (1 << bits) - 1;
  }
  if (bits > 0) encoded += BASE_32.charAt((held << (5 - bits)) & 31);
  return encoded.padEnd(Math.ceil(encoded.length / 8) * 8, '=');
}

function base32Decode(text: string): string {
  if (text.length % 8 !== 0 || !/^[A-Z2-7]*=*$/.test(text)) return 'illegal base32 data';
  const bytes: number[] = [];
  let bits = 0;
  let held = 0;
  for (const letter of text.replace(/=+$/, '')) {
    held = (held << 5) | BASE_32.indexOf(letter);
    bits += 5;
    if (bits < 8) continue;
    bits -= 8;
    bytes.push(held >> bits);
    held &= (1 << bits) - 1;
  }
  return fromBytes(Uint8Array.from(bytes));
}

/** sprig gives the error's text as the result. */
function decode64(text: string): string {
  return (
    base64Decode(text) ??
    `illegal base64 data at input byte ${/[^A-Za-z0-9+/]/.exec(text)?.index ?? text.length}`
  );
}

const URL_PARTS =
  /^(?:([A-Za-z][A-Za-z0-9+.-]*):)?(\/\/(?:([^@/?#]*)@)?([^/?#]*))?([^?#]*)(?:\?([^#]*))?(?:#(.*))?$/s;

function parseUrl(text: string): Value {
  const match = URL_PARTS.exec(text);
  if (match === null || /[\u0000-\u001f\u007f]/.test(text))
    throw new FunctionError(`unable to parse url: ${text}`);
  const [, scheme = '', authority, userinfo = '', address = '', path = '', query = '', fragment = ''] = match;
  const isOpaque = scheme !== '' && authority === undefined && path !== '' && !path.startsWith('/');
  const hostname = address.replace(/:\d*$/, '').replace(/^\[(.*)\]$/, '$1');
  return dict(anyMapType, [
    ['scheme', scheme.toLowerCase()],
    ['host', address],
    ['hostname', hostname],
    ['path', isOpaque ? '' : unescapePath(path)],
    ['query', query],
    ['opaque', isOpaque ? path : ''],
    ['fragment', unescapePath(fragment)],
    ['userinfo', userinfo],
  ]);
}

function unescapePath(text: string): string {
  const bytes = text.replace(/%([0-9a-fA-F]{2})/g, (_, hex: string) => {
    const byte = Number.parseInt(hex, 16);
    return String.fromCharCode(byte < 0x80 ? byte : 0xdc00 + byte);
  });
  return fromBytes(toBytes(bytes));
}

function joinUrl(parts: Dict): string {
  const part = (name: string): string => {
    const value = parts.entries.get(name) ?? '';
    if (typeof value !== 'string')
      throw new FunctionError(`unable to parse ${name} key, must be of type string`);
    return value;
  };
  const scheme = part('scheme') === '' ? '' : `${part('scheme')}:`;
  const query = part('query') === '' ? '' : `?${part('query')}`;
  const fragment = part('fragment') === '' ? '' : `#${encodeURI(part('fragment'))}`;
  if (part('opaque') !== '') return scheme + part('opaque') + query + fragment;
  const user = part('userinfo') === '' ? '' : `${part('userinfo')}@`;
  const address = part('host') === '' && user === '' ? '' : `//${user}${part('host')}`;
  const path = encodeURI(part('path'));
  const slash = address !== '' && path !== '' && !path.startsWith('/') ? '/' : '';
  return scheme + address + slash + path + query + fragment;
}

const hashing = (algorithm: string): TemplateFunction => ofTexts(1, (text) => hash(algorithm, toBytes(text)));

const paths: Named = [
  ['base', ofTexts(1, baseName)],
  ['dir', ofTexts(1, directory)],
  ['clean', ofTexts(1, cleanPath)],
  ['ext', ofTexts(1, extension)],
  ['isAbs', ofTexts(1, (path) => path.startsWith('/'))],
];

const capital = (name: string): string => name.charAt(0).toUpperCase() + name.slice(1);

export const miscFunctions: Named = [
  ...regexes,
  ...regexes.map(([name, does]) => [`must${capital(name)}`, does] as const),
  ['regexQuoteMeta', ofTexts(1, (text) => text.replace(/[\\.+*?()|[\]{}^$]/g, '\\$&'))],
  ['sha1sum', hashing('sha1')],
  ['sha256sum', hashing('sha256')],
  ['sha512sum', hashing('sha512')],
  ['adler32sum', ofTexts(1, adler32)],
  ['b64enc', ofTexts(1, (text) => base64Encode(text))],
  ['b64dec', ofTexts(1, decode64)],
  ['b32enc', ofTexts(1, base32Encode)],
  ['b32dec', ofTexts(1, base32Decode)],
  ...paths,
  ...paths.map(([name, does]) => [`os${capital(name)}`, does] as const),
  ['urlParse', ofTexts(1, parseUrl)],
  ['urlJoin', fixed([anyMapType], ([parts]) => joinUrl(parts as Dict))],
  ...semverFunctions,
];
