/**
 * The data plane without Consul and without threads: an `Engine` behind a real listening socket in this process, told its
 * table by the same messages a worker gets. So a test sees the bytes and, beside them, leases, sockets and deadlines.
 */
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { expect } from 'vitest';
import type { Balance, EndpointFact, RouteOptions, Rule } from '../../router/model.ts';
import { streamKey } from '../../router/stream.ts';
import type { Limits, Timeouts } from '../../src/config/config.ts';
import { createHttpServer } from '../../src/data/accept.ts';
import { ClientConnection } from '../../src/data/client-connection.ts';
import type { Endpoint } from '../../src/data/endpoint.ts';
import { Engine, type ListenerFacts } from '../../src/data/engine.ts';
import type { LivePool } from '../../src/data/pools.ts';
import {
  type CountersLayout,
  createCountersLayout,
  EndpointCounters,
  Series,
} from '../../src/shared/counters.ts';
import type { FromWorker, SlottedPool, SlottedRoute, WorkerTls } from '../../src/shared/messages.ts';
import { QueueCounters, QueueTotal } from '../../src/shared/queue-counters.ts';
import type { Certificate } from '../../tls/certificate.ts';
import type { UpstreamTlsConfig } from '../../tls/upstream.ts';
import { startBridge } from './bridge.ts';
import { everybody } from './certificates.ts';
import { eventually } from './process.ts';

export interface RouteSpec extends Partial<Rule> {
  /** `main` unless told; null for a route that only redirects. */
  pool?: string | null;
  options?: RouteOptions;
}

/** Ports on 127.0.0.1, or one with a weight; one id is one endpoint, in whichever pools. */
export type EndpointSpec =
  | number
  | ({ port: number; weight?: number; address?: string; id?: string } & Partial<
      Pick<EndpointFact, 'protocol' | 'tls'>
    >);

export interface PlaneOptions {
  /** One route for every host and path to the pool `main` unless told. */
  routes?: RouteSpec[];
  pools?: Record<string, EndpointSpec[]>;
  balance?: Balance;
  maxconn?: number;
  /** None unless told, so that shares are exact from the beginning. */
  slowStartMs?: number;
  limits?: Partial<Limits>;
  timeouts?: Partial<Timeouts>;
  trustedProxies?: string[];
  /** With https, `port` is a bridge that clients reach without TLS, and `securePort` the listener itself. */
  scheme?: 'http' | 'https';
  tls?: Partial<WorkerTls> & { certificates?: readonly Certificate[]; defaultId?: string | null };
  upstreamTls?: Partial<UpstreamTlsConfig>;
  proxyProtocol?: boolean;
  /** Which of the workers that share these counters it is; alone unless told. */
  worker?: { index: number; counters: CountersLayout };
  /** Default: with TLS. */
  http2?: boolean;
  /** False: the catalog is not known yet. */
  isComplete?: boolean;
}

export interface LogLine {
  method: string;
  path: string;
  status: number;
  reason: string;
  bytesIn: number;
  bytesOut: number;
  retries: number;
  endpoint: string;
  [name: string]: unknown;
}

export interface Plane {
  readonly port: number;
  readonly securePort: number;
  readonly engine: Engine;
  readonly counters: EndpointCounters;
  /** The connections that speak HTTP/1.1. */
  http1(): ClientConnection[];
  /** Slots reported as released, in order. */
  readonly released: number[];
  /** Details of what was told to the process log. */
  readonly told: unknown[];
  /** `maxconn` is as before unless given. */
  setPools(
    pools: Record<string, EndpointSpec[]>,
    drop?: string[],
    maxconn?: number | null,
    as?: { reset?: boolean; isComplete?: boolean },
  ): void;
  setRoutes(routes: RouteSpec[], drop?: string[]): void;
  pool(name?: string): LivePool;
  endpoint(port: number, pool?: string): Endpoint;
  /** What the queue of a pool counts, over all workers. */
  queued(name?: string): { waiting: number; timeouts: number; overflows: number };
  /** Requests in flight over all endpoints there ever were. */
  inFlight(): number;
  /** A counter or gauge, summed over listeners, and over slots unless one is named. */
  sum(family: number, slot?: number): number;
  /** Access-log lines so far. */
  log(): LogLine[];
  /** Waits until nothing runs any more: no client, no lease, no deadline, nothing but idle upstream connections. */
  quiet(): Promise<void>;
  close(): Promise<void>;
}

const LIMITS: Limits = {
  ...{ headBytes: 16_384, fields: 100, uriBytes: 8192, bodyBytes: 0 },
  queue: 1024,
  udpSessions: 0,
  ...{ bodyRate: 240, connections: 0, connectionsPerClient: 0, requestsPerConnection: 0, streams: 100 },
};
const TIMEOUTS: Timeouts = {
  handshakeMs: 10_000,
  headMs: 10_000,
  idleMs: 75_000,
  queueMs: 5000,
  connectMs: 3000,
  responseMs: 10_000,
  streamIdleMs: 10_000,
  tunnelIdleMs: 60_000,
  tcpIdleMs: 60_000,
  udpIdleMs: 30_000,
  upstreamIdleMs: 15_000,
  drainMs: 5000,
};

/** What a plane is unless told: a whole file of tests can be run over TLS. */
export const defaults: { scheme: 'http' | 'https' } = { scheme: 'http' };

export async function startPlane(options: PlaneOptions = {}): Promise<Plane> {
  const { index, counters: layout } = options.worker ?? { index: 0, counters: createCountersLayout(1) };
  let maxconn = options.maxconn ?? null;
  const counters = new EndpointCounters(layout);
  const queues = new QueueCounters(layout.queues);
  const released: number[] = [];
  const told: unknown[] = [];
  const lines: LogLine[] = [];
  const slots = new Map<string, number>();
  const known = new Set<Endpoint>();
  const livePools = new Map<string, LivePool | null>();
  const { scheme = defaults.scheme, proxyProtocol = false } = options;
  const http2 = options.http2 ?? scheme === 'https';
  const send = (message: FromWorker): void => {
    if (message.type === 'released') released.push(...message.slots);
    if (message.type === 'log') told.push(message.detail);
    if (message.type !== 'access') return;
    const text = new TextDecoder().decode(message.lines).trimEnd();
    lines.push(...text.split('\n').map((line) => JSON.parse(line) as LogLine));
  };
  const engine = new Engine(
    {
      index,
      counters: layout,
      listeners: [
        { name: 'web', address: { host: '127.0.0.1', port: 8080 }, protocol: scheme, proxyProtocol, http2 },
      ],
      tcp: { host: '127.0.0.1', proxyProtocol: options.proxyProtocol ?? false },
      udp: { host: '127.0.0.1' },
      limits: { ...LIMITS, ...options.limits },
      timeouts: { ...TIMEOUTS, ...options.timeouts },
      balance: { slowStartMs: options.slowStartMs ?? 0 },
      trustedProxies: options.trustedProxies ?? [],
      accessLog: 'json',
      tls: { clientAuth: [], hsts: '', redirectPort: 443, tellsUnknownNames: false, ...options.tls },
      upstreamTls: { caPem: null, client: null, serverName: null, ...options.upstreamTls },
    },
    send,
  );

  const slotOf = (name: string): number => {
    if (!slots.has(name)) slots.set(name, slots.size + 1);
    return slots.get(name)!;
  };
  const asPool = (name: string, endpoints: readonly EndpointSpec[]): SlottedPool => ({
    name,
    service: name,
    slot: slotOf(`pool ${name}`),
    balance: options.balance ?? { kind: 'least' },
    maxconn,
    endpoints: endpoints.map((spec) => {
      const { port, weight = 1, address = '127.0.0.1' } = typeof spec === 'number' ? { port: spec } : spec;
      const {
        id = `${name}@${address}:${port}`,
        protocol = 'http',
        tls,
      } = typeof spec === 'number' ? {} : spec;
      const slot = slotOf(`endpoint ${id}`);
      return { id, address, port, weight, protocol, ...(tls && { tls }), instance: id, slot };
    }),
  });
  const asRoute = (spec: RouteSpec): SlottedRoute => {
    const { pool = 'main', options: routeOptions = {}, ...given } = spec;
    const rule: Rule = {
      ...{ host: '', path: '/', match: 'segment', methods: null, listeners: null, priority: 0 },
      ...given,
    };
    const id = rule.stream
      ? streamKey(rule.host, rule.stream)
      : `${rule.host}${rule.path}${rule.methods ? ` ${rule.methods}` : ''}`;
    const service = pool ?? '';
    const source = { provider: 'file' as const, service, instances: [], text: id };
    return { id, rule, pool, service, options: routeOptions, source, slot: slotOf(`route ${id}`) };
  };
  let version = 0;
  const apply = (
    routes: { set: SlottedRoute[]; drop: string[] },
    pools: { set: SlottedPool[]; drop: string[] },
    { reset = false, isComplete = true } = {},
  ): void => {
    version++;
    engine.table.apply({
      ...{ type: 'table', version, reset, isComplete, routes, pools, forgetRoutes: [] },
    });
    const streams = routes.set.flatMap(({ id }) => engine.table.stream(id) ?? []);
    for (const route of [...engine.table.routes(), ...streams]) {
      livePools.set(route.pool ?? '', route.live.pool);
    }
    for (const pool of livePools.values())
      for (const { endpoint } of pool?.members ?? []) known.add(endpoint);
  };
  const asPools = (pools: Record<string, EndpointSpec[]>): SlottedPool[] =>
    Object.entries(pools).map(([name, endpoints]) => asPool(name, endpoints));
  apply(
    { set: (options.routes ?? [{}]).map(asRoute), drop: [] },
    { set: asPools(options.pools ?? { main: [] }), drop: [] },
    { reset: true },
  );
  engine.hasCatalog = options.isComplete ?? true;

  const facts: ListenerFacts = {
    name: 'web',
    index: 0,
    scheme,
    port: scheme === 'http' ? 8080 : 8443,
    proxyProtocol,
    tcpPort: 0,
    http2,
  };
  const server = createHttpServer(facts, engine);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');

  const securePort = (server.address() as AddressInfo).port;
  const bridge = scheme === 'https' ? await startBridge(securePort) : null;
  if (scheme === 'https') {
    engine.profiles.setTicketKey(Buffer.alloc(48, 1));
    const set = options.tls?.certificates ?? [await everybody()];
    engine.profiles.update(
      set,
      [],
      options.tls?.defaultId === undefined ? (set[0]?.id ?? null) : options.tls.defaultId,
      true,
    );
  }
  const inFlight = (): number => {
    let total = 0;
    for (const endpoint of known) total += counters.inFlight(endpoint.slot);
    return total;
  };
  const plane: Plane = {
    port: bridge?.port ?? securePort,
    securePort,
    engine,
    counters,
    http1: () => [...engine.clients].filter((client) => client instanceof ClientConnection),
    released,
    told,
    setPools: (pools, drop = [], wanted = maxconn, as = {}) => {
      maxconn = wanted;
      const routes = as.reset ? [...engine.table.routes()] : [];
      apply({ set: routes, drop: [] }, { set: asPools(pools), drop }, as);
    },
    setRoutes: (routes, drop = []) => apply({ set: routes.map(asRoute), drop }, { set: [], drop: [] }),
    pool: (name = 'main') => {
      const pool = livePools.get(name);
      if (!pool) throw new Error(`no route to the pool ${name}`);
      return pool;
    },
    endpoint: (port, pool) =>
      plane.pool(pool).members.find(({ endpoint }) => endpoint.port === port)!.endpoint,
    inFlight,
    queued: (name = 'main') => {
      const slot = slotOf(`pool ${name}`);
      const { timeouts, overflows } = QueueTotal;
      return {
        waiting: queues.waiting(slot),
        timeouts: queues.total(slot, timeouts),
        overflows: queues.total(slot, overflows),
      };
    },
    sum: (family, slot) => {
      const series = new Series(layout.series[index]!);
      let sum = 0;
      series.read((found, foundSlot, _detail, cell) => {
        if (found === family && foundSlot === (slot ?? foundSlot)) sum += series.cells[cell]!;
      });
      return sum;
    },
    log: () => {
      engine.accessLog!.flush();
      return lines;
    },
    quiet: () =>
      eventually(
        () => {
          const [open, idle] = [[...known].flatMap((e) => [...e.connections]).length, idleOf(known)];
          const now = { clients: engine.openConnections, leases: inFlight(), busy: open - idle };
          expect(now).toEqual({ clients: 0, leases: 0, busy: 0 });
          expect(engine.deadlines.size).toBe(open + engine.departures.size);
        },
        { what: 'quiet', timeoutMs: 10_000 },
      ),
    close: async () => {
      const done = new Promise((resolve) => server.close(resolve));
      bridge?.close();
      engine.close();
      await done;
    },
  };
  return plane;
}

function idleOf(endpoints: Iterable<Endpoint>): number {
  let idle = 0;
  for (const { idle: kept, sessions } of endpoints)
    idle += kept.length + sessions.filter(({ isIdle }) => isIdle).length;
  return idle;
}

/** Text lines joined as HTTP wants them, with the empty line at the end. */
export function head(...lines: string[]): string {
  return `${lines.join('\r\n')}\r\n\r\n`;
}
