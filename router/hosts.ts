/** Host names: as rules write them, as requests send them, and Fabio's globs over them. */

import { formatIp, parseIp } from './cidr.ts';
import { quote, type Read, read, refused } from './claim.ts';

/** RFC 1035 §2.3.4, without the trailing dot. */
const MAX_HOST = 253;
const MAX_LABEL = 63;
/** A glob may stand for this many plain ones, and for this many characters together. */
const MAX_BRANCHES = 64;
const MAX_TOKENS = 4096;

const DOT = 0x2e;
const COLON = 0x3a;
const BRACKET = 0x5b;

const UPPER = 1;
const NAME = 2;
/**
 * What may stand in the host of a request: RFC 3986's reg-name without `%`, `,` and `*`. No DNS name or
 * certificate has those, and each reads differently to somebody downstream.
 */
const REQUEST_CHARS = new Uint8Array(128);
for (const char of "abcdefghijklmnopqrstuvwxyz0123456789-_~!$&'()+;=")
  REQUEST_CHARS[char.charCodeAt(0)] = NAME;
for (const char of 'ABCDEFGHIJKLMNOPQRSTUVWXYZ') REQUEST_CHARS[char.charCodeAt(0)] = UPPER;

/**
 * The host of a request's `Host` or `:authority`, ready for lookup: lower case, without port and
 * trailing dot, IPv6 in brackets and canonical. Null when it is empty or not a plain host with an
 * optional port (RFC 9110 §7.2). Runs once for every request: one pass, and no copy for a clean name.
 */
export function hostOfAuthority(authority: string): string | null {
  if (authority.charCodeAt(0) === BRACKET) return bracketedHost(authority);
  const length = authority.length;
  if (length > MAX_HOST + 7) return null;
  let hasUpper = false;
  let labelIsEmpty = true;
  let end = 0;
  for (; end < length; end++) {
    const code = authority.charCodeAt(end);
    const kind = REQUEST_CHARS[code];
    if (kind === NAME) labelIsEmpty = false;
    else if (kind === UPPER) {
      hasUpper = true;
      labelIsEmpty = false;
    } else if (code === DOT && !labelIsEmpty) labelIsEmpty = true;
    else if (code === COLON) break;
    else return null;
  }
  if (end < length && !isPortAt(authority, end + 1)) return null;
  if (labelIsEmpty) end--;
  if (end <= 0 || end > MAX_HOST) return null;
  const host = end === length ? authority : authority.slice(0, end);
  return hasUpper ? host.toLowerCase() : host;
}

/** `[v6]` or `[v6]:port`. */
function bracketedHost(authority: string): string | null {
  const close = authority.indexOf(']');
  if (close === -1 || close > 46) return null;
  const after = close + 1;
  if (after < authority.length) {
    if (authority.charCodeAt(after) !== COLON || !isPortAt(authority, after + 1)) return null;
  }
  const bytes = parseIp(authority.slice(1, close));
  return bytes?.length === 16 ? `[${formatIp(bytes)}]` : null;
}

/** Decimal up to 65535; an empty port is the default one (RFC 3986 §3.2.3). */
function isPortAt(text: string, start: number): boolean {
  if (text.length - start > 5) return false;
  let port = 0;
  for (let at = start; at < text.length; at++) {
    const digit = text.charCodeAt(at) - 0x30;
    if (digit < 0 || digit > 9) return false;
    port = port * 10 + digit;
  }
  return port <= 65535;
}

/** A port one can connect to, 1 to 65535 in decimal; null for anything else. */
export function parsePort(text: string): number | null {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  return port >= 1 && port <= 65535 ? port : null;
}

/** ASCII only: other letters must not turn into it, as the Kelvin sign would into `k`. */
export function lowerCase(text: string): string {
  return text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
}

function isBracketed(host: string): boolean {
  return host.startsWith('[') && host.includes(':');
}

/**
 * A rule's host in the form `Rule.host` keeps: `name`, `*.name`, an IPv4 address or `[IPv6]`. Letters are
 * lowered and one trailing dot is cut. Refuses ports, non-ASCII names and everything DNS cannot hold.
 */
export function normaliseHost(text: string): Read<string> {
  if (isBracketed(text)) return normaliseBracketed(text);
  const isWildcard = text.startsWith('*.');
  const name = lowerCase(isWildcard ? text.slice(2) : text).replace(/\.$/, '');
  const problem =
    nameProblem(name) ?? (isWildcard && /^[\d.]+$/.test(name) ? 'puts * before an address' : null);
  if (problem !== null) return refused(`host ${quote(text)} ${problem}`);
  return read(isWildcard ? `*.${name}` : name);
}

function normaliseBracketed(text: string): Read<string> {
  const host = text.endsWith(']') ? bracketedHost(text) : null;
  if (host !== null) return read(host);
  return refused(`host ${quote(text)} is not an IPv6 address in brackets without zone and port`);
}

function nameProblem(name: string): string | null {
  if (name === '') return 'is empty';
  if (/[^\x00-\x7f]/.test(name)) return 'has non-ASCII letters; write the name in punycode (xn--…)';
  if (name === '*') return 'takes every name; leave the host out for that';
  if (name.includes('*')) return 'has * in a place other than the start, as in *.example.com';
  if (name.includes(':')) return colonProblem(name);
  if (name.length > MAX_HOST) return `is longer than ${MAX_HOST} characters`;
  const labels = name.split('.');
  for (const label of labels) {
    const problem = labelProblem(label);
    if (problem !== null) return problem;
  }
  const looksLikeIpv4 = labels.length === 4 && labels.every((label) => /^\d+$/.test(label));
  return looksLikeIpv4 && parseIp(name) === null ? 'is not an IPv4 address' : null;
}

function colonProblem(name: string): string {
  if (parseIp(name) !== null) return 'is an IPv6 address; put it in brackets';
  return 'has a port; ports do not take part in matching, leave it out';
}

function labelProblem(label: string): string | null {
  if (label === '') return 'has an empty label (two dots, or one at the start)';
  if (label.length > MAX_LABEL) return `has a label longer than ${MAX_LABEL} characters`;
  const bad = /[^a-z0-9_-]/.exec(label);
  if (bad !== null) return `cannot contain ${quote(bad[0])}`;
  return label.startsWith('-') || label.endsWith('-') ? `has a label that starts or ends with "-"` : null;
}

/** A compiled glob, or why it is none. */
export type Glob =
  | { readonly ok: true; readonly test: (host: string) => boolean }
  | { ok: false; reason: string };

/** One position of a plain glob: a run of anything, or one character in (or not in) a set. */
type Token = '*' | { readonly chars: string; readonly negated: boolean };

const ANY_CHAR: Token = { chars: '', negated: true };

/**
 * Compiles Fabio's host globs: `*` any run, dots included, `?` one character, `[a-z]` `[!a]` sets,
 * `{a,b}` alternatives, also nested. `test` wants a lower-case host and takes at most host length ×
 * glob length steps, whatever the texts.
 */
export function compileGlob(text: string): Glob {
  if (text.length > MAX_HOST) return refused(`host ${quote(text)} is longer than ${MAX_HOST} characters`);
  const plain = expandBraces(lowerCase(text));
  if (!plain.ok) return plain;
  const branches: Token[][] = [];
  for (const branch of plain.value) {
    const tokens = tokenise(branch);
    if (!tokens.ok) return refused(`host ${quote(text)} ${tokens.reason}`);
    branches.push(tokens.value);
  }
  const size = branches.reduce((sum, branch) => sum + branch.length, 0);
  if (size > MAX_TOKENS) return refused(`host ${quote(text)} stands for too many long names`);
  return { ok: true, test: (host) => branches.some((branch) => matches(branch, host)) };
}

/**
 * Works from the innermost pair outwards, which handles nesting without recursion. Every round replaces
 * the same pair in all texts, so the first one speaks for the braces of all.
 */
function expandBraces(text: string): Read<string[]> {
  let texts = [text];
  for (;;) {
    const close = texts[0]!.indexOf('}');
    const open = texts[0]!.lastIndexOf('{', close === -1 ? undefined : close);
    if (close === -1 && open === -1) return read(texts);
    if (close === -1 || open === -1) return refused(`host ${quote(text)} has an unpaired brace`);
    const next = new Set<string>();
    for (const item of texts) {
      for (const expanded of expandInnermost(item)) next.add(expanded);
      if (next.size > MAX_BRANCHES) {
        return refused(`host ${quote(text)} stands for more than ${MAX_BRANCHES} alternatives`);
      }
    }
    texts = [...next];
  }
}

function expandInnermost(text: string): string[] {
  const close = text.indexOf('}');
  const open = text.lastIndexOf('{', close);
  const inner = text.slice(open + 1, close).split(',');
  return inner.map((choice) => text.slice(0, open) + choice + text.slice(close + 1));
}

function tokenise(text: string): Read<Token[]> {
  const tokens: Token[] = [];
  for (let at = 0; at < text.length; at++) {
    const char = text[at]!;
    if (char === '*') {
      if (tokens.at(-1) !== '*') tokens.push('*');
    } else if (char === '?') tokens.push(ANY_CHAR);
    else if (char === '[') {
      const close = text.indexOf(']', at);
      const set = close === -1 ? null : parseSet(text.slice(at + 1, close));
      if (set === null) return refused('has a set that is not like [a-z], [abc] or [!a]');
      tokens.push(set);
      at = close;
    } else if (/[a-z0-9._-]/.test(char)) tokens.push({ chars: char, negated: false });
    else return refused(`cannot contain ${quote(char)}`);
  }
  return read(tokens);
}

function parseSet(text: string): Token | null {
  const negated = text.startsWith('!');
  const body = negated ? text.slice(1) : text;
  if (!/^[a-z0-9._-]+$/.test(body)) return null;
  let chars = '';
  for (let at = 0; at < body.length; at++) {
    const isRange = body[at + 1] === '-' && at + 2 < body.length;
    const first = body.charCodeAt(at);
    const last = isRange ? body.charCodeAt(at + 2) : first;
    if (last < first) return null;
    for (let code = first; code <= last; code++) chars += String.fromCharCode(code);
    if (isRange) at += 2;
  }
  return { chars, negated };
}

/** Going back to the latest star alone is enough: what an earlier one could take, the latest can too. */
function matches(tokens: readonly Token[], host: string): boolean {
  let token = 0;
  let star = -1;
  let retry = 0;
  for (let at = 0; at < host.length; ) {
    const wanted = tokens[token];
    if (wanted === '*') {
      star = token++;
      retry = at;
    } else if (wanted !== undefined && wanted.chars.includes(host[at]!) !== wanted.negated) {
      token++;
      at++;
    } else if (star !== -1) {
      token = star + 1;
      at = ++retry;
    } else return false;
  }
  while (tokens[token] === '*') token++;
  return token === tokens.length;
}
