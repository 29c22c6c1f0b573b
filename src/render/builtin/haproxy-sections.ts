import type { Balance, Route } from '../../../router/model.ts';
import { REPLIES, RETRY_AFTER_SECONDS, type Reason } from '../../shared/reasons.ts';
import { comment, haproxyFormat, ident, haproxyQuote as quote } from '../quote.ts';
import type { Backend } from './haproxy-backends.ts';
import type { Shortfall } from './model.ts';
import { rewritesOf } from './patterns.ts';

/** The rest of a `http-request return` or `http-error` line. */
export function reply(reason: Reason, status: number = REPLIES[reason].status): string {
  const { text } = REPLIES[reason];
  const retryAfter = RETRY_AFTER_SECONDS[reason];
  const fields = [
    `hdr x-fairlead-reason ${reason}`,
    'hdr cache-control no-store',
    ...(retryAfter === undefined ? [] : [`hdr retry-after ${retryAfter}`]),
  ];
  const body = quote(haproxyFormat(`${status} ${text}`));
  return `status ${status} content-type text/plain lf-string ${body} ${fields.join(' ')}`;
}

/** A condition: the request belongs to this route. */
export function isRoute({ id }: Route): string {
  return `{ var(txn.fairlead_route) -m str -- ${ident(id)} }`;
}

/** A `backend` section: its lines, and those of its servers apart. */
export function backendLines(
  backend: Backend,
  shortfalls: Shortfall[],
): { head: string[]; servers: string[] } {
  const { name, mode, pool, retries, routes, servers, serverOptions } = backend;
  const head = [
    comment(`pool ${pool.name}; servers: ${serverOptions}`.trimEnd()),
    `backend ${name}`,
    `  mode ${mode}`,
    ...balanceLines(pool.balance, routes, shortfalls).map((line) => `  ${line}`),
    `  retries ${retries}`,
    ...(mode === 'http' ? httpLines(backend) : []).map((line) => `  ${line}`),
  ];
  const lines = servers.map(({ name, address, weight }) =>
    `  server ${name} ${address} weight ${weight} ${serverOptions}`.trimEnd(),
  );
  return { head, servers: lines };
}

function balanceLines(balance: Balance, routes: readonly Route[], shortfalls: Shortfall[]): string[] {
  if (balance.kind === 'rr') return ['balance roundrobin'];
  if (balance.kind === 'random') return ['balance random'];
  if (balance.kind === 'least') return ['balance leastconn'];
  const consistent = 'hash-type consistent sdbm avalanche';
  if (balance.on === 'ip') return ['balance source', consistent];
  if (/^[A-Za-z0-9_-]{1,128}$/.test(balance.name)) {
    const key = balance.on === 'header' ? `req.hdr(${balance.name})` : `req.cook(${balance.name})`;
    return [`balance hash ${key}`, consistent];
  }
  for (const { id } of routes)
    shortfalls.push({
      route: id,
      reason: `hashing by this ${balance.on} is not rendered; it balances by connections`,
    });
  return ['balance leastconn'];
}

/** Nobody there, then what the routes of the pool change in their requests. */
function httpLines({ routes }: Backend): string[] {
  return [
    // A process that ends counts no server as usable, and yet has requests on connections from before.
    `http-request return ${reply('no_healthy_instance')} if { nbsrv eq 0 } !{ stopping }`,
    // RFC 9110 §9.2.2: once a request has been sent, only these may be sent again.
    'http-request disable-l7-retry unless { method GET HEAD OPTIONS TRACE PUT DELETE }',
    ...routes.flatMap(routeLines),
  ];
}

function routeLines(route: Route): string[] {
  const { options, rule } = route;
  const when = `if ${isRoute(route)}`;
  const lines: string[] = [];
  if (options.timeoutMs !== undefined)
    lines.push(`http-request set-timeout server ${options.timeoutMs}ms ${when}`);
  if (options.host?.kind === 'name')
    lines.push(`http-request set-header Host ${quote(options.host.name)} ${when}`);
  const rewrites = rewriteLines(route, rule.match === 'text');
  return [...lines, ...rewrites];
}

/** Which rewrite it is must be known before the first is made: afterwards another might match what it left. */
export function rewriteLines(route: Route, isText: boolean): string[] {
  const rewrites = rewritesOf(route.options, isText);
  const lines = rewrites.map(
    ({ pattern }, at) =>
      `http-request set-var(txn.fairlead_rewrite) int(${at + 1}) if ${isRoute(route)} !{ var(txn.fairlead_rewrite) -m found } { path -m reg -- ${quote(pattern)} }`,
  );
  rewrites.forEach(({ pattern, before, isStripped }, at) => {
    const when = `if ${isRoute(route)} { var(txn.fairlead_rewrite) -m int ${at + 1} }`;
    lines.push(`http-request replace-path ${quote(pattern)} ${quote(`${haproxyFormat(before)}\\1`)} ${when}`);
    if (isStripped)
      lines.push(
        `http-request set-header X-Forwarded-Prefix ${quote(haproxyFormat(route.options.strip!))} ${when}`,
      );
  });
  return lines;
}
