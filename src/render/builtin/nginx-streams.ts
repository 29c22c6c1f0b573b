import type { Route } from '../../../router/model.ts';
import { ident } from '../quote.ts';
import { authority } from './checks.ts';
import type { BuiltinListener, BuiltinOptions } from './model.ts';
import { DEFAULT_RETRIES } from './nginx-actions.ts';
import { upstreamLines } from './nginx-upstreams.ts';
import { geo, hostKey, map, variable } from './nginx-words.ts';
import type { Prepared } from './prepare.ts';

/** The socket on which the http part takes what a listener does not pass on; a PROXY header says who it is from. */
export function innerSocket({ name }: BuiltinListener, { runtimeFolder }: BuiltinOptions): string {
  return `unix:${runtimeFolder}/fairlead-${name}.sock`;
}

/** The socket on which the PROXY header is taken off what a listener passes on: its server sends one to everybody. */
function passingSocket({ name }: BuiltinListener, { runtimeFolder }: BuiltinOptions): string {
  return `unix:${runtimeFolder}/fairlead-${name}-passed.sock`;
}

/** What a server of the `http` or `stream` part needs to believe the PROXY headers of its own nginx. */
export const BELIEVES_ITSELF = 'set_real_ip_from unix:;';

/** Server names that are passed on from this https listener. */
export function sharedRoutes({ streams }: Prepared, listener: string): Route[] {
  return streams.filter(
    ({ rule: { stream, listeners } }) =>
      stream?.kind === 'sni' && stream.port === null && (listeners === null || listeners.includes(listener)),
  );
}

/** The content of `stream {}`; empty when nothing is below HTTP. */
export function streamLines(prepared: Prepared, options: BuiltinOptions): string[] {
  const { streams, pools } = prepared;
  if (streams.length === 0) return [];
  const named = new Set(streams.map(({ pool }) => pool));
  const used = [...pools.values()].filter(({ name }) => named.has(name));
  const byPort = Map.groupBy(
    streams.filter(({ rule }) => rule.stream!.port !== null),
    ({ rule }) => rule.stream!.port!,
  );
  const ports = [...byPort].sort(([a], [b]) => a - b);
  return [
    'map_hash_bucket_size 512;',
    'map_hash_max_size 65536;',
    'variables_hash_bucket_size 512;',
    `proxy_connect_timeout ${options.connectMs}ms;`,
    `proxy_timeout ${options.tunnelIdleMs}ms;`,
    'proxy_next_upstream on;',
    `proxy_next_upstream_tries ${DEFAULT_RETRIES + 1};`,
    ...used.flatMap((pool) => upstreamLines(pool, 'tcp')),
    ...streams.flatMap((route) => accessLines(route, prepared)),
    ...prepared.listeners.flatMap((listener) => sharedServer(listener, prepared, options)),
    ...ports.flatMap(([port, routes]) => portServer(port, routes, options)),
  ];
}

/** Where a route's connections go; nothing, which closes them, when the client may not come or nobody is there. */
function accessLines({ id, pool, options: { allow, deny } }: Route, { pools }: Prepared): string[] {
  const name = variable(id);
  const isServed = pools.get(pool ?? '')?.endpoints.some(({ weight }) => weight > 0) ?? false;
  return [
    ...geo('$remote_addr', `fairlead_deny_${name}`, deny ?? []),
    ...geo('$remote_addr', `fairlead_allow_${name}`, allow ?? [], { otherwise: allow === undefined ? 1 : 0 }),
    ...map(`"$fairlead_deny_${name}$fairlead_allow_${name}"`, `fairlead_stream_${name}`, [
      ['01', isServed ? `tcp.${ident(pool!)}` : '""'],
      ['default', '""'],
    ]),
  ];
}

function sharedServer(listener: BuiltinListener, prepared: Prepared, options: BuiltinOptions): string[] {
  const routes = sharedRoutes(prepared, listener.name);
  if (listener.protocol !== 'https' || routes.length === 0) return [];
  const [names, passed, may] = ['names', 'passed', 'may_pass'].map(
    (kind) => `fairlead_${kind}_${variable(listener.name)}`,
  ) as [string, string, string];
  const { host, port } = listener.address;
  const socket = passingSocket(listener, options);
  return [
    ...nameMap(routes, passed, '""'),
    // Who may not come, or finds nobody there, is not passed to the socket: there it would be too late to tell.
    ...map(`$${passed}`, may, [
      ['""', '""'],
      ['default', socket],
    ]),
    ...hostsMap(routes, names, `$${may}`, innerSocket(listener, options)),
    ...server(authority(host === '' ? '*' : host, port), [
      'ssl_preread on;',
      'proxy_protocol on;',
      `proxy_pass $${names};`,
    ]),
    ...server(`${socket} proxy_protocol`, [BELIEVES_ITSELF, 'ssl_preread on;', `proxy_pass $${passed};`]),
  ];
}

function portServer(port: number, routes: readonly Route[], { tcpHost }: BuiltinOptions): string[] {
  const plain = routes.find(({ rule }) => rule.stream!.kind === 'tcp');
  const listen = authority(tcpHost === '' ? '*' : tcpHost, port);
  if (plain !== undefined) {
    const proxied = plain.options.proxy === 'v1' ? ['proxy_protocol on;'] : [];
    return server(listen, [
      ...tries(plain),
      ...proxied,
      `proxy_pass $fairlead_stream_${variable(plain.id)};`,
    ]);
  }
  const name = `fairlead_names_${port}`;
  return [...nameMap(routes, name, '""'), ...server(listen, ['ssl_preread on;', `proxy_pass $${name};`])];
}

/** The upstream of each name. Of several rules for one name the first has it. */
function nameMap(routes: readonly Route[], name: string, otherwise: string): string[] {
  const byHost = new Map(routes.toReversed().map((route) => [route.rule.host, route]));
  const entries = [...byHost]
    .toReversed()
    .map(([host, { id }]) => [hostKey(host), `$fairlead_stream_${variable(id)}`] as const);
  return map('$ssl_preread_server_name', name, [...entries, ['default', otherwise]], true);
}

/** The same value for each of the names. */
function hostsMap(routes: readonly Route[], name: string, value: string, otherwise: string): string[] {
  const hosts = [...new Set(routes.map(({ rule }) => rule.host))];
  const entries = hosts.map((host) => [hostKey(host), value] as const);
  return map('$ssl_preread_server_name', name, [...entries, ['default', otherwise]], true);
}

function tries({ options: { retry } }: Route): string[] {
  return retry === undefined ? [] : [`proxy_next_upstream_tries ${retry + 1};`];
}

function server(listen: string, lines: readonly string[]): string[] {
  return ['server {', `  listen ${listen};`, ...lines.map((line) => `  ${line}`), '}'];
}
