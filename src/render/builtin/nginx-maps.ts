import { compareText } from '../../../router/host-routes.ts';
import type { Route } from '../../../router/model.ts';
import { ident, nginxQuote as quote } from '../quote.ts';
import { isNetwork } from './checks.ts';
import type { BuiltinOptions } from './model.ts';
import { actionOf } from './nginx-actions.ts';
import { covers } from './order.ts';
import { BAD_PATH, CHALLENGE_PATH, escapePattern, pathPattern, rewritesOf } from './patterns.ts';
import type { Prepared } from './prepare.ts';

type Entry = readonly [key: string, value: string];

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
    ...accessMaps(routes),
    ...actionMaps(prepared, options, upstreams),
    ...rewriteMaps(routes),
    ...redirectMaps(routes),
  ];
}

/** `map SOURCE $NAME { … }`. Keys and values are complete words. */
export function map(source: string, name: string, entries: readonly Entry[], hostnames = false): string[] {
  return [
    `map ${source} $${name} {`,
    ...(hostnames ? ['  hostnames;'] : []),
    ...entries.map(([key, value]) => `  ${key} ${value};`),
    '}',
  ];
}

export function geo(source: string, name: string, networks: readonly string[], otherwise = 0): string[] {
  const lines = [...networks].sort(compareText).map((network) => `  ${network} 1;`);
  return [`geo ${source} $${name} {`, `  default ${otherwise};`, ...lines, '}'];
}

/** Names of variables have no `.` and `-`, so those of routes and hosts are encoded once more. */
export function variable(text: string): string {
  return ident(text).replace(/[.-]/g, (char) => `_${char.charCodeAt(0).toString(16)}`);
}

/** A variable whatever follows it. */
function braced(name: string): string {
  return `$\{${name}}`;
}

/** Text with `$` for a place where nginx expands variables. */
export function literalValue(text: string): string {
  return text.replaceAll('$', () => braced('fairlead_dollar'));
}

/** One that stands for a word `map` knows needs a backslash. */
export function hostKey(host: string): string {
  return /^(?:default|hostnames|include|volatile)$/.test(host) ? `\\${host}` : quote(host);
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

function clientMaps({ trustedProxies }: BuiltinOptions): string[] {
  const trusted = trustedProxies.filter(isNetwork);
  const given = (name: string, field: string, pattern: string, otherwise: string): string[] =>
    map(`"$fairlead_trusted:$http_${field}"`, `fairlead_${name}`, [
      [quote(`~*^1:(?<given_${name}>${pattern})$`, { dollar: true }), `$given_${name}`],
      ['default', otherwise],
    ]);
  return [
    ...trusted.map((network) => `set_real_ip_from ${network};`),
    ...(trusted.length > 0 ? ['real_ip_header X-Forwarded-For;', 'real_ip_recursive on;'] : []),
    ...geo('$realip_remote_addr', 'fairlead_trusted', trusted),
    ...map('"$scheme:$fairlead_trusted:$http_x_forwarded_proto"', 'fairlead_secure', [
      ['~^https:', '1'],
      ['~*^http:1:https$', '1'],
      ['default', '0'],
    ]),
    ...map('"$fairlead_trusted:$http_x_forwarded_for"', 'fairlead_chain', [
      ['"~^1:(?<chain>.+)$"', '"$chain, $realip_remote_addr"'],
      ['default', '$realip_remote_addr'],
    ]),
    ...given('proto', 'x_forwarded_proto', 'https?|wss?', '$scheme'),
    ...given('authority', 'x_forwarded_host', '.+', '$http_host'),
    ...given('port', 'x_forwarded_port', '.+', '$server_port'),
    ...given('id', 'x_request_id', '[A-Za-z0-9_.:/+=-]{1,128}', '$request_id'),
    ...given('forwarded', 'forwarded', '.+', '""'),
    ...map('$http_upgrade', 'fairlead_connection', [
      ['""', '""'],
      ['default', 'upgrade'],
    ]),
  ];
}

/**
 * For each host the routes it can have, in precedence. Without priorities a host falls back to the next wildcard above it,
 * so that routes for any host stand there once.
 */
function siteMaps(routes: readonly Route[]): string[] {
  const hosts = [...new Set(routes.map(({ rule }) => rule.host))]
    .filter((host) => host !== '')
    .sort(compareText);
  const isChained = routes.every(({ rule }) => rule.priority === 0);
  const sites = ['', ...hosts].map((host) => {
    const own = routes.filter(({ rule }) => (isChained ? rule.host === host : covers(rule.host, host)));
    const above = hosts.filter((other) => other !== host && covers(other, host));
    const parent = above.sort((a, b) => b.length - a.length)[0] ?? '';
    const otherwise = isChained && host !== '' ? site(parent) : '""';
    const entries = own.map(
      (route): Entry => [quote(`~${requestPattern(route)}`, { dollar: true }), key(route)],
    );
    return map('"$fairlead_listener $request_method $request_uri"', site(host).slice(1), [
      ...entries,
      ['default', otherwise],
    ]);
  });
  const byHost = hosts.map((host): Entry => [hostKey(host), site(host)]);
  return [...sites.flat(), ...map('$host', 'fairlead_route', [...byHost, ['default', site('')]], true)];
}

function site(host: string): string {
  return host === '' ? '$fairlead_any' : `$fairlead_site_${variable(host)}`;
}

/** A route as a key and value of maps. */
function key({ id }: Route): string {
  return `r_${ident(id)}`;
}

function requestPattern({ rule }: Route): string {
  const choice = (texts: readonly string[] | null): string =>
    texts === null ? '[^ ]+' : `(?:${texts.map(escapePattern).join('|')})`;
  return `^${choice(rule.listeners)} ${choice(rule.methods)} ${pathPattern(rule)}`;
}

function accessMaps(routes: readonly Route[]): string[] {
  const guarded = routes.filter(({ options }) => options.allow !== undefined || options.deny?.length);
  const lines = guarded.flatMap((route) => {
    const name = variable(route.id);
    return [
      ...geo('$remote_addr', `fairlead_deny_${name}`, route.options.deny ?? []),
      ...geo(
        '$remote_addr',
        `fairlead_allow_${name}`,
        route.options.allow ?? [],
        route.options.allow ? 0 : 1,
      ),
      ...map(`"$fairlead_deny_${name}$fairlead_allow_${name}"`, `fairlead_denied_${name}`, [
        ['01', '0'],
        ['default', '1'],
      ]),
    ];
  });
  const entries = guarded.map((route): Entry => [key(route), `$fairlead_denied_${variable(route.id)}`]);
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
      return value === null ? [] : [[key(route), value]];
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

/** The target for the upstream and the prefix taken off it. */
function rewriteMaps(routes: readonly Route[]): string[] {
  const rewriting = routes
    .map((route) => ({ route, rewrites: rewritesOf(route.options, route.rule.match === 'text') }))
    .filter(({ rewrites }) => rewrites.length > 0);
  const lines = rewriting.flatMap(({ route, rewrites }) => {
    const name = variable(route.id);
    const patterns = rewrites.map(({ pattern }) => quote(`~${withQuery(pattern)}`, { dollar: true }));
    const targets = rewrites.map(
      ({ before }, at): Entry => [patterns[at]!, `"${literalValue(before)}$rest$query"`],
    );
    const prefixes = rewrites.flatMap(({ isStripped }, at): Entry[] =>
      isStripped ? [[patterns[at]!, `"${literalValue(route.options.strip!)}"`]] : [],
    );
    return [
      ...map('$request_uri', `fairlead_target_${name}`, [...targets, ['default', '$request_uri']]),
      ...map('$request_uri', `fairlead_stripped_${name}`, [...prefixes, ['default', '""']]),
    ];
  });
  const entries = (kind: string): Entry[] =>
    rewriting.map(({ route }) => [key(route), `$fairlead_${kind}_${variable(route.id)}`]);
  return [
    ...lines,
    ...map('$fairlead_route', 'fairlead_target', [...entries('target'), ['default', '$request_uri']]),
    ...map('$fairlead_route', 'fairlead_prefix', [
      ...entries('stripped'),
      ['default', '$fairlead_given_prefix'],
    ]),
    ...map('$fairlead_trusted', 'fairlead_given_prefix', [
      ['1', '$http_x_forwarded_prefix'],
      ['default', '""'],
    ]),
  ];
}

/** A pattern over a path as one over a target, with what stays and the query by name. */
function withQuery(pattern: string): string {
  const rest = pattern
    .replace('(.*)$', '(?<rest>[^?]*)$')
    .replace('()$', '(?<rest>)$')
    .replace(
      '((?!(?:[.]|%2[Ee]){1,2}(?:/|$))[^/].*)$',
      '(?<rest>(?!(?:[.]|%2[Ee]){1,2}(?:[/?]|$))[^/?][^?]*)$',
    );
  return `${rest.slice(0, -1)}(?<query>[?].*)?$`;
}

function redirectMaps(routes: readonly Route[]): string[] {
  const entries = routes.flatMap((route): Entry[] => {
    const { redirect } = route.options;
    if (redirect === undefined) return [];
    const { location } = redirect;
    const carriesQuery = location.includes('$path') && !/[?#]/.test(location);
    const parts = location.split(/(\$host|\$path)/).map((part) => {
      if (part === '$host') return braced('host');
      return part === '$path' ? braced('fairlead_path') : literalValue(part);
    });
    return [[key(route), `"${parts.join('')}${carriesQuery ? braced('fairlead_query') : ''}"`]];
  });
  return [
    ...map('$fairlead_target', 'fairlead_path', [
      ['"~^/+(?<path>[^?]*)"', '"/$path"'],
      ['default', '/'],
    ]),
    ...map('$request_uri', 'fairlead_query', [
      ['"~^[^?]*(?<asked>[?].*)$"', '$asked'],
      ['default', '""'],
    ]),
    ...map('$fairlead_route', 'fairlead_location', [...entries, ['default', '""']]),
  ];
}
