import type { Route } from '../../../router/model.ts';
import { comment, haproxyFormat, ident, haproxyQuote as quote } from '../quote.ts';
import { isNetwork } from './checks.ts';
import { backendName } from './haproxy-backends.ts';
import { isRoute, reply, rewriteLines } from './haproxy-sections.ts';
import type { BuiltinListener, BuiltinOptions } from './model.ts';
import { BAD_PATH, CHALLENGE_PATH, escapePattern, pathPattern } from './patterns.ts';
import type { Prepared } from './prepare.ts';

const NO_ROUTE = '!{ var(txn.fairlead_route) -m found }';

/** The lines of a `frontend` for HTTP, below its `bind`. */
export function frontendLines(
  listener: BuiltinListener,
  prepared: Prepared,
  options: BuiltinOptions,
): string[] {
  const routes = prepared.routes.filter(
    ({ rule: { listeners } }) => listeners === null || listeners.includes(listener.name),
  );
  return [
    ...options.trustedProxies.filter(isNetwork).map((network) => `acl trusted src -- ${network}`),
    ...identityLines(options),
    `http-request return ${reply('bad_request')} if { pathq -m reg -- ${quote(BAD_PATH)} }`,
    ...routes.map(matchLine),
    `http-request return ${reply('no_route')} if ${NO_ROUTE}`,
    ...(listener.protocol === 'http' ? httpsLines(routes, options) : []),
    ...routes.flatMap((route) => answerLines(route, prepared)),
    ...routes.flatMap((route) => useLine(route, prepared)),
  ];
}

/** Who asks, and what the upstream is told of it. */
function identityLines({ trustedProxies }: BuiltinOptions): string[] {
  const isTrusting = trustedProxies.some(isNetwork);
  const unless = isTrusting ? ' unless trusted' : '';
  const missing = (name: string): string =>
    isTrusting ? ` unless trusted { req.hdr(${name}) -m found }` : '';
  return [
    'http-request set-var(txn.fairlead_host) req.hdr(host),host_only,lower,rtrim(.)',
    'http-request set-var(txn.fairlead_secure) bool(true) if { ssl_fc }',
    ...(isTrusting
      ? [
          'http-request set-var(txn.fairlead_secure) bool(true) if trusted { req.hdr(x-forwarded-proto) -i https }',
        ]
      : []),
    ...[
      'x-forwarded-for',
      'x-forwarded-prefix',
      'forwarded',
      'x-forwarded-tls-client-cert',
      'x-forwarded-tls-client-cert-info',
      'client-cert',
      'client-cert-chain',
    ].map((name) => `http-request del-header ${name}${unless}`),
    'http-request add-header X-Forwarded-For %[src]',
    `http-request set-header X-Forwarded-Proto %[ssl_fc,iif(https,http)]${missing('x-forwarded-proto')}`,
    `http-request set-header X-Forwarded-Host %[req.hdr(host)]${missing('x-forwarded-host')}`,
    `http-request set-header X-Forwarded-Port %[dst_port]${missing('x-forwarded-port')}`,
    `http-request set-header X-Request-ID %[uuid()]${
      isTrusting
        ? ` unless trusted { req.hdr(x-request-id) -m reg -- ${quote('^[A-Za-z0-9_.:/+=-]{1,128}$')} }`
        : ''
    }`,
    // From here on `src` is the client and no longer whoever connected.
    ...(isTrusting
      ? ['http-request set-src hdr_ip(x-forwarded-for,-2) if trusted { req.hdr_cnt(x-forwarded-for) ge 2 }']
      : []),
    'http-request set-header X-Real-IP %[src]',
  ];
}

function matchLine(route: Route): string {
  const { host, methods } = route.rule;
  const conditions = [NO_ROUTE];
  if (host.startsWith('*.')) conditions.push(`{ var(txn.fairlead_host) -m end -- ${quote(host.slice(1))} }`);
  else if (host !== '') conditions.push(`{ var(txn.fairlead_host) -m str -- ${quote(host)} }`);
  conditions.push(`{ pathq -m reg -- ${quote(`^${pathPattern(route.rule)}`)} }`);
  if (methods !== null) {
    const pattern = `^(?:${methods.map(escapePattern).join('|')})$`;
    conditions.push(`{ method -m reg -- ${quote(pattern)} }`);
  }
  return `http-request set-var(txn.fairlead_route) str(${ident(route.id)}) if ${conditions.join(' ')}`;
}

/** A request without TLS to routes that want it. */
function httpsLines(routes: readonly Route[], { redirectPort }: BuiltinOptions): string[] {
  const acl = (name: string, wanted: string): string[] =>
    routes
      .filter(({ options }) => options.https === wanted)
      .map(({ id }) => `acl ${name} var(txn.fairlead_route) -m str -- ${ident(id)}`);
  const [only, redirected] = [acl('https_only', 'only'), acl('https_redirect', 'redirect')];
  const plain = '!{ var(txn.fairlead_secure) -m bool }';
  const port = redirectPort === 443 ? '' : `:${redirectPort}`;
  const location = quote(`https://%[var(txn.fairlead_host)]${port}%[pathq]`);
  const isChallenge = `{ pathq -m reg -- ${quote(CHALLENGE_PATH)} }`;
  return [
    ...only,
    ...(only.length > 0 ? [`http-request return ${reply('no_route')} if https_only ${plain}`] : []),
    ...redirected,
    ...(redirected.length > 0
      ? [`http-request redirect code 308 location ${location} if https_redirect ${plain} !${isChallenge}`]
      : []),
  ];
}

/** Who may come, and what is answered without asking anybody. */
function answerLines(route: Route, { refused }: Prepared): string[] {
  const { allow, deny, redirect } = route.options;
  if (refused.has(route.id)) return [`http-request return ${reply('not_implemented')} if ${isRoute(route)}`];
  const [allowed, denied] = [`allow:${ident(route.id)}`, `deny:${ident(route.id)}`];
  const lines = [
    ...(deny ?? []).map((network) => `acl ${denied} src -- ${network}`),
    ...(allow ?? []).map((network) => `acl ${allowed} src -- ${network}`),
  ];
  if (deny?.length) lines.push(`http-request return ${reply('denied')} if ${isRoute(route)} ${denied}`);
  if (allow !== undefined) {
    const unless = allow.length > 0 ? ` !${allowed}` : '';
    lines.push(`http-request return ${reply('denied')} if ${isRoute(route)}${unless}`);
  }
  if (redirect !== undefined) lines.push(...redirectLines(route, redirect));
  return lines;
}

function redirectLines(route: Route, { status, location }: { status: number; location: string }): string[] {
  const hasPath = location.includes('$path');
  const target = haproxyFormat(location)
    .replaceAll('$host', '%[var(txn.fairlead_host)]')
    .replaceAll('$path', '%[path]');
  const text = hasPath && !/[?#]/.test(location) ? `${target}%[var(txn.fairlead_query)]` : target;
  const when = `if ${isRoute(route)}`;
  return [
    ...(hasPath ? rewriteLines(route, route.rule.match === 'text') : []),
    `http-request set-var-fmt(txn.fairlead_query) ${quote('?%[query]')} ${when} { query -m found }`,
    `http-request redirect code ${status} location ${quote(text)} ${when}`,
  ];
}

function useLine(route: Route, { refused, pools }: Prepared): string[] {
  const isServed =
    pools.has(route.pool ?? '') && !refused.has(route.id) && route.options.redirect === undefined;
  return isServed ? [comment(route.id), `use_backend ${backendName(route)} if ${isRoute(route)}`] : [];
}
