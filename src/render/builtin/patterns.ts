/**
 * Request paths as regular expressions (PCRE) over the target as it was received. Both programs would decode a path before
 * they match it, `%2F` into a separator among others, so the normal form of `router/paths.ts` is spelled out instead: each
 * unreserved character also in its percent-encoded form, each slash as a run of them.
 */
import type { Rule } from '../../../router/model.ts';

/** The end of a path or a segment, in a target with its query. */
const BOUNDARY = '(?:[/?]|$)';
const END = '(?:[?]|$)';

/** Dot segments, an encoded NUL or a broken escape: targets that are refused with 400. */
export const BAD_PATH = '^[^?]*(?:/(?:[.]|%2[Ee]){1,2}(?:[/?]|$)|%00|%(?![0-9A-Fa-f]{2}))';

/** Paths of an ACME authority's challenges (RFC 8555, 8.3). */
export const CHALLENGE_PATH = `^${literal('/.well-known/acme-challenge/')}`;

/** Matches the targets whose path the rule takes, without the anchor in front. */
export function pathPattern({ path, match }: Pick<Rule, 'path' | 'match'>): string {
  if (match === 'exact') return literal(path) + END;
  if (path === '/') return '/';
  return match === 'text' ? literal(path) : literal(path) + BOUNDARY;
}

/** A path in normal form as a pattern. */
export function literal(path: string): string {
  return path.replace(/%[0-9A-F]{2}|./g, (part) => {
    if (part === '/') return '/+';
    if (part.length === 3) return hexPattern(part.slice(1));
    if (!/[A-Za-z0-9._~-]/.test(part)) return `[${part}]`;
    return `(?:${part === '.' ? '[.]' : part}|${hexPattern(part.charCodeAt(0).toString(16))})`;
  });
}

/** Plain ASCII text as a pattern. */
export function escapePattern(text: string): string {
  return text.replace(/[^A-Za-z0-9_]/g, '\\$&');
}

function hexPattern(hex: string): string {
  return `%${hex.replace(/[a-f]/gi, (digit) => `[${digit.toUpperCase()}${digit.toLowerCase()}]`)}`;
}

/** One way in which a path is rewritten: of several, the first that matches. */
export interface Rewrite {
  /** Over the whole path; its only capture is what stays. */
  readonly pattern: string;
  /** Put in front of what stays. */
  readonly before: string;
  readonly isStripped: boolean;
}

/** `strip` and `prefix` as `rewriteTarget` applies them; what stays of the path is sent as it was received. */
export function rewritesOf(
  { strip, prefix }: { readonly strip?: string; readonly prefix?: string },
  isText: boolean,
): Rewrite[] {
  const stripped = strip === undefined || strip === '/' ? null : literal(strip);
  const rewrites: Rewrite[] = [];
  if (stripped !== null) {
    rewrites.push({ pattern: `^${stripped}()$`, before: prefix ?? '/', isStripped: true });
    rewrites.push({ pattern: `^${stripped}/+(.*)$`, before: `${prefix ?? ''}/`, isStripped: true });
    // A rest that would read as a dot segment is left alone.
    const rest = '((?!(?:[.]|%2[Ee]){1,2}(?:/|$))[^/].*)';
    if (isText)
      rewrites.push({ pattern: `^${stripped}${rest}$`, before: `${prefix ?? ''}/`, isStripped: true });
  }
  if (prefix !== undefined) rewrites.push({ pattern: '^/*(.*)$', before: `${prefix}/`, isStripped: false });
  return rewrites;
}
