import type { Pool, Route } from '../../../router/model.ts';
import { comment, haproxyQuote as quote } from '../quote.ts';
import { authority, isFilePath } from './checks.ts';
import { type Backend, backendsOf, scaledWeights } from './haproxy-backends.ts';
import { frontendLines } from './haproxy-frontend.ts';
import { backendLines, reply } from './haproxy-sections.ts';
import { portLines, sharedLines, streamRoutesOf } from './haproxy-streams.ts';
import type {
  BuiltinFile,
  BuiltinInput,
  BuiltinListener,
  BuiltinOptions,
  CertificateFiles,
} from './model.ts';
import { type Prepared, prepare, sortedShortfalls } from './prepare.ts';

/** A complete configuration for HAProxy 2.6 or newer. */
export interface HaproxyFile extends BuiltinFile {
  /** All but the servers: while it stays the same, the runtime socket can make the rest of the difference. */
  readonly structure: string;
  readonly backends: readonly Backend[];
}

export function renderHaproxy(input: BuiltinInput): HaproxyFile {
  const prepared = prepare(input, cannot);
  const { shortfalls } = prepared;
  const backends = backendsOf(prepared);
  for (const { pool, routes } of backends) {
    const inexact = scaledWeights(pool.endpoints).some((weight, at) => weight !== pool.endpoints[at]!.weight);
    const reason = 'weights are scaled to 256';
    if (inexact) shortfalls.push(...routes.map(({ id }) => ({ route: id, reason })));
  }
  const sections: { head: string[]; servers: string[] }[] = [
    { head: globalLines(input.options), servers: [] },
    { head: defaultLines(input.options), servers: [] },
    ...listenerSections(prepared, input.options),
    ...portLines(prepared, input.options),
    ...backends.map((backend) => backendLines(backend, shortfalls)),
  ];
  const sorted = sortedShortfalls(shortfalls);
  const notes = sorted.map(({ route, reason }) => comment(`not as in the router: ${route}: ${reason}`));
  const text = (withServers: boolean): string =>
    sections.map(({ head, servers }) => [...head, ...(withServers ? servers : []), ''].join('\n')).join('\n');
  const first = [comment('Rendered by fairlead; changes made here are lost.'), ...notes, ''].join('\n');
  return { text: `${first}\n${text(true)}`, structure: text(false), backends, shortfalls: sorted };
}

/** Why HAProxy cannot do what a route does. */
function cannot({ options }: Route, pool: Pool | null): string | null {
  if (options.host?.kind !== 'instance' || pool === null || options.redirect !== undefined) return null;
  return 'HAProxy writes the Host field before it chooses an instance, so host=instance is not rendered';
}

function globalLines({ haproxySocket }: BuiltinOptions): string[] {
  const hasSocket = haproxySocket !== null && isFilePath(haproxySocket);
  return [
    'global',
    ...(hasSocket ? [`  stats socket ${haproxySocket} mode 600 level admin expose-fd listeners`] : []),
    '  ssl-load-extra-del-ext',
    '  ssl-default-bind-options ssl-min-ver TLSv1.2',
  ];
}

function defaultLines({ connectMs, responseMs, idleMs, tunnelIdleMs }: BuiltinOptions): string[] {
  return [
    'defaults',
    '  mode http',
    '  option redispatch 1',
    // A reload ends idle connections with their next answer: one closed at once may have a request on its way.
    '  option idle-close-on-response',
    '  retry-on conn-failure empty-response',
    `  timeout connect ${connectMs}ms`,
    `  timeout client ${tunnelIdleMs}ms`,
    `  timeout server ${responseMs}ms`,
    `  timeout tunnel ${tunnelIdleMs}ms`,
    '  timeout http-request 10s',
    '  timeout queue 5s',
    `  timeout http-keep-alive ${idleMs}ms`,
    `  http-error ${reply('bad_request')}`,
    `  http-error ${reply('request_timeout')}`,
    `  http-error ${reply('upstream_reset')}`,
    // HAProxy says 503, not 502, of an instance that cannot be reached.
    `  http-error ${reply('connect_failed', 503)}`,
    `  http-error ${reply('upstream_timeout')}`,
  ];
}

function listenerSections(
  prepared: Prepared,
  options: BuiltinOptions,
): { head: string[]; servers: string[] }[] {
  return prepared.listeners.flatMap((listener) => {
    const { name, address, protocol } = listener;
    const bind = `bind ${authority(address.host === '' ? '*' : address.host, address.port)}`;
    const rules = frontendLines(listener, prepared, options);
    if (protocol === 'http') return section(`http:${name}`, 'http', [bind, ...rules]);
    const certificates = crtWords(prepared, listener);
    if (certificates === null) return [];
    const tls = `ssl ${certificates} alpn h2,http/1.1`;
    const contents = prepared.certificates.map(({ id }) => comment(`content ${id}`));
    const shared = streamRoutesOf(prepared, name);
    if (shared.length === 0)
      return section(`https:${name}`, 'http', [...contents, `${bind} ${tls}`, ...rules]);
    // Names that are passed on are taken out first; the rest goes to a second frontend within the same process.
    const inner = `abns@fairlead_${name}`;
    return [
      ...section(`tls:${name}`, 'tcp', [bind, ...sharedLines(shared, `inner:${name}`)]),
      ...section(`https:${name}`, 'http', [...contents, `bind ${inner} accept-proxy ${tls}`, ...rules]),
      ...section(`inner:${name}`, 'tcp', [`server inner ${inner} send-proxy-v2`], 'backend'),
    ];
  });
}

function section(name: string, mode: 'http' | 'tcp', lines: readonly string[], kind = 'frontend') {
  return [{ head: [`${kind} ${name}`, `  mode ${mode}`, ...lines.map((line) => `  ${line}`)], servers: [] }];
}

/** Null when there is none that HAProxy can load: it finds a key by the name of its certificate. */
function crtWords({ certificates, shortfalls }: Prepared, { name }: BuiltinListener): string | null {
  const words = certificates.flatMap((pair) => {
    if (hasFindableKey(pair)) return `crt ${quote(pair.certificate)}`;
    const reason = 'left out: HAProxy wants the key in the same file, or NAME.key beside NAME.crt';
    shortfalls.push({ route: `certificate ${pair.certificate}`, reason });
    return [];
  });
  if (words.length > 0) return words.join(' ');
  shortfalls.push({ route: `listener ${name}`, reason: 'left out: there is no certificate for it' });
  return null;
}

function hasFindableKey({ certificate, key }: CertificateFiles): boolean {
  return key === certificate || (certificate.endsWith('.crt') && key === certificate.replace(/crt$/, 'key'));
}
