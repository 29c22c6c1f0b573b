import type { Route } from '../../router/model.ts';
import { isStripped, normalPath, pathEnd, rewriteTarget } from '../../router/paths.ts';
import type { Profiles } from '../../tls/profiles.ts';
import type { Reason } from '../shared/reasons.ts';
import type { Networks } from './forwarded.ts';
import { Field, fieldValue, fieldValueByName } from './http1/fields.ts';
import type { RequestHead } from './http1/heads.ts';
import { isDenied, type LiveRoute } from './live-table.ts';
import type { LivePool } from './pools.ts';
import type { ConnectionTls } from './tls/connection-tls.ts';

/** As much of a route as deciding needs. */
export interface DecidableRoute extends Route {
  readonly live: { readonly allow: Networks | null; readonly deny: Networks | null };
}

/** As much of a router as deciding needs. */
export interface DecidingEngine<R extends DecidableRoute> {
  readonly table: { match(host: string, path: string, method: string, listener: string): R | null };
  readonly hasCatalog: boolean;
  readonly limits: { readonly bodyBytes: number };
  readonly profiles: Pick<Profiles, 'profileFor' | 'clientAuthFor' | 'generation'>;
  readonly challenges: ReadonlyMap<string, string>;
  readonly setup: { readonly tls: { readonly redirectPort: number } };
}

/** As much of a `ClientStream`; whoever asks what would become of a request has less. */
export interface Deciding<R extends DecidableRoute> {
  readonly engine: DecidingEngine<R>;
  readonly listener: { readonly name: string };
  readonly peer: { readonly isTrusted: boolean };
  readonly tls: Pick<ConnectionTls, 'serverName' | 'profile'> | null;
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
  /** A token of an ACME authority. */
  | { kind: 'challenge'; route: null; keyAuthorization: string }
  | { kind: 'redirect'; route: R; status: number; location: string }
  | { kind: 'refuse'; route: R | null; reason: Reason };

/** `client` is the address the allow and deny lists are about: the one behind trusted proxies. */
export function decide<R extends DecidableRoute>(
  head: RequestHead,
  client: string,
  { engine, listener, peer, tls }: Deciding<R>,
): Decision<R> {
  const { target } = head;
  if (target.startsWith(CHALLENGES)) {
    const keyAuthorization = engine.challenges.get(target.slice(CHALLENGES.length));
    if (keyAuthorization !== undefined) return { kind: 'challenge', route: null, keyAuthorization };
  }
  if (tls !== null && isMisdirected(head.host, tls, engine)) {
    return { kind: 'refuse', route: null, reason: 'misdirected' };
  }
  const end = pathEnd(target);
  const rawPath = end === target.length ? target : target.slice(0, end);
  const path = rawPath === '*' ? '/' : normalPath(rawPath);
  if (path === null) return { kind: 'refuse', route: null, reason: 'bad_request' };
  const route = engine.table.match(head.host, path, head.method, listener.name);
  if (route === null) return { kind: 'refuse', route, reason: engine.hasCatalog ? 'no_route' : 'no_catalog' };

  const { options } = route;
  if (tls === null) {
    const isSecured = peer.isTrusted && isForwardedHttps(head);
    if (engine.profiles.clientAuthFor(head.host)?.mode === 'required') {
      // Whoever ended TLS in front of us has not asked for a certificate that we could believe.
      return isSecured ? { kind: 'refuse', route, reason: 'misdirected' } : toHttps(head, route, engine);
    }
    if (options.https === 'only' && !isSecured) return { kind: 'refuse', route: null, reason: 'no_route' };
    // An application may run its own ACME client.
    const isChallenge = path.startsWith(CHALLENGES);
    if (options.https === 'redirect' && !isSecured && !isChallenge) return toHttps(head, route, engine);
  }
  if (isDenied(route, client)) return { kind: 'refuse', route, reason: 'denied' };
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

/** RFC 8555, 8.3. */
const CHALLENGES = '/.well-known/acme-challenge/';

/**
 * RFC 9110, 7.4: a request for a host that this connection has not shown a certificate for. A client that names no
 * server takes any certificate, so there only the rules for its own certificate count.
 */
function isMisdirected<R extends DecidableRoute>(
  host: string,
  { serverName, profile }: Pick<ConnectionTls, 'serverName' | 'profile'>,
  engine: DecidingEngine<R>,
): boolean {
  if (host === serverName) {
    // The rules may have changed since the handshake.
    const isCurrent = profile.generation === engine.profiles.generation;
    return !isCurrent && engine.profiles.clientAuthFor(host) !== profile.clientAuth;
  }
  if (serverName === '') return engine.profiles.clientAuthFor(host) !== profile.clientAuth;
  return engine.profiles.profileFor(host)?.id !== profile.id;
}

function toHttps<R extends DecidableRoute>(
  { host, target }: RequestHead,
  route: R,
  engine: DecidingEngine<R>,
): Decision<R> {
  // HTTP/1.0 without Host: there is no name to send the client to.
  if (host === '') return { kind: 'refuse', route, reason: 'bad_request' };
  const { redirectPort } = engine.setup.tls;
  const port = redirectPort === 443 ? '' : `:${redirectPort}`;
  const location = `https://${host}${port}${target === '*' ? '/' : target}`;
  return { kind: 'redirect', route, status: 308, location };
}

/** A trusted proxy in front has ended TLS already: redirecting again would loop. */
function isForwardedHttps(head: RequestHead): boolean {
  return fieldValue(head, Field.forwardedProto).toLowerCase() === 'https';
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
