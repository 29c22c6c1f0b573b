import { type CountersLayout, Family as F, METHODS, NO_ROUTE, unpackDetail } from '../shared/counters.ts';
import { ENDING_NAMES } from '../shared/endings.ts';
import { HANDSHAKES } from '../shared/handshakes.ts';
import { HTTP2_FLOODS } from '../shared/http2-floods.ts';
import { portName } from '../shared/messages.ts';
import { REASONS } from '../shared/reasons.ts';
import { UDP_DROPS } from '../shared/udp-drops.ts';
import { UPSTREAM_TLS_FAULTS } from '../shared/upstream-tls-faults.ts';
import { type EndpointNames, endpointFamilies } from './endpoint-families.ts';
import type { Family, Labels, Sample } from './metrics.ts';
import { SharedSeries } from './shared-series.ts';

/** What the numbers in shared memory are called. */
export interface Names extends EndpointNames {
  listener(index: number): string;
  /** Null for a route that is gone: its series are not shown. */
  route(slot: number): { readonly id: string; readonly service: string } | null;
  /** The main thread's own delay. */
  mainDelaySeconds(): number;
}

const DELAY_HELP = 'Mean delay of the event loop of a thread over the last second';

/** Reads the workers' counters and gives them names. */
export function sharedFamilies(layout: CountersLayout, names: Names): Family[] {
  const series = new SharedSeries(layout);

  const listener = (detail: number): string => names.listener(detail >>> 16);
  /** A port that routes have opened is called after itself. */
  const listenerOf = (slot: number, detail: number): Labels => ({
    listener: slot === 0 ? listener(detail) : portName('tcp', slot),
  });
  const direction = (slot: number): Labels => ({ direction: slot === 0 ? 'in' : 'out' });
  const nameIn = (list: readonly string[], number: number): string => list[number] ?? 'unknown';

  function routeOf(slot: number): Labels | null {
    if (slot === NO_ROUTE) return { route: '', service: '' };
    const route = names.route(slot);
    return route === null ? null : { route: route.id, service: route.service };
  }

  function requestOf(slot: number, detail: number): Labels | null {
    const route = routeOf(slot);
    if (route === null) return null;
    const { method, status } = unpackDetail(detail);
    return { listener: listener(detail), ...route, method: METHODS[method] ?? 'other', code: status };
  }

  function durationOf(slot: number, detail: number): Labels | null {
    const route = routeOf(slot);
    return route && { listener: listener(detail), ...route };
  }

  function endingOf(slot: number, detail: number): Labels | null {
    const route = routeOf(slot);
    return route && { ...route, reason: nameIn(ENDING_NAMES, detail) };
  }

  function eventLoopDelay(): Family {
    const workers = series.gauge('event_loop_delay_seconds', DELAY_HELP, F.eventLoopDelay, (slot) => ({
      thread: `worker-${slot}`,
    }));
    const main = (): Sample => ({ value: names.mainDelaySeconds(), labels: { thread: 'main' } });
    return { ...workers, read: () => [main(), ...workers.read()] };
  }

  return [
    series.counter('requests_total', 'Requests, by route and answer', F.requests, requestOf),
    series.histogram(
      'request_duration_seconds',
      'From the request head to the last byte',
      F.requestSeconds,
      durationOf,
    ),
    series.histogram(
      'upstream_duration_seconds',
      'From sending to the response head',
      F.upstreamSeconds,
      durationOf,
    ),
    series.gauge('requests_in_flight', 'Requests being served', F.requestsInFlight, (_slot, detail) => ({
      listener: listener(detail),
    })),
    series.gauge('connections', 'Open client connections', F.connections, (slot, detail) => ({
      ...listenerOf(slot, detail),
      state: 'open',
    })),
    series.counter('connections_accepted_total', 'Client connections accepted', F.accepted, listenerOf),
    series.counter(
      'connections_refused_total',
      'Client connections closed without an answer: no PROXY header, or no room on a TLS listener',
      F.refused,
      listenerOf,
    ),
    series.counter('replies_total', 'Answers made by the router itself', F.invented, (slot, detail) => ({
      reason: nameIn(REASONS, slot),
      listener: listener(detail),
    })),
    series.counter(
      'tls_handshakes_total',
      'Connections to TLS listeners, by how they began',
      F.handshakes,
      (slot, detail) => ({ result: nameIn(HANDSHAKES, slot), listener: listener(detail) }),
    ),
    series.counter(
      'http2_floods_total',
      'HTTP/2 connections ended because of what they sent too much of',
      F.http2Floods,
      (slot, detail) => ({ kind: nameIn(HTTP2_FLOODS, slot), listener: listener(detail) }),
    ),
    series.counter(
      'upstream_tls_failures_total',
      'TLS handshakes with instances that failed, by why',
      F.upstreamTlsFaults,
      (slot) => ({ reason: nameIn(UPSTREAM_TLS_FAULTS, slot) }),
    ),
    series.counter('retries_total', 'Further attempts on another endpoint', F.retries, routeOf),
    series.counter('tcp_connections_total', 'TCP connections that ended, by why', F.streams, endingOf),
    series.counter(
      'tcp_bytes_total',
      'Bytes of TCP connections; in is what clients sent',
      F.streamBytes,
      direction,
    ),
    series.gauge('udp_sessions', 'Clients of UDP ports', F.udpSessions, (slot) => ({
      listener: portName('udp', slot),
    })),
    series.counter('udp_sessions_total', 'UDP sessions that ended, by why', F.udpEndings, endingOf),
    series.counter(
      'udp_datagrams_total',
      'Datagrams of clients; in is what they sent',
      F.udpDatagrams,
      direction,
    ),
    series.counter('udp_dropped_total', 'Datagrams of clients not passed on', F.udpDropped, (slot) => ({
      reason: nameIn(UDP_DROPS, slot),
    })),
    eventLoopDelay(),
    ...endpointFamilies(layout, names),
  ];
}
