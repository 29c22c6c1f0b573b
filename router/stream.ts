/** Rules below HTTP: connections and datagrams to a port, or TLS for a server name, that are passed on as they come. */

import { quote, type Read, read, refused } from './claim.ts';
import { normaliseHost, parsePort } from './hosts.ts';
import type { Rule, StreamMatch } from './model.ts';

/** A path means nothing here; this one stands where every rule has one. */
const NO_PATH = '/';

/** Options that mean something without HTTP. */
const OPTIONS: ReadonlySet<string> = new Set([
  'allow',
  'deny',
  'balance',
  'weight',
  'retry',
  'proxy',
  'tls',
  'departure',
  'maxconn',
]);
/** Options that mean something only here. */
const ONLY_HERE: ReadonlySet<string> = new Set(['proxy', 'tls', 'departure']);
/** Options that not every kind of target takes. */
const KINDS: Readonly<Record<string, readonly StreamMatch['kind'][]>> = {
  proxy: ['tcp', 'sni'],
  tls: ['tcp'],
};

export interface StreamTarget {
  readonly host: string;
  readonly path: string;
  readonly stream: StreamMatch;
}

/** Reads what follows `tcp:`, `sni:` or `udp:`. */
export function parseStream(kind: string, rest: string): Read<StreamTarget> {
  if (kind === 'sni') return parseSni(rest);
  const port = parsePort(rest);
  if (port === null) return refused(`${kind}: needs a port from 1 to 65535, not ${quote(rest)}`);
  return read(kind === 'tcp' ? tcpTarget(port) : { host: '', path: NO_PATH, stream: { kind: 'udp', port } });
}

function parseSni(rest: string): Read<StreamTarget> {
  const colon = rest.lastIndexOf(':');
  const port = colon === -1 ? null : parsePort(rest.slice(colon + 1));
  if (colon !== -1 && port === null) {
    return refused(`sni: needs a port from 1 to 65535 after the colon, not ${quote(rest.slice(colon + 1))}`);
  }
  return sniTarget(colon === -1 ? rest : rest.slice(0, colon), port);
}

export function tcpTarget(port: number): StreamTarget {
  return { host: '', path: NO_PATH, stream: { kind: 'tcp', port } };
}

/** `port` null stands for every https listener. */
export function sniTarget(name: string, port: number | null): Read<StreamTarget> {
  if (name === '*') return refused('sni:* would take every name; tcp:PORT does');
  const host = normaliseHost(name);
  if (!host.ok) return host;
  // RFC 6066 §3: literal addresses are not permitted, so such a rule could never match.
  if (/^\[|^[\d.]+$/.test(host.value)) return refused(`sni: ${quote(name)} is an address, not a server name`);
  return read({ host: host.value, path: NO_PATH, stream: { kind: 'sni', port } });
}

/** The rule of a stream. Listeners only matter to names without a port of their own. */
export function streamRule({ host, path, stream }: StreamTarget, listeners: readonly string[] | null): Rule {
  return { host, path, match: 'segment', methods: null, listeners, priority: 0, stream };
}

/** The identity of a stream's route, `tcp:15432` or `sni:db.example.com:15433`: what one writes in a tag. */
export function streamKey(host: string, stream: StreamMatch): string {
  if (stream.kind !== 'sni') return `${stream.kind}:${stream.port}`;
  return stream.port === null ? `sni:${host}` : `sni:${host}:${stream.port}`;
}

/** Why one of these options cannot stand beside such a target; null when all can. `names` are known options. */
export function misplacedOption(stream: StreamMatch | undefined, names: readonly string[]): string | null {
  if (stream === undefined) {
    const name = names.find((each) => ONLY_HERE.has(each));
    return name === undefined ? null : `option ${name} is for tcp:, sni: and udp: targets`;
  }
  const isShared = stream.kind === 'sni' && stream.port === null;
  const isMeant = (name: string): boolean =>
    OPTIONS.has(name) ? (KINDS[name]?.includes(stream.kind) ?? true) : isShared && name === 'listener';
  const name = names.find((each) => !isMeant(each));
  if (name === undefined) return null;
  if (name === 'listener') return `option listener does not go with a port: the port is the listener`;
  return `option ${name} means nothing to ${stream.kind}: targets`;
}
