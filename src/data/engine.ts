import { randomBytes } from 'node:crypto';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import v8 from 'node:v8';
import { policy } from '../../tls/policy.ts';
import { Profiles } from '../../tls/profiles.ts';
import { UpstreamHandshakes } from '../../tls/upstream.ts';
import type { ListenerConfig } from '../config/config.ts';
import { EndpointCounters, Family, Series } from '../shared/counters.ts';
import type { FromWorker, WorkerSetup, WorkerTls } from '../shared/messages.ts';
import { QueueCounters } from '../shared/queue-counters.ts';
import { AccessLog } from './access-log.ts';
import { Admission, connectionsPerWorker, descriptorLimit, sessionsPerWorker } from './admission.ts';
import { Bell } from './bell.ts';
import { Deadlines } from './deadlines.ts';
import { Departures } from './departures.ts';
import type { Endpoint } from './endpoint.ts';
import type { Farewell } from './farewell.ts';
import { Networks, type Peer } from './forwarded.ts';
import { HeadParser } from './http1/head-parser.ts';
import { LiveTable } from './live-table.ts';
import { WriteBatch } from './outgoing.ts';
import type { QueueContext } from './queue.ts';
import { createSharedReadBuffer } from './read-buffer.ts';
import { Recorder } from './recorder.ts';
import { SlowStarts } from './slow-starts.ts';
import type { HelloPeek } from './tcp/hello-peek.ts';
import type { Stream } from './tcp/stream.ts';
import { UnknownNames } from './tls/unknown-names.ts';
import type { DatagramSession } from './udp/datagram-session.ts';
import { UpstreamFaults } from './upstream-faults.ts';

const SWEEP_MS = 100;

/** A listener as the request path needs it. */
export interface ListenerFacts {
  readonly name: string;
  readonly index: number;
  readonly scheme: 'http' | 'https';
  readonly port: number;
  /** Connections begin with a PROXY header. */
  readonly proxyProtocol: boolean;
  /** The port, where routes have opened it; 0 for listeners of the configuration. */
  readonly tcpPort: number;
  /** HTTP/2 is spoken, too. */
  readonly http2: boolean;
}

/** A client's connection, whatever it speaks. */
export interface Client {
  readonly listener: ListenerFacts;
  readonly peer: Peer;
  /** Ends as soon as its requests have. */
  drain(): void;
  destroy(): void;
}

/** Everything the connections of one worker share. Built once, passed explicitly: two can live side by side. */
export class Engine {
  setup: WorkerSetup;
  readonly deadlines = new Deadlines(SWEEP_MS);
  readonly writes = new WriteBatch();
  readonly readBuffer = createSharedReadBuffer();
  readonly table: LiveTable;
  readonly recorder: Recorder;
  readonly accessLog: AccessLog | null;
  readonly trustedProxies: Networks;
  readonly departures: Departures;
  /** Connections that are passed on as they come. */
  readonly streams = new Set<Stream>();
  /** Connections whose server name is not known yet. */
  readonly peeks = new Set<HelloPeek>();
  /** Clients of UDP ports. */
  readonly sessions = new Set<DatagramSession>();
  readonly maxSessions: number;
  readonly clients = new Set<Client>();
  /** Connections whose PROXY header or handshake is not complete yet. */
  readonly prefaces = new Set<{ destroy(): void }>();
  /** Connections that were not let in and still get their answer. */
  readonly farewells = new Set<Farewell>();
  readonly profiles: Profiles;
  /** Null where nobody wants to know. */
  readonly unknownNames: UnknownNames | null;
  readonly upstreamHandshakes: UpstreamHandshakes;
  readonly upstreamFaults: UpstreamFaults;
  /** Answers for http-01, by token. */
  challenges: ReadonlyMap<string, string> = new Map();
  readonly admission: Admission;
  /** Serves heads that arrive whole, requests and responses alike. */
  parser: HeadParser;
  hasCatalog = false;
  isDraining = false;
  readonly #send: (message: FromWorker, transfer?: ArrayBuffer[]) => void;
  #released: number[] = [];
  readonly #idPrefix = randomBytes(11).toString('hex');
  #requests = 0;
  readonly #delay = monitorEventLoopDelay({ resolution: 20 });
  readonly #secondTimer: NodeJS.Timeout;

  constructor(setup: WorkerSetup, send: (message: FromWorker, transfer?: ArrayBuffer[]) => void) {
    this.setup = setup;
    this.#send = send;
    this.table = new LiveTable({
      counters: new EndpointCounters(setup.counters),
      worker: setup.index,
      queues: this.#queueContext(),
      slowStarts: new SlowStarts(this.deadlines, setup.balance.slowStartMs),
      onDeparted: (endpoint) => this.departures.add(endpoint),
    });
    this.departures = new Departures(this.deadlines, setup.timeouts.drainMs, (endpoint) =>
      this.#gone(endpoint),
    );
    this.recorder = new Recorder(new Series(setup.counters.series[setup.index]!));
    this.upstreamHandshakes = new UpstreamHandshakes(setup.upstreamTls);
    this.upstreamFaults = new UpstreamFaults(this.recorder, send);
    this.trustedProxies = new Networks(setup.trustedProxies);
    this.parser = new HeadParser(setup.limits);
    const { connections, connectionsPerClient, udpSessions } = setup.limits;
    const descriptors = descriptorLimit();
    const { workers } = setup.counters;
    this.admission = new Admission(
      connectionsPerWorker(connections, workers, descriptors),
      connectionsPerClient,
    );
    this.maxSessions = sessionsPerWorker(udpSessions, workers, descriptors);
    this.profiles = new Profiles(setup.tls.clientAuth, policy.alpn);
    this.unknownNames = setup.tls.tellsUnknownNames ? new UnknownNames(send, () => this.deadlines.now) : null;
    this.#delay.enable();
    this.#secondTimer = setInterval(() => this.#everySecond(), 1_000);
    this.#secondTimer.unref();
    this.accessLog =
      setup.accessLog === 'off'
        ? null
        : new AccessLog(setup.accessLog, (lines) => send({ type: 'access', lines }, [lines.buffer]));
  }

  #queueContext(): QueueContext {
    const { deadlines, setup } = this;
    const { index: worker, limits, timeouts } = setup;
    const counters = new QueueCounters(setup.counters.queues);
    const bell = new Bell(counters, worker);
    return { counters, worker, bell, deadlines, places: limits.queue, waitMs: timeouts.queueMs };
  }

  /** What of TLS may change while running. */
  setTls(tls: WorkerTls): void {
    this.setup = { ...this.setup, tls };
    this.profiles.setClientAuth(tls.clientAuth);
  }

  get timeouts(): WorkerSetup['timeouts'] {
    return this.setup.timeouts;
  }

  get limits(): WorkerSetup['limits'] {
    return this.setup.limits;
  }

  /** Unique over all routers: a random part of this worker and a number. */
  newRequestId(): string {
    return `${this.#idPrefix}${(++this.#requests).toString(16).padStart(10, '0')}`;
  }

  opened(client: Client): void {
    this.clients.add(client);
    this.admission.entered(client.peer);
    this.recorder.add(Family.accepted, 0, client.listener.index, 1);
    this.recorder.add(Family.connections, 0, client.listener.index, 1);
  }

  closed(client: Client): void {
    if (!this.clients.delete(client)) return;
    this.admission.left(client.peer);
    this.recorder.add(Family.connections, 0, client.listener.index, -1);
  }

  streamOpened(stream: Stream): void {
    this.streams.add(stream);
    const { peer, listener } = stream;
    this.admission.entered(peer);
    this.recorder.add(Family.accepted, listener.tcpPort, listener.index, 1);
    this.recorder.add(Family.connections, listener.tcpPort, listener.index, 1);
  }

  streamClosed(stream: Stream): void {
    if (!this.streams.delete(stream)) return;
    const { peer, listener } = stream;
    this.admission.left(peer);
    this.recorder.add(Family.connections, listener.tcpPort, listener.index, -1);
  }

  sessionOpened(session: DatagramSession): void {
    this.sessions.add(session);
    this.admission.entered(session.peer);
    this.recorder.add(Family.udpSessions, session.listener.port, 0, 1);
  }

  sessionClosed(session: DatagramSession): void {
    if (!this.sessions.delete(session)) return;
    this.admission.left(session.peer);
    this.recorder.add(Family.udpSessions, session.listener.port, 0, -1);
  }

  /** What counts against the limit of connections. */
  get openConnections(): number {
    return this.clients.size + this.prefaces.size + this.streams.size + this.peeks.size;
  }

  /** Idle connections end now, busy ones after their answer. */
  drain(): void {
    this.isDraining = true;
    for (const early of [...this.prefaces, ...this.peeks]) early.destroy();
    for (const client of [...this.clients]) client.drain();
  }

  /** Ends whatever still runs. */
  close(): void {
    for (const passed of [...this.streams, ...this.sessions]) passed.cut();
    for (const client of [...this.clients, ...this.prefaces, ...this.peeks, ...this.farewells])
      client.destroy();
    this.table.close();
    this.accessLog?.close();
    clearInterval(this.#secondTimer);
    this.#delay.disable();
    this.deadlines.close();
  }

  #everySecond(): void {
    const { used_heap_size: used, heap_size_limit: limit } = v8.getHeapStatistics();
    this.admission.heapIs(used, limit);
    this.#reportDelay();
  }

  #reportDelay(): void {
    const { mean } = this.#delay;
    this.recorder.put(Family.eventLoopDelay, this.setup.index, Number.isNaN(mean) ? 0 : mean / 1e9);
    this.#delay.reset();
  }

  #gone(endpoint: Endpoint): void {
    this.table.forget(endpoint);
    if (this.#released.push(endpoint.slot) > 1) return;
    // Endpoints tend to leave together; one message tells of all.
    setImmediate(() => {
      this.#send({ type: 'released', slots: this.#released });
      this.#released = [];
    });
  }
}

export function factsOf(listener: ListenerConfig, index: number): ListenerFacts {
  const { name, protocol, address, proxyProtocol, http2 } = listener;
  return { name, index, scheme: protocol, port: address.port, proxyProtocol, http2, tcpPort: 0 };
}
