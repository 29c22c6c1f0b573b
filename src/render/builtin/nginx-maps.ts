import { compareText } from '../../../router/host-routes.ts';
import type { Route } from '../../../router/model.ts';
import { nginxQuote as quote } from '../quote.ts';
import { isNetwork } from './checks.ts';
import type { BuiltinOptions } from './model.ts';
import { actionOf } from './nginx-actions.ts';
import { clientMaps } from './nginx-client-maps.ts';
import { redirectMaps, rewriteMaps } from './nginx-rewrite-maps.ts';
import { type Entry, geo, hostKey, map, routeKey, variable } from './nginx-words.ts';
import { wildcardsAbove } from './order.ts';
import { BAD_PATH, CHALLENGE_PATH, escapePattern, pathPattern } from './patterns.ts';
import type { Prepared } from './prepare.ts';

/**
 * A request's route is found by maps rather than by locations: those match a path decoded, of one server only, and know
 * nothing of priorities. Maps are worked out only where they are asked, and each look-up by host or route is one of a hash.
 */
export function mapLines(
  prepared: Prepared,
  options: BuiltinOptions,
  upstreams: ReadonlyMap<string, string>,
): string[] {
  const { routes } = prepared;
  return [
    ...sizes,
    ...clientMaps(options),
    ...siteMaps(routes),
    ...accessMaps(routes, options),
    ...actionMaps(prepared, options, upstreams),
    ...rewriteMaps(routes),
    ...redirectMaps(routes),
  ];
}

/** Ids are long, and so are lists. */
const sizes = [
  'map_hash_bucket_size 512;',
  'map_hash_max_size 65536;',
  'variables_hash_bucket_size 512;',
  'variables_hash_max_size 65536;',
  'server_names_hash_bucket_size 512;',
  'geo $fairlead_dollar {',
  '  default "$";',
  '}',
];

/**
 * For each host the routes it can have, in precedence. Without priorities a host falls back to the next wildcard above it,
 * so that routes for any host stand there once.
 */
function siteMaps(routes: readonly Route[]): string[] {
  const hosts = [...new Set(routes.map(({ rule }) => rule.host))]
    .filter((host) => host !== '')
    .sort(compareText);
  const isChained = routes.every(({ rule }) => rule.priority === 0);
  const ranks = new Map(routes.map((route, rank) => [route, rank]));
  const byHost = Map.groupBy(routes, ({ rule }) => rule.host);
  const sites = ['', ...hosts].map((host) => {
    const above = wildcardsAbove(host).filter((each) => byHost.has(each));
    const taken = isChained ? [host] : [...new Set([host, ...above, ''])];
    const own = taken.flatMap((each) => byHost.get(each) ?? []);
    const otherwise = isChained && host !== '' ? site(above[0] ?? '') : '""';
    const entries = own
      .sort((a, b) => ranks.get(a)! - ranks.get(b)!)
      .map((route): Entry => [quote(`~${requestPattern(route)}`, { dollar: true }), routeKey(route)]);
    return map('"$fairlead_listener $request_method $request_uri"', site(host).slice(1), [
      ...entries,
      ['default', otherwise],
    ]);
  });
  const entries = hosts.map((host): Entry => [hostKey(host), site(host)]);
  return [...sites.flat(), ...map('$host', 'fairlead_route', [...entries, ['default', site('')]], true)];
}

function site(host: string): string {
  return host === '' ? '$fairlead_any' : `$fairlead_site_${variable(host)}`;
}

function requestPattern({ rule }: Route): string {
  const choice = (texts: readonly string[] | null): string =>
    texts === null ? '[^ ]+' : `(?:${texts.map(escapePattern).join('|')})`;
  return `^${choice(rule.listeners)} ${choice(rule.methods)} ${pathPattern(rule)}`;
}

/** Networks are compared with whom the last proxy that is trusted speaks for. */
function accessMaps(routes: readonly Route[], { trustedProxies }: BuiltinOptions): string[] {
  const guarded = routes.filter(({ options }) => options.allow !== undefined || options.deny?.length);
  const proxies = trustedProxies.filter(isNetwork);
  const lines = guarded.flatMap(({ id, options: { allow, deny } }) => {
    const name = variable(id);
    return [
      ...geo('$fairlead_peer', `fairlead_deny_${name}`, deny ?? [], { proxies }),
      ...geo('$fairlead_peer', `fairlead_allow_${name}`, allow ?? [], { proxies, otherwise: allow ? 0 : 1 }),
      ...map(`"$fairlead_deny_${name}$fairlead_allow_${name}"`, `fairlead_denied_${name}`, [
        ['01', '0'],
        ['default', '1'],
      ]),
    ];
  });
  const entries = guarded.map((route): Entry => [routeKey(route), `$fairlead_denied_${variable(route.id)}`]);
  return [...lines, ...map('$fairlead_route', 'fairlead_denied', [...entries, ['default', '0']])];
}

/** What is done with a request, in the router's order: bad path, no route, https, access, answer. */
function actionMaps(
  prepared: Prepared,
  options: BuiltinOptions,
  upstreams: ReadonlyMap<string, string>,
): string[] {
  const { routes } = prepared;
  const each = (entryOf: (route: Route) => string | null): Entry[] =>
    routes.flatMap((route): Entry[] => {
      const value = entryOf(route);
      return value === null ? [] : [[routeKey(route), value]];
    });
  const port = options.redirectPort === 443 ? '' : `:${options.redirectPort}`;
  return [
    ...map('$fairlead_route', 'fairlead_answer', [
      ...each((route) => actionOf(route, prepared, options)),
      ['default', 'no_route'],
    ]),
    ...map('$fairlead_denied', 'fairlead_allowed', [
      ['1', 'denied'],
      ['default', '$fairlead_answer'],
    ]),
    ...map('$fairlead_route', 'fairlead_https', [
      ...each(({ options }) => options.https ?? null),
      ['default', 'any'],
    ]),
    ...map('"$fairlead_https:$fairlead_secure:$request_uri"', 'fairlead_checked', [
      ['~^only:0:', 'no_route'],
      [quote(`~^redirect:0:${CHALLENGE_PATH.slice(1)}`, { dollar: true }), '$fairlead_allowed'],
      ['~^redirect:0:', 'redirect_https'],
      ['default', '$fairlead_allowed'],
    ]),
    ...map('$request_uri', 'fairlead_action', [
      [quote(`~${BAD_PATH}`, { dollar: true }), 'bad_request'],
      ['default', '$fairlead_checked'],
    ]),
    ...map('$fairlead_route', 'fairlead_pool', [
      ...each(({ pool, id }) => (prepared.refused.has(id) ? null : (upstreams.get(pool ?? '') ?? null))),
      ['default', '""'],
    ]),
    ...map('$fairlead_route', 'fairlead_host', [
      ...each((route) => hostFieldOf(route, prepared)),
      ['default', '$http_host'],
    ]),
    ...map('$request_uri', 'fairlead_https_location', [['default', `"https://$host${port}$request_uri"`]]),
  ];
}

function hostFieldOf({ options: { host }, pool }: Route, { pools }: Prepared): string | null {
  if (host === undefined) return null;
  if (host.kind === 'name') return quote(host.name);
  const [only] = pools.get(pool ?? '')?.endpoints ?? [];
  if (only === undefined) return null;
  return quote(`${only.address.includes(':') ? `[${only.address}]` : only.address}:${only.port}`);
}
