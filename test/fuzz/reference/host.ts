import { isIPv6 } from 'node:net';
import { lower } from './characters.ts';

/** RFC 9110 §7.2, RFC 3986 §3.2.2: what a `Host` field or the authority of a target names. */

/**
 * Letters, digits, `-`, and what else RFC 3986 allows in a reg-name, but for `%`, `,` and `*`. Labels are not empty; one
 * dot may stand at the end.
 */
const NAME = /^[A-Za-z0-9_~!$&'()+;=-]+(\.[A-Za-z0-9_~!$&'()+;=-]+)*\.?$/;
const AUTHORITY = /^(\[[^\]]*\]|[^:[\]]*)(?::([0-9]{0,5}))?$/;
const MOST_NAME = 253;

/** Lower case, without port and trailing dot; null when it is not plainly a host with an optional port. */
export function hostOf(authority: string): string | null {
  const match = AUTHORITY.exec(authority);
  if (match === null || Number(match[2] ?? '') > 65535) return null;
  const host = match[1]!;
  return host.startsWith('[') ? literal(host.slice(1, -1)) : name(host);
}

function name(text: string): string | null {
  if (!NAME.test(text)) return null;
  const plain = text.endsWith('.') ? text.slice(0, -1) : text;
  return plain.length > MOST_NAME ? null : lower(plain);
}

/** IPv6 without zone, written as RFC 5952 says (dotted parts as groups). */
function literal(text: string): string | null {
  if (!isIPv6(text) || text.includes('%')) return null;
  return new URL(`http://[${text}]/`).hostname;
}
