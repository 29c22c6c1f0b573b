/**
 * Values on their way into the files of other programs. Each function is for one place of one grammar and throws where the
 * value has no safe form there: a broken file is refused whole, a smuggled directive is not noticed at all.
 */
import { createHash } from 'node:crypto';
import { normaliseHost } from '../../router/hosts.ts';

/** Names longer than this end in a hash instead. */
const MAX_IDENT = 180;

class Unquotable extends Error {
  readonly code = 'UNQUOTABLE';
}

/**
 * One word of an nginx configuration, in double quotes. A `$` would be a variable in most places and nginx knows no escape
 * for it, so it is refused unless the place takes it literally (a regular expression of `map`, a file name).
 */
export function nginxQuote(text: string, { dollar = false }: { readonly dollar?: boolean } = {}): string {
  refuseControls(text, 'nginx');
  if (!dollar && text.includes('$')) throw new Unquotable(`nginx has no escape for "$" in ${excerpt(text)}`);
  return `"${text.replace(/["\\]/g, '\\$&')}"`;
}

/** One word of an HAProxy configuration, in single quotes: nothing in it is expanded. */
export function haproxyQuote(text: string): string {
  refuseControls(text, 'HAProxy');
  return `'${text.replaceAll("'", String.raw`'\''`)}'`;
}

/** Text within a format of HAProxy's (`set-header`, `redirect location`), for use inside `haproxyQuote`. */
export function haproxyFormat(text: string): string {
  return text.replaceAll('%', '%%');
}

/**
 * A name for a section, server or map key made of anything: small letters, digits, `.` and `-` stay, every other byte
 * becomes `_` and two hex digits, so that different texts stay different even where case does not count. Reversible, except
 * that long ones are cut and end in `__` and 128 bits of SHA-256.
 */
export function ident(text: string): string {
  const name = [...Buffer.from(text)].map(encodeByte).join('');
  if (name.length <= MAX_IDENT) return name;
  const hash = createHash('sha256').update(text).digest('hex').slice(0, 32);
  return `${name.slice(0, MAX_IDENT - hash.length - 2)}__${hash}`;
}

/** A host name, wildcard or address in brackets as rules have it; nothing else. */
export function host(text: string): string {
  const read = normaliseHost(text);
  if (!read.ok) throw new Unquotable(read.reason);
  return read.value;
}

/** What a comment may say: one line of plain ASCII. */
export function comment(text: string): string {
  return `# ${text.replace(/[^\x20-\x7e]|\\/g, '?').slice(0, 400)}`;
}

function encodeByte(byte: number): string {
  const char = String.fromCharCode(byte);
  return /[a-z0-9.-]/.test(char) ? char : `_${byte.toString(16).padStart(2, '0')}`;
}

function refuseControls(text: string, program: string): void {
  if (/[\x00-\x1f\x7f-\u{10ffff}]/u.test(text)) {
    throw new Unquotable(`${program} takes printable ASCII here, not ${excerpt(text)}`);
  }
}

function excerpt(text: string): string {
  return JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}…` : text);
}
