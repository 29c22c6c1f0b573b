/**
 * Fabio's tags, `urlprefix-host/path option=value …`, as its documentation has them ("Quickstart", "Routing").
 * What Fabio would quietly get wrong (an unreadable access list, a broken redirect) refuses the tag instead.
 */

import { parseNetwork } from './cidr.ts';
import { type Claim, excerpt, quote, type Read, read, refused, unreadable, type Weight } from './claim.ts';
import { compileGlob, lowerCase, normaliseHost, parsePort } from './hosts.ts';
import type { RouteOptions, UpstreamProtocol } from './model.ts';
import { type Mutable, parseUpstreamHost } from './options.ts';
import { sniTarget, streamRule, tcpTarget } from './stream.ts';
import { cutTrailingSlash, normalisePath, parseRedirect, type Target } from './target.ts';
import { usesTls } from './upstream-tls.ts';

/** Options by name; a bare one has an empty value. Of names given twice the last counts, as in Fabio. */
export type FabioOptions = ReadonlyMap<string, string>;

/** Options that keep somebody out. Where Fabio would ignore a mistake in one, the route must not open. */
const ACCESS = ['allow', 'deny', 'auth'];

const REDIRECTS = { test: (status: number) => status >= 300 && status <= 399, names: 'from 300 to 399' };

/** Reads a tag that begins with the prefix, white space apart. `$DC` stands for the datacenter. */
export function readFabioTag(tag: string, prefix: string, datacenter: string): Read<Claim> {
  const problem = unreadable(tag, { tabs: true });
  if (problem !== null) return refused(problem);
  const [source = '', ...words] = tag.trimStart().slice(prefix.length).trim().split(/\s+/);
  const target = parseFabioSource(expand(source, { DC: datacenter }));
  if (!target.ok) return target;
  const options = parseFabioOptions(words);
  if (!options.ok) return options;
  const protocol = parseProtocol(options.value.get('proto') ?? 'http');
  if (!protocol.ok) return protocol;
  const weight = parseShare(options.value.get('weight') ?? '0');
  if (!weight.ok) return weight;
  if (protocol.value === 'tcp' || target.value.stream) {
    return readFabioStream(target.value, options.value, protocol.value, weight.value);
  }
  const route = readFabioRoute(options.value, protocol.value);
  if (!route.ok) return route;
  const redirect = options.value.get('redirect');
  if (redirect !== undefined) {
    const parsed = parseRedirect(redirect, REDIRECTS);
    if (!parsed.ok) return refused(`redirect=${excerpt(redirect)}: ${parsed.reason}`);
    route.value.redirect = parsed.value;
  }
  return read(toFabioClaim(target.value, route.value, protocol.value, weight.value));
}

/** A claim as Fabio understands routes: plain text prefix, every method, every listener. */
export function toFabioClaim(
  target: Target,
  options: RouteOptions,
  protocol: UpstreamProtocol,
  weight: Weight,
): Claim {
  return {
    rule: { ...target, match: 'text', methods: null, listeners: null, priority: 0 },
    options,
    pool: { protocol, balance: null, weight, maxconn: null },
    redirectOnly: options.redirect !== undefined,
  };
}

/**
 * `:port` is a port, and `host/` with `proto=tcp` a TLS server name on the listeners for it. Fabio has exact names only;
 * a wildcard does what it says. What rewrites HTTP is ignored, as in Fabio.
 */
export function readFabioStream(
  target: Target,
  options: FabioOptions,
  protocol: UpstreamProtocol,
  weight: Weight,
): Read<Claim> {
  if (protocol !== 'tcp') return refused('a port as the target needs proto=tcp');
  if (options.has('auth')) return refused('option auth is not served by this version');
  const found = target.stream ? read({ ...target, stream: target.stream }) : sniOf(target);
  if (!found.ok) return found;
  const route: Mutable<RouteOptions> = {};
  const problem = readAccess(options, route);
  if (problem !== null) return refused(problem);
  if (options.get('pxyproto') === 'true') route.proxy = 'v1';
  return read({
    rule: streamRule(found.value, null),
    options: route,
    pool: { protocol, balance: null, weight, maxconn: null },
    redirectOnly: false,
  });
}

function sniOf({ host, path }: Target): ReturnType<typeof sniTarget> {
  if (host === '') return refused('proto=tcp needs a port, as in :5432, or a TLS server name');
  if (path !== '/') return refused(`proto=tcp: TLS has no path; write ${quote(host)} without ${quote(path)}`);
  return sniTarget(host, null);
}

/** Known names only: a `$` that means something else stays, where Fabio would eat it. */
function expand(text: string, names: { readonly DC: string }): string {
  return text.replace(/\$(?:(\w+)|\{(\w+)\})/g, (found, bare?: string, braced?: string) =>
    (bare ?? braced) === 'DC' ? names.DC : found,
  );
}

/** Reads `host/path`, `/path` or `host`; the host may be a glob and may carry a port, which is not matched. */
export function parseFabioSource(text: string): Read<Target> {
  if (text === '') return refused('the target is missing; write a host, a /path, or both');
  if (text.startsWith(':')) {
    const port = parsePort(text.slice(1));
    return port === null ? refused(`${quote(text)} is neither a host nor a port`) : read(tcpTarget(port));
  }
  const slash = text.indexOf('/');
  const host = slash === 0 ? read('') : parseFabioHost(slash === -1 ? text : text.slice(0, slash));
  if (!host.ok) return host;
  const path = slash === -1 ? read('/') : parseFabioPath(text.slice(slash));
  return path.ok ? read({ host: host.value, path: path.value }) : path;
}

function parseFabioHost(text: string): Read<string> {
  const colon = text.endsWith(']') ? -1 : text.lastIndexOf(':');
  if (colon !== -1 && parsePort(text.slice(colon + 1)) === null) {
    return refused(`host ${quote(text)} has ${quote(text.slice(colon + 1))} where a port belongs`);
  }
  const host = colon === -1 ? text : text.slice(0, colon);
  const isAddress = host.startsWith('[') && host.includes(':');
  if (isAddress || !/[*?[{]/.test(host.replace(/^\*\./, ''))) return normaliseHost(host);
  const glob = compileGlob(host);
  return glob.ok ? read(lowerCase(host)) : glob;
}

/**
 * Fabio compares its paths with decoded request paths, so characters that requests carry percent-encoded
 * may stand in a tag as they are.
 */
function parseFabioPath(text: string): Read<string> {
  return normalisePath(text.replace(/[^\x21-\x7e]|["<>[\]^`{|}]/gu, encodeURIComponent));
}

/** Collects `key=value` words. A repeated access option is refused unless it repeats itself exactly. */
export function parseFabioOptions(words: readonly string[]): Read<FabioOptions> {
  const options = new Map<string, string>();
  for (const word of words) {
    const equals = word.indexOf('=');
    const name = equals === -1 ? word : word.slice(0, equals);
    const value = equals === -1 ? '' : word.slice(equals + 1);
    const before = options.get(name);
    if (before !== undefined && before !== value && ACCESS.includes(name)) {
      return refused(`option ${name} is given twice; write one list`);
    }
    options.set(name, value);
  }
  return read(options);
}

function parseProtocol(text: string): Read<UpstreamProtocol> {
  if (text === 'http' || text === 'https' || text === 'tcp') return read(text);
  if (text === 'grpc') return read('h2c');
  if (text === 'grpcs') return read('h2');
  if (text === 'udp') return refused('proto=udp: not known to Fabio; write a native tag, udp:PORT');
  return refused(`proto=${excerpt(text)}: must be http, https, grpc, grpcs or tcp`);
}

/** Reads `weight=f`, a share of the route: 0.05 is 5%. Zero and less mean no fixed share. */
export function parseShare(text: string): Read<Weight> {
  const value = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text) ? Number(text) : Number.NaN;
  if (!Number.isFinite(value)) return refused(`weight=${excerpt(text)}: must be a number like 0.25`);
  return read(value > 0 ? { kind: 'fraction', value } : { kind: 'none' });
}

/**
 * What the options say about the route, redirects apart. Names Fabio does not know, and `register`, which means nothing
 * here, are passed over.
 */
export function readFabioRoute(
  options: FabioOptions,
  protocol: UpstreamProtocol,
): Read<Mutable<RouteOptions>> {
  const route: Mutable<RouteOptions> = {};
  const problem =
    unservedOption(options) ??
    readServerProof(options, protocol, route) ??
    readRewrite(options, route) ??
    readUpstreamHost(options, route) ??
    readAccess(options, route);
  return problem === null ? read(route) : refused(problem);
}

function unservedOption(options: FabioOptions): string | null {
  if (options.has('auth')) return 'option auth is not served by this version';
  return options.get('pxyproto') === 'true' ? 'option pxyproto is not served by this version' : null;
}

/** Fabio reads only the literal "true" of `tlsskipverify`; without TLS there is nothing to skip. */
function readServerProof(
  options: FabioOptions,
  protocol: UpstreamProtocol,
  route: Mutable<RouteOptions>,
): string | null {
  if (!usesTls(protocol)) return null;
  if (options.get('tlsskipverify') === 'true') route.insecure = true;
  const name = options.get('grpcservername') ?? '';
  if (name === '' || protocol !== 'h2') return null;
  const host = parseUpstreamHost(name, '');
  if (!host.ok) return `grpcservername=${excerpt(name)}: ${host.reason}`;
  if (host.value.kind === 'name') route.serverName = host.value.name;
  return null;
}

/** An empty `strip` or `prepend` does nothing in Fabio and is no mistake. */
function readRewrite(options: FabioOptions, route: Mutable<RouteOptions>): string | null {
  const strip = parseFabioPath(options.get('strip') || '/');
  if (!strip.ok) return `strip: ${strip.reason}`;
  if (strip.value !== '/') route.strip = strip.value;
  const prefix = parseFabioPath(options.get('prepend') || '/');
  if (!prefix.ok) return `prepend: ${prefix.reason}`;
  if (prefix.value !== '/') route.prefix = cutTrailingSlash(prefix.value);
  return null;
}

function readUpstreamHost(options: FabioOptions, route: Mutable<RouteOptions>): string | null {
  const text = options.get('host') ?? '';
  if (text === '') return null;
  const host = parseUpstreamHost(text, 'dst');
  if (!host.ok) return `host=${excerpt(text)}: ${host.reason}`;
  route.host = host.value;
  return null;
}

function readAccess(options: FabioOptions, route: Mutable<RouteOptions>): string | null {
  if (options.has('allow') && options.has('deny')) return 'allow and deny exclude each other';
  for (const name of ['allow', 'deny'] as const) {
    const text = options.get(name);
    if (text === undefined) continue;
    const networks = parseAccessList(text);
    if (!networks.ok) return `${name}=${excerpt(text)}: ${networks.reason}`;
    route[name] = networks.value;
  }
  return null;
}

/** `ip:10.0.0.0/8,ip:192.0.2.1`. Fabio ignores what it cannot read here; that would leave a route open. */
function parseAccessList(text: string): Read<readonly string[]> {
  const networks = new Set<string>();
  for (const item of text.split(',')) {
    if (!item.startsWith('ip:')) return refused(`${quote(item)} needs "ip:" in front`);
    const network = parseNetwork(item.slice('ip:'.length));
    if (!network.ok) return network;
    networks.add(network.value);
  }
  return read([...networks]);
}
