import type { Route } from '../../router/model.ts';
import { isStripped, normalPath, pathEnd, rewriteTarget } from '../../router/paths.ts';
import type { Reason } from '../shared/reasons.ts';
import type { ListenerFacts } from './engine.ts';
import type { Networks } from './forwarded.ts';
import { Field, fieldValue, fieldValueByName } from './http1/fields.ts';
import type { RequestHead } from './http1/heads.ts';
import type { LiveRoute } from './live-table.ts';
import type { LivePool } from './pools.ts';

/** As much of a route as deciding needs. */
export interface DecidableRoute extends Route {
  readonly live: { readonly allow: Networks | null; readonly deny: Networks | null };
}

/** As much of a router: an engine, or whoever asks what an engine would do. */
export interface Deciding<R extends DecidableRoute> {
  readonly table: { match(host: string, path: string, method: string, listener: string): R | null };
  readonly hasCatalog: boolean;
  readonly limits: { readonly bodyBytes: number };
}

export interface Forward<R extends DecidableRoute = LiveRoute> {
  readonly kind: 'forward';
  readonly route: R;
  readonly target: string;
  /** Taken off in front; null when nothing was. */
  readonly strippedPrefix: string | null;
}

/** What is done with a request, before anything is done. */
export type Decision<R extends DecidableRoute> =
  | Forward<R>
  | { kind: 'redirect'; route: R; status: number; location: string }
  | { kind: 'refuse'; route: R | null; reason: Reason };

/** `client` is the address the allow and deny lists are about: the one behind trusted proxies. */
export function decide<R extends DecidableRoute>(
  head: RequestHead,
  client: string,
  isTrustedPeer: boolean,
  listener: Pick<ListenerFacts, 'name' | 'scheme'>,
  engine: Deciding<R>,
): Decision<R> {
  const { target } = head;
  const end = pathEnd(target);
  const rawPath = end === target.length ? target : target.slice(0, end);
  const path = rawPath === '*' ? '/' : normalPath(rawPath);
  if (path === null) return { kind: 'refuse', route: null, reason: 'bad_request' };
  const route = engine.table.match(head.host, path, head.method, listener.name);
  if (route === null) return { kind: 'refuse', route, reason: engine.hasCatalog ? 'no_route' : 'no_catalog' };

  const { options } = route;
  if (
    options.https !== undefined &&
    listener.scheme === 'http' &&
    !(isTrustedPeer && isForwardedHttps(head))
  ) {
    if (options.https === 'only') return { kind: 'refuse', route: null, reason: 'no_route' };
    // HTTP/1.0 without Host: there is no name to send the client to.
    if (head.host === '') return { kind: 'refuse', route, reason: 'bad_request' };
    return {
      kind: 'redirect',
      route,
      status: 308,
      location: `https://${head.host}${target === '*' ? '/' : target}`,
    };
  }
  if (!isAllowed(route, client)) return { kind: 'refuse', route, reason: 'denied' };
  const query = end === target.length ? '' : target.slice(end);
  if (options.redirect !== undefined) {
    const location = redirectLocation(route, options.redirect.location, head.host, path, query);
    return { kind: 'redirect', route, status: options.redirect.status, location };
  }
  const { bodyBytes } = engine.limits;
  // What is announced too large is refused before anybody is asked.
  if (bodyBytes > 0 && head.framing.kind === 'length' && head.framing.length > bodyBytes) {
    return { kind: 'refuse', route, reason: 'body_too_large' };
  }
  if (rawPath === '*') return { kind: 'forward', route, target, strippedPrefix: null };
  const isText = route.rule.match === 'text';
  const strippedPrefix = isStripped(path, options.strip, isText) ? options.strip! : null;
  return {
    kind: 'forward',
    route,
    target: rewriteTarget(target, path, query, options, isText),
    strippedPrefix,
  };
}

/** A trusted proxy in front has ended TLS already: redirecting again would loop. */
function isForwardedHttps(head: RequestHead): boolean {
  return fieldValue(head, Field.forwardedProto).toLowerCase() === 'https';
}

function isAllowed(route: DecidableRoute, client: string): boolean {
  const { allow, deny } = route.live;
  if (deny?.has(client)) return false;
  return allow === null || allow.has(client);
}

/** `$path` is the path after strip and prefix; the query goes along when the template has none of its own. */
function redirectLocation(route: Route, template: string, host: string, path: string, query: string): string {
  if (!template.includes('$')) return template;
  const { options, rule } = route;
  const isText = rule.match === 'text';
  const rewritten = rewriteTarget(path, path, '', options, isText);
  const location = template.replaceAll('$host', () => host).replaceAll('$path', () => rewritten);
  return template.includes('$path') && !/[?#]/.test(template) ? location + query : location;
}

/** What a request is hashed by; null (no such header or cookie) falls back to least connections. */
export function hashKey(head: RequestHead, client: string, pool: LivePool | null): string | null {
  if (pool?.balance.kind !== 'hash') return null;
  const { balance } = pool;
  if (balance.on === 'ip') return client;
  if (balance.on === 'header') return fieldValueByName(head, balance.name.toLowerCase());
  for (const part of fieldValue(head, Field.cookie).split(';')) {
    const equals = part.indexOf('=');
    if (equals > 0 && part.slice(0, equals).trim() === balance.name) return part.slice(equals + 1).trim();
  }
  return null;
}
