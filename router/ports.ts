/** Where routes below HTTP may listen. */

import type { Rule, StreamMatch } from './model.ts';

export interface PortPolicy {
  /** Ports that tags and KV lines may open; null allows none. The operator's own routes may open any. */
  readonly tcpPorts: { readonly from: number; readonly to: number } | null;
  /** The same for datagrams. */
  readonly udpPorts: { readonly from: number; readonly to: number } | null;
  /** TCP ports that are the router's own, with what they are for. */
  readonly takenPorts: ReadonlyMap<number, string>;
  /** Names of the https listeners there are, which server names without a port share. */
  readonly tlsListeners: readonly string[];
}

/** Null when this stream may listen where it asks to. `isOwn`: the operator wrote it. */
export function whyStreamRefused(
  stream: StreamMatch,
  rule: Rule,
  isOwn: boolean,
  policy: PortPolicy,
): string | null {
  const { kind, port } = stream;
  if (port === null) return whyNoListener(rule, policy.tlsListeners);
  if (kind === 'udp') return isOwn ? null : whyOutside(port, 'udp', policy.udpPorts);
  const owner = policy.takenPorts.get(port);
  if (owner !== undefined) return `port ${port} belongs to ${owner}`;
  return isOwn ? null : whyOutside(port, 'tcp', policy.tcpPorts);
}

function whyNoListener({ listeners }: Rule, known: readonly string[]): string | null {
  if (known.length === 0) return 'there is no https listener to share; write sni:HOST:PORT';
  if (listeners === null || listeners.some((name) => known.includes(name))) return null;
  return `listener=${listeners.join(',')}: no https listener has this name; there is ${known.join(', ')}`;
}

function whyOutside(port: number, transport: 'tcp' | 'udp', range: PortPolicy['tcpPorts']): string | null {
  if (range === null) return `port ${port}: ${transport}.ports is not set, so tags may open no port`;
  if (port >= range.from && port <= range.to) return null;
  return `port ${port} is outside of ${transport}.ports, ${range.from}-${range.to}`;
}
