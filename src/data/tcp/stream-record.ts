import { Family, NO_ROUTE } from '../../shared/counters.ts';
import { ENDINGS, type Ending } from '../../shared/endings.ts';
import type { Engine } from '../engine.ts';
import type { Peer } from '../forwarded.ts';
import type { LiveRoute } from '../live-table.ts';

/** What counters and access log tell of one connection, or session of datagrams. */
export interface StreamFacts {
  readonly listener: { readonly name: string };
  readonly peer: Peer;
  readonly route: LiveRoute | null;
  readonly serverName: string;
  readonly protocol: 'tcp' | 'tls' | 'udp';
  readonly bytesIn: number;
  readonly bytesOut: number;
  readonly startedAt: number;
  readonly connectMs: number;
  readonly endpoint: string;
  readonly retries: number;
}

export function recordEnding(facts: StreamFacts, ending: Ending, engine: Engine): void {
  const { route, listener } = facts;
  // A stream may outlive its route, whose numbers are gone then.
  const isLive = route !== null && engine.table.stream(route.id)?.slot === route.slot;
  const family = facts.protocol === 'udp' ? Family.udpEndings : Family.streams;
  engine.recorder.stream(isLive ? route.slot : NO_ROUTE, ending, family);
  engine.accessLog?.writeStream({
    id: engine.newRequestId(),
    listener: listener.name,
    client: facts.peer.address,
    serverName: facts.serverName,
    protocol: facts.protocol,
    status: ENDINGS[ending],
    reason: ending,
    bytesIn: facts.bytesIn,
    bytesOut: facts.bytesOut,
    durationMs: performance.now() - facts.startedAt,
    upstreamMs: facts.connectMs,
    route: route?.id ?? '',
    service: route?.service ?? '',
    endpoint: facts.endpoint,
    retries: facts.retries,
  });
}

/** A connection that no stream was made of. */
export function recordRefusedStream(
  known: Pick<StreamFacts, 'listener' | 'peer'> & Partial<StreamFacts>,
  ending: Ending,
  engine: Engine,
): void {
  const startedAt = performance.now();
  const nothing = { route: null, serverName: '', bytesIn: 0, bytesOut: 0, startedAt };
  recordEnding(
    { ...nothing, protocol: 'tcp', connectMs: -1, endpoint: '', retries: 0, ...known },
    ending,
    engine,
  );
}
