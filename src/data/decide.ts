import { isStripped, normalPath, pathEnd, rewriteTarget } from '../../router/paths.ts';
import type { Reason } from '../shared/reasons.ts';
import type { Engine, ListenerFacts } from './engine.ts';
import { valueOf } from './head-writer.ts';
import { Field } from './http1/fields.ts';
import type { RequestHead } from './http1/heads.ts';
import type { LiveRoute } from './live-table.ts';

/** What is done with a request, before anything is done. */
export type Decision =
  | { kind: 'forward'; route: LiveRoute; target: string; strippedPrefix: string | null }
  | { kind: 'redirect'; route: LiveRoute; status: number; location: string }
  | { kind: 'refuse'; route: LiveRoute | null; reason: Reason };

/** `client` is the address the allow and deny lists are about: the one behind trusted proxies. */
export function decide(
  head: RequestHead,
  client: string,
  isTrustedPeer: boolean,
  listener: ListenerFacts,
  engine: Engine,
): Decision {
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
  return valueOf(head, Field.forwardedProto).toLowerCase() === 'https';
}

function isAllowed(route: LiveRoute, client: string): boolean {
  const { allow, deny } = route.live;
  if (deny?.has(client)) return false;
  return allow === null || allow.has(client);
}

/** `$path` is the path after strip and prefix; the query goes along when the template has none of its own. */
function redirectLocation(
  route: LiveRoute,
  template: string,
  host: string,
  path: string,
  query: string,
): string {
  if (!template.includes('$')) return template;
  const { options, rule } = route;
  const isText = rule.match === 'text';
  const rewritten = rewriteTarget(path, path, '', options, isText);
  const location = template.replaceAll('$host', () => host).replaceAll('$path', () => rewritten);
  return template.includes('$path') && !/[?#]/.test(template) ? location + query : location;
}
