/** Where a rule points: host and path, and the places redirects lead to. */

import { quote, type Read, read, refused } from './claim.ts';
import { hostOfAuthority, normaliseHost } from './hosts.ts';
import type { StreamMatch } from './model.ts';
import { parseStream } from './stream.ts';

export interface Target {
  /** As in `Rule.host`. */
  readonly host: string;
  /** As in `Rule.path`, with a trailing slash still in place: whether it counts depends on the match. */
  readonly path: string;
  /** As in `Rule.stream`. */
  readonly stream?: StreamMatch;
}

/** Reads the first word of a native rule: `host`, `host/path`, `/path`, or a TCP, UDP or SNI target. */
export function parseTarget(text: string): Read<Target> {
  if (text === '') return refused('the target is missing; write a host, a /path, or both');
  const scheme = /^(https?:)?\/\//.exec(text)?.[0];
  if (scheme !== undefined)
    return refused(`target ${quote(text)} starts with ${quote(scheme)}; leave it out`);
  const layer4 = /^(tcp|udp|sni):(.*)$/.exec(text);
  if (layer4 !== null) return parseStream(layer4[1]!, layer4[2]!);
  const slash = text.indexOf('/');
  const host = slash === 0 ? read('') : normaliseHost(slash === -1 ? text : text.slice(0, slash));
  if (!host.ok) return host;
  const path = slash === -1 ? read('/') : normalisePath(text.slice(slash));
  return path.ok ? read({ host: host.value, path: path.value }) : path;
}

/**
 * A rule's path in the form requests are matched on (RFC 3986 §6.2.2): percent-encoded unreserved
 * characters decoded, other escapes in upper case. Refuses what could never match, or would match
 * differently here and upstream: queries, dot segments, empty segments, raw characters outside RFC 3986.
 */
export function normalisePath(text: string): Read<string> {
  const problem = pathProblem(text);
  if (problem !== null) return refused(`path ${quote(text)} ${problem}`);
  const path = text.replace(/%../g, normaliseEscape);
  if (path.includes('//')) return refused(`path ${quote(text)} has an empty segment ("//")`);
  if (/\/\.\.?(\/|$)/.test(path)) return refused(`path ${quote(text)} has a dot segment ("." or "..")`);
  return read(path);
}

function pathProblem(text: string): string | null {
  if (!text.startsWith('/')) return 'must start with "/"';
  const bad = /[^A-Za-z0-9\-._~!$&'()*+,;=:@/%]/u.exec(text);
  if (bad !== null) {
    const hint =
      bad[0] === '?' || bad[0] === '#' ? '; a rule has no query or fragment' : '; percent-encode it';
    return `cannot contain ${quote(bad[0])} (position ${bad.index + 1})${hint}`;
  }
  const broken = /%(?![0-9A-Fa-f]{2})/.exec(text);
  if (broken !== null) return `has a broken percent escape at position ${broken.index + 1}`;
  const control = /%(?:[01][0-9A-Fa-f]|7[Ff])/.exec(text);
  return control === null ? null : `has an encoded control character at position ${control.index + 1}`;
}

function normaliseEscape(triplet: string): string {
  const char = String.fromCharCode(Number.parseInt(triplet.slice(1), 16));
  return /[A-Za-z0-9\-._~]/.test(char) ? char : triplet.toUpperCase();
}

/** Cuts one trailing slash; `/` itself stays. */
export function cutTrailingSlash(path: string): string {
  return path.length > 1 && path.endsWith('/') ? path.slice(0, -1) : path;
}

/** Reads `CODE,URL`; everything after the first comma is the URL. */
export function parseRedirect(
  text: string,
  statuses: { readonly test: (status: number) => boolean; readonly names: string },
): Read<{ status: number; location: string }> {
  const comma = text.indexOf(',');
  const code = comma === -1 ? text : text.slice(0, comma);
  const status = /^\d{3}$/.test(code) ? Number(code) : 0;
  if (!statuses.test(status)) return refused(`status ${quote(code)} is not ${statuses.names}`);
  if (comma === -1) return refused('the URL is missing; write the status, a comma and the URL');
  const location = parseLocation(text.slice(comma + 1));
  return location.ok ? read({ status, location: location.value }) : location;
}

/**
 * Where a redirect leads: an absolute http(s) URL or a path, with `$host` and `$path` to be filled in from
 * the request. `$path` starts with a slash, so one written before it is dropped, as Fabio does.
 */
export function parseLocation(text: string): Read<string> {
  const bad = /[^\x21-\x7e]|["<>\\^`{|}]/u.exec(text);
  if (bad !== null) return refused(`URL ${quote(text)} cannot contain ${quote(bad[0])}; percent-encode it`);
  // A request path may begin with two slashes, which a browser would take for another host.
  if (/^\/?\$path|^\/\//.test(text)) {
    return refused(`URL ${quote(text)} could lead to a foreign host; write it as https://$host$path`);
  }
  const absolute = /^(https?:\/\/)([^/?#]*)(.*)$/i.exec(text);
  if (absolute === null) {
    if (!text.startsWith('/')) return refused(`URL ${quote(text)} must start with http://, https:// or "/"`);
    return read(text.replaceAll('/$path', '$path'));
  }
  const [, scheme, authority, rest] = absolute as unknown as [string, string, string, string];
  const host = authority.replace(/\$path.*$/, '').replaceAll('$host', 'host');
  if (hostOfAuthority(host) === null) return refused(`URL ${quote(text)} has no usable host`);
  return read(scheme + authority + rest.replaceAll('/$path', '$path'));
}
