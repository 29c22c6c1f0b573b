/**
 * The last look at what goes into a file. Tags are read strictly long before, but a file of another program has its own
 * grammar, and routes may come from elsewhere one day: what is not exactly of its kind does not get in.
 */
import { isIP } from 'node:net';
import { parseIp, parseNetwork } from '../../../router/cidr.ts';
import { normaliseHost } from '../../../router/hosts.ts';
import type { EndpointFact, Pool, Route, Rule } from '../../../router/model.ts';
import { isGlob } from '../../../router/table.ts';
import { normalisePath, parseLocation } from '../../../router/target.ts';
import type { BuiltinOptions } from './model.ts';
import { covers } from './order.ts';

const TOKEN = /^[A-Za-z0-9!#$%&'*+\-.^_`|~]{1,128}$/;
const LISTENER = /^[A-Za-z0-9_.-]{1,64}$/;
const MAX_TIMEOUT_MS = 24 * 60 * 60 * 1000;

/** Why a rule cannot be written down; null when it can. Without its rule a route is left out. */
export function ruleProblem({ host, path, methods, listeners, priority, stream }: Rule): string | null {
  if (isGlob(host)) return 'hosts with wildcards other than "*." in front are not rendered';
  if (host !== '' && !isHost(host)) return 'its host is not a host name';
  if (stream === undefined && !isPath(path)) return 'its path is not a path';
  if (methods?.some((method) => !TOKEN.test(method))) return 'a method is not a token';
  if (listeners?.some((name) => !LISTENER.test(name))) return 'a listener is not a name';
  if (!Number.isSafeInteger(priority)) return 'its priority is not a number';
  if (stream?.kind === 'udp') return 'datagrams are not rendered';
  if (stream?.kind === 'sni' && host === '') return 'it has no server name';
  const port = stream?.port ?? null;
  return port === null || isPort(port) ? null : 'its port is not a port';
}

/** Why what a route does cannot be written down; null when it can. Its requests are then answered with 501. */
export function optionsProblem({ options, pool }: Route, pools: ReadonlyMap<string, Pool>): string | null {
  const { strip, prefix, host, redirect, allow, deny, timeoutMs, retry, proxy, tls } = options;
  for (const path of [strip, prefix])
    if (path !== undefined && !isPath(path)) return 'strip or prefix is not a path';
  if (host?.kind === 'name' && !isHost(host.name)) return 'the host for the upstream is not a host name';
  if (redirect !== undefined && !isRedirect(redirect)) return 'the redirect is not a status and a location';
  for (const network of [...(allow ?? []), ...(deny ?? [])])
    if (!parseNetwork(network).ok) return 'allow or deny has what is not a network';
  if (timeoutMs !== undefined && !isWithin(timeoutMs, 1, MAX_TIMEOUT_MS))
    return 'the timeout is out of range';
  if (retry !== undefined && !isWithin(retry, 0, 10)) return 'retry is out of range';
  if (proxy !== undefined && proxy !== 'v1' && proxy !== 'v2') return 'proxy is neither v1 nor v2';
  if (tls !== undefined) return 'tls=terminate is not rendered';
  if (pool === null) return redirect === undefined ? 'it has no pool' : null;
  const found = pools.get(pool);
  if (found === undefined) return redirect === undefined ? 'its pool is missing' : null;
  const secure = found.endpoints.find(({ protocol }) => protocol !== 'http' && protocol !== 'tcp');
  return secure === undefined ? null : `upstreams that speak ${secure.protocol} are not rendered`;
}

/** Why the configuration keeps a route out of the file; null when it does not. */
export function placeProblem({ rule }: Route, { guardedHosts, opensPorts }: BuiltinOptions): string | null {
  const { host, stream } = rule;
  if (stream !== undefined)
    return stream.port === null || opensPorts ? null : 'no ports are opened, for tcp.proxyProtocol';
  const isGuarded = guardedHosts.some((guarded) => covers(guarded, host) || covers(host, guarded));
  return isGuarded ? 'certificates of clients are not rendered' : null;
}

/** Why an endpoint is not in the file. Names are not resolved: one that fails would stop the whole program from starting. */
export function endpointProblem({ address, port, weight }: EndpointFact): string | null {
  if (isIP(address) === 0 || address.includes('%'))
    return 'an instance has a name for an address; only IP addresses are rendered';
  if (!isPort(port)) return 'an instance has no port';
  return Number.isSafeInteger(weight) && weight >= 0 ? null : 'an instance has no weight';
}

/** `10.0.0.1:80`, `[::1]:80`. */
export function authority(address: string, port: number): string {
  return `${address.includes(':') ? `[${address}]` : address}:${port}`;
}

export function isListenerName(name: string): boolean {
  return LISTENER.test(name);
}

/** A listen address: IP or empty for all. */
export function isBindable({ host, port }: { readonly host: string; readonly port: number }): boolean {
  return (host === '' || isIP(host) !== 0 || host === 'localhost') && isPort(port);
}

export function isNetwork(text: string): boolean {
  return parseNetwork(text).ok || parseIp(text) !== null;
}

/** An absolute path that both programs take as one word. */
export function isFilePath(path: string): boolean {
  return /^\/[\x21-\x7e]{0,255}$/.test(path) && !/["'\\$#;{}`*?[\]]/.test(path);
}

export function isHost(text: string): boolean {
  const read = normaliseHost(text);
  return read.ok && read.value === text;
}

function isPath(text: string): boolean {
  const read = normalisePath(text);
  return read.ok && read.value === text;
}

function isPort(port: number): boolean {
  return isWithin(port, 1, 65_535);
}

function isWithin(value: number, least: number, most: number): boolean {
  return Number.isSafeInteger(value) && value >= least && value <= most;
}

function isRedirect({ status, location }: { readonly status: number; readonly location: string }): boolean {
  return [301, 302, 303, 307, 308].includes(status) && parseLocation(location).ok;
}
