import { compareText } from '../../../router/host-routes.ts';
import type { Pool, Route } from '../../../router/model.ts';
import { comment, ident, nginxQuote as quote } from '../quote.ts';
import { authority } from './checks.ts';
import type { BuiltinFile, BuiltinInput, BuiltinListener, BuiltinOptions } from './model.ts';
import { forwardLines, locationLines } from './nginx-actions.ts';
import { mapLines } from './nginx-maps.ts';
import { BELIEVES_ITSELF, innerSocket, sharedRoutes, streamLines } from './nginx-streams.ts';
import { isHashable, upstreamLines } from './nginx-upstreams.ts';
import { type Prepared, prepare, sortedShortfalls } from './prepare.ts';

/** A complete configuration for nginx 1.22 or newer; routes below HTTP need its stream module. */
export function renderNginx(input: BuiltinInput): BuiltinFile {
  const { options } = input;
  const prepared = prepare(input, cannot);
  const { shortfalls, routes, streams, pools } = prepared;
  for (const { id, pool, rule, options } of [...routes, ...streams]) {
    if (rule.stream?.kind === 'sni' && options.retry !== undefined)
      shortfalls.push({ route: id, reason: 'retry is not rendered for server names' });
    const found = pools.get(pool ?? '');
    if (found === undefined) continue;
    if (!isHashable(found.balance))
      shortfalls.push({
        route: id,
        reason: 'hashing by this name is not rendered; it balances by connections',
      });
    if (found.maxconn !== null)
      shortfalls.push({ route: id, reason: 'nginx has no queue: requests above maxconn are answered 502' });
  }
  const named = new Set(routes.map(({ pool }) => pool));
  const used = [...pools.values()].filter(({ name }) => named.has(name));
  const upstreams = new Map(used.map(({ name }) => [name, `http.${ident(name)}`]));
  const streaming = streamLines(prepared, options);
  const http = [
    ...forwardLines(options),
    ...used.flatMap((pool) => upstreamLines(pool, 'http')),
    ...mapLines(prepared, options, upstreams),
    ...prepared.listeners.flatMap((listener) => serverLines(listener, prepared, options)),
  ];
  const sorted = sortedShortfalls(shortfalls);
  const lines = [
    comment('Rendered by fairlead; changes made here are lost.'),
    ...sorted.map(({ route, reason }) => comment(`not as in the router: ${route}: ${reason}`)),
    'worker_processes auto;',
    // Workers of before a reload end with their long connections, or after this.
    'worker_shutdown_timeout 1h;',
    // Debian keeps the stream module apart and loads it from here.
    ...(streaming.length > 0 ? ['include /etc/nginx/modules-enabled/*.conf;'] : []),
    ...block('events', ['worker_connections 8192;']),
    ...block('http', http),
    ...(streaming.length > 0 ? block('stream', streaming) : []),
  ];
  return { text: `${lines.join('\n')}\n`, shortfalls: sorted };
}

/** Why nginx cannot do what a route does. */
function cannot({ options, rule }: Route, pool: Pool | null): string | null {
  const { host, proxy } = options;
  if (host?.kind === 'instance' && pool !== null && pool.endpoints.length > 1)
    return 'nginx writes the Host field before it chooses an instance, so host=instance is rendered for one instance only';
  if (proxy === 'v2') return 'nginx sends PROXY headers of version 1 only';
  if (proxy !== undefined && rule.stream?.kind === 'sni')
    return 'nginx sends PROXY headers for whole ports only, not for server names';
  return null;
}

/** A server for each certificate of a TLS listener, chosen by server name; one for all of the others. */
function serverLines(listener: BuiltinListener, prepared: Prepared, options: BuiltinOptions): string[] {
  const { name, address, protocol } = listener;
  const outer = authority(address.host === '' ? '*' : address.host, address.port);
  const common = [
    `set $fairlead_listener ${name};`,
    'rewrite ^ /$fairlead_action? last;',
    ...locationLines(prepared, options),
  ];
  if (protocol === 'http')
    return block('server', [`listen ${outer} default_server;`, 'server_name "";', ...common]);
  const { certificates, shortfalls } = prepared;
  if (certificates.length === 0) {
    shortfalls.push({ route: `listener ${name}`, reason: 'left out: there is no certificate for it' });
    return [];
  }
  const isShared = sharedRoutes(prepared, name).length > 0;
  const listen = isShared ? `${innerSocket(listener, options)} proxy_protocol` : outer;
  const inner = isShared ? [BELIEVES_ITSELF, 'real_ip_header proxy_protocol;'] : [];
  if (isShared && options.trustedProxies.length > 0)
    shortfalls.push({
      route: `listener ${name}`,
      reason: 'X-Real-IP is the last proxy, since the listener is shared with sni: routes',
    });
  const taken = new Set<string>();
  return certificates.flatMap((pair, at) => {
    const names = pair.names.filter((each) => !taken.has(each)).sort(compareText);
    for (const each of names) taken.add(each);
    if (names.length === 0 && at > 0) return [];
    return block('server', [
      `listen ${listen} ssl http2${at === 0 ? ' default_server' : ''};`,
      `server_name ${names.length === 0 ? '""' : names.map((each) => quote(each)).join(' ')};`,
      comment(`content ${pair.id}`),
      `ssl_certificate ${quote(pair.certificate)};`,
      `ssl_certificate_key ${quote(pair.key)};`,
      'ssl_protocols TLSv1.2 TLSv1.3;',
      ...inner,
      ...common,
    ]);
  });
}

function block(name: string, lines: readonly string[]): string[] {
  return [`${name} {`, ...lines.map((line) => `  ${line}`), '}'];
}
