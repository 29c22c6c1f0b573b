import {
  BUCKETS,
  type CountersLayout,
  EndpointCounters,
  EndpointState,
  EndpointTotal,
  Family as F,
  HISTOGRAM_CELLS,
  METHODS,
  NO_ROUTE,
  Series,
  unpackDetail,
} from '../shared/counters.ts';
import { ENDING_NAMES } from '../shared/endings.ts';
import { HANDSHAKES } from '../shared/handshakes.ts';
import { HTTP2_FLOODS } from '../shared/http2-floods.ts';
import { portName } from '../shared/messages.ts';
import { REASONS } from '../shared/reasons.ts';
import { UDP_DROPS } from '../shared/udp-drops.ts';
import { UPSTREAM_TLS_FAULTS } from '../shared/upstream-tls-faults.ts';
import { type Family, histogramSamples, type Labels, type Sample } from './metrics.ts';

/** What the numbers in shared memory are called. */
export interface Names {
  listener(index: number): string;
  /** Null for a route that is gone: its series are not shown. */
  route(slot: number): { readonly id: string; readonly service: string } | null;
  /** The main thread's own delay. */
  mainDelaySeconds(): number;
  /** Of the pools with a limit. */
  queues(): Iterable<{
    readonly pool: string;
    readonly service: string;
    readonly waiting: number;
    readonly timeouts: number;
    readonly overflows: number;
  }>;
  endpoints(): Iterable<{
    readonly id: string;
    readonly service: string;
    readonly slot: number;
  }>;
  /** Endpoints that are in no pool because the router's own checks fail. */
  downEndpoints(): Iterable<{ readonly id: string; readonly service: string }>;
}

const DELAY_HELP = 'Mean delay of the event loop of a thread over the last second';

/** Reads the workers' counters and gives them names. */
export class SharedFamilies {
  readonly #series: readonly Series[];
  readonly #endpoints: EndpointCounters;
  readonly #names: Names;

  constructor(layout: CountersLayout, names: Names) {
    this.#series = layout.series.map((series) => new Series(series));
    this.#endpoints = new EndpointCounters(layout);
    this.#names = names;
  }

  families(): Family[] {
    return [
      this.#counter('requests_total', 'Requests, by route and answer', F.requests, (slot, detail) =>
        this.#requestLabels(slot, detail),
      ),
      this.#histogram('request_duration_seconds', 'From the request head to the last byte', F.requestSeconds),
      this.#histogram('upstream_duration_seconds', 'From sending to the response head', F.upstreamSeconds),
      this.#gauge('requests_in_flight', 'Requests being served', F.requestsInFlight, (_slot, detail) => ({
        listener: this.#names.listener(detail >>> 16),
      })),
      this.#gauge('connections', 'Open client connections', F.connections, (slot, detail) => ({
        listener: this.#listenerOf(slot, detail),
        state: 'open',
      })),
      this.#counter(
        'connections_accepted_total',
        'Client connections accepted',
        F.accepted,
        (slot, detail) => ({ listener: this.#listenerOf(slot, detail) }),
      ),
      this.#counter(
        'connections_refused_total',
        'Client connections closed without an answer: no PROXY header, or no room on a TLS listener',
        F.refused,
        (slot, detail) => ({ listener: this.#listenerOf(slot, detail) }),
      ),
      this.#counter('replies_total', 'Answers made by the router itself', F.invented, (slot, detail) => ({
        reason: REASONS[slot] ?? 'unknown',
        listener: this.#names.listener(detail >>> 16),
      })),
      this.#counter(
        'tls_handshakes_total',
        'Connections to TLS listeners, by how they began',
        F.handshakes,
        (slot, detail) => ({
          result: HANDSHAKES[slot] ?? 'unknown',
          listener: this.#names.listener(detail >>> 16),
        }),
      ),
      this.#counter(
        'http2_floods_total',
        'HTTP/2 connections ended because of what they sent too much of',
        F.http2Floods,
        (slot, detail) => ({
          kind: HTTP2_FLOODS[slot] ?? 'unknown',
          listener: this.#names.listener(detail >>> 16),
        }),
      ),
      this.#counter(
        'upstream_tls_failures_total',
        'TLS handshakes with instances that failed, by why',
        F.upstreamTlsFaults,
        (slot) => ({ reason: UPSTREAM_TLS_FAULTS[slot] ?? 'unknown' }),
      ),
      this.#counter('retries_total', 'Further attempts on another endpoint', F.retries, (slot) =>
        this.#routeLabels(slot),
      ),
      this.#counter(
        'tcp_connections_total',
        'TCP connections that ended, by why',
        F.streams,
        (slot, detail) => {
          const route = this.#routeLabels(slot);
          return route && { ...route, reason: ENDING_NAMES[detail] ?? 'unknown' };
        },
      ),
      this.#counter(
        'tcp_bytes_total',
        'Bytes of TCP connections; in is what clients sent',
        F.streamBytes,
        (slot) => ({ direction: slot === 0 ? 'in' : 'out' }),
      ),
      this.#gauge('udp_sessions', 'Clients of UDP ports', F.udpSessions, (slot) => ({
        listener: portName('udp', slot),
      })),
      this.#counter('udp_sessions_total', 'UDP sessions that ended, by why', F.udpEndings, (slot, detail) => {
        const route = this.#routeLabels(slot);
        return route && { ...route, reason: ENDING_NAMES[detail] ?? 'unknown' };
      }),
      this.#counter(
        'udp_datagrams_total',
        'Datagrams of clients; in is what they sent',
        F.udpDatagrams,
        (slot) => ({ direction: slot === 0 ? 'in' : 'out' }),
      ),
      this.#counter('udp_dropped_total', 'Datagrams of clients not passed on', F.udpDropped, (slot) => ({
        reason: UDP_DROPS[slot] ?? 'unknown',
      })),
      this.#eventLoopDelay(),
      this.#queueFamily('queued_requests', 'Waiting for an endpoint below its maxconn', 'gauge', (queue) => [
        { value: queue.waiting, labels: {} },
      ]),
      this.#queueFamily('queue_refused_total', 'Not served for want of room', 'counter', (queue) => [
        { value: queue.timeouts, labels: { cause: 'timeout' } },
        { value: queue.overflows, labels: { cause: 'full' } },
      ]),
      this.#endpointFamily('endpoint_in_flight', 'Requests in flight', 'gauge', ({ slot }) =>
        this.#endpoints.inFlight(slot),
      ),
      this.#endpointUp(),
      this.#endpointFamily('endpoint_requests_total', 'Leases taken', 'counter', ({ slot }) =>
        this.#endpoints.total(slot, EndpointTotal.served),
      ),
      this.#endpointFamily('ejections_total', 'Times taken out for failing', 'counter', ({ slot }) =>
        this.#endpoints.total(slot, EndpointTotal.ejections),
      ),
    ];
  }

  /** A port that routes have opened is called after itself. */
  #listenerOf(slot: number, detail: number): string {
    return slot === 0 ? this.#names.listener(detail >>> 16) : portName('tcp', slot);
  }

  #requestLabels(slot: number, detail: number): Labels | null {
    const labels = this.#routeLabels(slot);
    if (labels === null) return null;
    const { listener, method, status } = unpackDetail(detail);
    return {
      listener: this.#names.listener(listener),
      ...labels,
      method: METHODS[method] ?? 'other',
      code: status,
    };
  }

  #routeLabels(slot: number): Labels | null {
    if (slot === NO_ROUTE) return { route: '', service: '' };
    const route = this.#names.route(slot);
    return route === null ? null : { route: route.id, service: route.service };
  }

  #counter(name: string, help: string, family: number, labels: LabelsOf): Family {
    return { name, help, type: 'counter', read: () => this.#sums(family, labels) };
  }

  #gauge(name: string, help: string, family: number, labels: LabelsOf): Family {
    return { name, help, type: 'gauge', read: () => this.#sums(family, labels) };
  }

  #eventLoopDelay(): Family {
    const workers = this.#gauge('event_loop_delay_seconds', DELAY_HELP, F.eventLoopDelay, (slot) => ({
      thread: `worker-${slot}`,
    }));
    const main = (): Sample => ({ value: this.#names.mainDelaySeconds(), labels: { thread: 'main' } });
    return { ...workers, read: () => [main(), ...workers.read()] };
  }

  /** One sample per label set, added up over workers and over the columns of workers that died. */
  *#sums(family: number, labelsOf: LabelsOf): Iterable<Sample> {
    const sums = new Map<string, { labels: Labels; value: number }>();
    for (const series of this.#series) {
      series.read((found, slot, detail, cell) => {
        if (found !== family) return;
        const key = `${slot}:${detail}`;
        const known = sums.get(key);
        if (known) {
          known.value += series.cells[cell]!;
          return;
        }
        const labels = labelsOf(slot, detail);
        if (labels !== null) sums.set(key, { labels, value: series.cells[cell]! });
      });
    }
    yield* sums.values();
  }

  #histogram(name: string, help: string, family: number): Family {
    return { name, help, type: 'histogram', read: () => this.#histograms(family) };
  }

  *#histograms(family: number): Iterable<Sample> {
    const sums = new Map<string, { labels: Labels; cells: number[] }>();
    for (const series of this.#series) {
      series.read((found, slot, detail, cell) => {
        if (found !== family) return;
        const route = this.#routeLabels(slot);
        if (route === null) return;
        const key = `${slot}:${detail}`;
        let known = sums.get(key);
        if (!known) {
          const labels = { listener: this.#names.listener(detail >>> 16), ...route };
          known = { labels, cells: new Array<number>(HISTOGRAM_CELLS).fill(0) };
          sums.set(key, known);
        }
        for (let i = 0; i < HISTOGRAM_CELLS; i++) known.cells[i]! += series.cells[cell + i]!;
      });
    }
    for (const { labels, cells } of sums.values()) {
      yield* histogramSamples(BUCKETS, cells.slice(1), cells[0]!, labels);
    }
  }

  #queueFamily(
    name: string,
    help: string,
    type: Family['type'],
    samples: (queue: QueueNumbers) => readonly Sample[],
  ): Family {
    const names = this.#names;
    return {
      name,
      help,
      type,
      *read() {
        for (const queue of names.queues()) {
          const { pool, service } = queue;
          for (const { value, labels } of samples(queue))
            yield { value, labels: { service, pool, ...labels } };
        }
      },
    };
  }

  #endpointUp(): Family {
    const help = '1 while the endpoint takes traffic';
    const taking = this.#endpointFamily('endpoint_up', help, 'gauge', ({ slot }) =>
      this.#endpoints.state(slot) === EndpointState.ejected ? 0 : 1,
    );
    const down = (): Sample[] =>
      Array.from(this.#names.downEndpoints(), ({ id, service }) => ({
        value: 0,
        labels: { service, endpoint: id },
      }));
    return { ...taking, read: () => [...taking.read(), ...down()] };
  }

  #endpointFamily(
    name: string,
    help: string,
    type: Family['type'],
    value: (endpoint: EndpointName) => number,
  ): Family {
    const names = this.#names;
    return {
      name,
      help,
      type,
      *read() {
        for (const endpoint of names.endpoints()) {
          yield { value: value(endpoint), labels: { service: endpoint.service, endpoint: endpoint.id } };
        }
      },
    };
  }
}

type QueueNumbers = ReturnType<Names['queues']> extends Iterable<infer T> ? T : never;
type EndpointName = ReturnType<Names['endpoints']> extends Iterable<infer T> ? T : never;
type LabelsOf = (slot: number, detail: number) => Labels | null;
