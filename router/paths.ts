/**
 * Request paths. Routes are matched on one normal form (RFC 3986 §6.2.2): percent-encoded unreserved characters decoded,
 * runs of slashes as one. Reserved characters stay encoded, so `%2F` never becomes a separator.
 */

const SLASH = 0x2f;
const PERCENT = 0x25;
const DOT = 0x2e;
const QUESTION = 0x3f;

/** The end of the path within a request target in origin form: the first `?`, or its length. */
export function pathEnd(target: string): number {
  for (let i = 0; i < target.length; i++) if (target.charCodeAt(i) === QUESTION) return i;
  return target.length;
}

/**
 * The form routes are matched on, or null when the path must be refused: dot segments (also encoded), an encoded NUL or a
 * broken percent escape. Refusing beats resolving: what we match and what the upstream reads must be the same path.
 * An ordinary path is returned as it is, without allocation.
 */
export function normalPath(path: string): string | null {
  for (let i = 0; i < path.length; i++) {
    const c = path.charCodeAt(i);
    if (c === PERCENT) return rewrite(path);
    if (c === SLASH && i + 1 < path.length) {
      const next = path.charCodeAt(i + 1);
      if (next === SLASH || next === DOT) return rewrite(path);
    }
  }
  return path;
}

function rewrite(path: string): string | null {
  let out = '';
  let afterSlash = false;
  for (let i = 0; i < path.length; i++) {
    const c = path.charCodeAt(i);
    if (c === PERCENT) {
      const code = hexPair(path, i + 1);
      if (code <= 0) return null;
      out += isUnreserved(code) ? String.fromCharCode(code) : path.slice(i, i + 3).toUpperCase();
      i += 2;
    } else if (c !== SLASH || !afterSlash) {
      out += path[i];
    }
    afterSlash = c === SLASH;
  }
  return hasDotSegment(out) ? null : out;
}

function hasDotSegment(path: string): boolean {
  for (let start = 0; start < path.length; ) {
    let end = path.indexOf('/', start);
    if (end < 0) end = path.length;
    if (end - start <= 2 && end > start) {
      const segment = path.slice(start, end);
      if (segment === '.' || segment === '..') return true;
    }
    start = end + 1;
  }
  return false;
}

function hexPair(text: string, at: number): number {
  const high = hexDigit(text.charCodeAt(at));
  const low = hexDigit(text.charCodeAt(at + 1));
  return high < 0 || low < 0 ? -1 : high * 16 + low;
}

function hexDigit(c: number): number {
  if (c >= 0x30 && c <= 0x39) return c - 0x30;
  const lower = c | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1;
}

/** RFC 3986 §2.3. */
function isUnreserved(c: number): boolean {
  const lower = c | 0x20;
  return (
    (lower >= 0x61 && lower <= 0x7a) ||
    (c >= 0x30 && c <= 0x39) ||
    c === 0x2d ||
    c === DOT ||
    c === 0x5f ||
    c === 0x7e
  );
}

/**
 * The target the upstream sees after `strip` and `prefix`. When they change nothing it is the received target, byte for
 * byte; otherwise the rewritten normal form, so that what was matched is what is sent. `isText` strips as Fabio does.
 */
export function rewriteTarget(
  target: string,
  normal: string,
  query: string,
  options: { readonly strip?: string; readonly prefix?: string },
  isText: boolean,
): string {
  const { strip, prefix } = options;
  const strips = isStripped(normal, strip, isText);
  if (!strips && prefix === undefined) return target;
  let path = strips ? normal.slice(strip!.length) : normal;
  if (prefix !== undefined) path = prefix + (path.startsWith('/') || path === '' ? '' : '/') + path;
  if (!path.startsWith('/')) path = `/${path}`;
  return path + query;
}

/**
 * True when `strip` takes something off this path: on a segment boundary, or as plain text in Fabio's dialect. A text
 * that ends within a segment stays when the rest would read as a dot segment: `/a..` without `/a` climbs out.
 */
export function isStripped(path: string, strip: string | undefined, isText: boolean): boolean {
  if (strip === undefined || strip === '/' || !path.startsWith(strip)) return false;
  if (path.length === strip.length || path.charCodeAt(strip.length) === SLASH) return true;
  return isText && !/^\.\.?(?:\/|$)/.test(path.slice(strip.length));
}
