import { isIP } from 'node:net';
import { domainToASCII } from 'node:url';

/** RFC 1035, 2.3.4 without the root's dot. */
const LONGEST_NAME = 253;
/** Letters, digits and hyphens (RFC 5890), and the underscore that host names of container platforms use. */
const LABEL = /^[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?$/;

/**
 * The one form of a server name that everything is looked up by: lower case, no dot at its end, a-labels only. Null
 * for what is none: empty, an IP literal (RFC 6066, 3), a name with other characters or beyond the limits of DNS.
 */
export function normalizeServerName(text: string): string | null {
  // A longer one cannot become valid, and need not be looked at.
  if (text.length === 0 || text.length > LONGEST_NAME + 1) return null;
  const lower = text.toLowerCase();
  const name = lower.endsWith('.') ? lower.slice(0, -1) : lower;
  return isHostName(name) ? name : null;
}

/**
 * A name from a certificate in the same form. A star may stand for exactly the whole first label (RFC 9525, 6.3);
 * an address gets its short form. Null where no client would accept the name.
 */
export function normalizeCertificateName(text: string): string | null {
  const family = isIP(text);
  // Node writes IPv6 addresses of certificates out in full.
  if (family !== 0) return family === 6 ? new URL(`http://[${text}]`).hostname.slice(1, -1) : text;
  const isWildcard = text.startsWith('*.');
  const name = normalizeServerName(domainToASCII(isWildcard ? text.slice(2) : text));
  if (name === null) return null;
  return isWildcard ? `*.${name}` : name;
}

/** `*.example.com` for `shop.example.com`; null where nothing is left for the star to stand before. */
export function wildcardFor(name: string): string | null {
  const dot = name.indexOf('.');
  return dot < 1 ? null : `*${name.slice(dot)}`;
}

function isHostName(name: string): boolean {
  if (name.length === 0 || name.length > LONGEST_NAME || isIP(name) !== 0) return false;
  const labels = name.split('.');
  // A last label of digits alone is a mistyped address (RFC 1123, 2.1).
  return labels.every((label) => LABEL.test(label)) && !/^\d+$/.test(labels.at(-1)!);
}
