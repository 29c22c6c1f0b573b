import type { Delta } from '../../router/model.ts';
import { havePeers, newcomersOf } from '../../router/slow-start.ts';
import { StreamTable } from '../../router/stream-table.ts';
import { Table } from '../../router/table.ts';
import type { EndpointCounters } from '../shared/counters.ts';
import type { SlottedEndpoint, SlottedPool, SlottedRoute, ToWorker } from '../shared/messages.ts';
import { Endpoint } from './endpoint.ts';
import type { ListenerFacts } from './engine.ts';
import { Networks } from './forwarded.ts';
import { LivePool, Member } from './pools.ts';
import type { QueueContext } from './queue.ts';
import type { SlowStarts } from './slow-starts.ts';

/** A route as a worker uses it: with its pool at hand and its networks compiled. */
export interface LiveRoute extends SlottedRoute {
  readonly live: {
    readonly pool: LivePool | null;
    readonly allow: Networks | null;
    readonly deny: Networks | null;
  };
}

/** Who may use a route. */
export interface Access {
  readonly live: { readonly allow: Networks | null; readonly deny: Networks | null };
}

/** Whether the route's own networks keep this client out. */
export function isDenied({ live: { allow, deny } }: Access, address: string): boolean {
  return deny?.has(address) === true || (allow !== null && !allow.has(address));
}

export interface TableContext {
  readonly counters: EndpointCounters;
  readonly worker: number;
  readonly queues: QueueContext;
  readonly slowStarts: SlowStarts;
  /** Told of every endpoint that no pool contains any more. */
  readonly onDeparted: (endpoint: Endpoint) => void;
}

type TableMessage = Extract<ToWorker, { type: 'table' }>;

/**
 * The routes and pools of one worker. A message is applied in one synchronous step, between two requests; whatever it
 * does not mention keeps its identity, and with it its connections, counts and turns.
 */
export class LiveTable {
  version = 0;
  readonly #table = new Table<LiveRoute>();
  readonly #streams = new StreamTable<LiveRoute>();
  readonly #pools = new Map<string, LivePool>();
  readonly #endpoints = new Map<string, Endpoint>();
  readonly #context: TableContext;
  /** Endpoints that the present message brought, or brought back. */
  readonly #fresh = new Set<Endpoint>();
  /** What comes to a complete table is new in the cluster, and not only here. */
  #isComplete = false;

  constructor(context: TableContext) {
    this.#context = context;
  }

  match(host: string, path: string, method: string, listener: string): LiveRoute | null {
    return this.#table.match(host, path, method, listener);
  }

  /** HTTP's. */
  routes(): IterableIterator<LiveRoute> {
    return this.#table.routes();
  }

  stream(id: string): LiveRoute | undefined {
    return this.#streams.get(id);
  }

  /**
   * The route of a connection to a port of routes or an https listener. `serverName`, in lower case, where that is known;
   * null finds the route that takes every connection of the port.
   */
  streamFor({ name, tcpPort }: ListenerFacts, serverName: string | null): LiveRoute | null {
    if (serverName === null) return this.#streams.onPort(tcpPort);
    if (tcpPort === 0) return this.#streams.forSharedName(serverName, name);
    return this.#streams.forName(serverName, tcpPort);
  }

  datagramsOnPort(port: number): LiveRoute | null {
    return this.#streams.forDatagrams(port);
  }

  /** False when no https listener need look at server names before it answers. */
  get hasSharedNames(): boolean {
    return this.#streams.hasSharedNames;
  }

  /** Ends every upstream connection, those of departing endpoints too. */
  close(): void {
    for (const endpoint of this.#endpoints.values()) {
      for (const connection of [...endpoint.connections]) connection.destroy();
    }
  }

  apply(message: TableMessage): void {
    const { routes, pools } = message.reset ? this.#asReset(message) : message;
    const mayStartSlowly = this.#isComplete && !message.reset;
    for (const pool of pools.set) this.#setPool(pool, mayStartSlowly);
    for (const id of routes.drop) if (!this.#streams.drop(id)) this.#table.drop(id);
    for (const route of routes.set) {
      const table = route.rule.stream === undefined ? this.#table : this.#streams;
      table.set(this.#liven(route));
    }
    const dropped = pools.drop.flatMap((name) => this.#pools.get(name) ?? []);
    for (const pool of dropped) this.#dropPool(pool);
    this.version = message.version;
    this.#isComplete = message.isComplete;
    this.#fresh.clear();
    // When all is in place: who waited there looks for its route anew.
    for (const pool of dropped) pool.queue.close();
  }

  /** A full table as the difference to what is here: a worker that is told everything again loses nothing either. */
  #asReset(message: TableMessage): Pick<TableMessage, 'routes' | 'pools'> & Partial<Delta> {
    const routeIds = new Set(message.routes.set.map((route) => route.id));
    const poolNames = new Set(message.pools.set.map((pool) => pool.name));
    return {
      routes: {
        set: message.routes.set,
        drop: [...this.#table.routes(), ...this.#streams.routes()]
          .map((route) => route.id)
          .filter((id) => !routeIds.has(id)),
      },
      pools: {
        set: message.pools.set,
        drop: [...this.#pools.keys()].filter((name) => !poolNames.has(name)),
      },
    };
  }

  #liven(route: SlottedRoute): LiveRoute {
    const { allow, deny } = route.options;
    return {
      ...route,
      live: {
        pool: route.pool === null ? null : (this.#pools.get(route.pool) ?? null),
        allow: allow ? new Networks(allow) : null,
        deny: deny ? new Networks(deny) : null,
      },
    };
  }

  #setPool(pool: SlottedPool, mayStartSlowly: boolean): void {
    let live = this.#pools.get(pool.name);
    if (live) {
      live.update(pool);
    } else {
      live = new LivePool(pool, this.#context.queues);
      this.#pools.set(pool.name, live);
    }
    const before = live.members;
    const pooled = live;
    const peers = havePeers(pool.endpoints.map(({ weight }) => weight));
    live.members = pool.endpoints.map(
      (fact, i) => new Member(this.#endpointFor(fact), pooled, fact.weight, peers[i]!),
    );
    for (const member of live.members) {
      if (member.endpoint.isDeparting) this.#welcome(member.endpoint, mayStartSlowly);
      member.endpoint.join(member);
    }
    for (const member of before) this.#leave(member);
    if (mayStartSlowly && pool.balance.kind !== 'hash') this.#startSlowly(before, pool);
    live.queue.wake();
  }

  #welcome(endpoint: Endpoint, isNews: boolean): void {
    this.#fresh.add(endpoint);
    if (isNews) this.#context.slowStarts.came(endpoint);
  }

  /** An endpoint that is at work in another pool is warm. */
  #startSlowly(before: readonly Member[], { endpoints }: SlottedPool): void {
    const { slowStarts } = this.#context;
    const were = before.map(({ id, fullWeight, endpoint }) => {
      return { id, weight: fullWeight, isSettled: slowStarts.isSettled(endpoint) };
    });
    for (const id of newcomersOf(were, endpoints)) {
      const endpoint = this.#endpoints.get(id)!;
      if (this.#fresh.has(endpoint)) slowStarts.begin(endpoint);
    }
  }

  #dropPool(pool: LivePool): void {
    this.#pools.delete(pool.name);
    for (const member of pool.members) this.#leave(member);
    pool.members = [];
  }

  /** A slot identifies an endpoint for as long as anybody holds it: one that comes back while it drains goes on. */
  #endpointFor(fact: SlottedEndpoint): Endpoint {
    const known = this.#endpoints.get(fact.id);
    if (known && known.slot === fact.slot && known.protocol === fact.protocol) return known;
    const { counters, worker, slowStarts } = this.#context;
    const endpoint = new Endpoint(fact, counters, worker, slowStarts);
    this.#endpoints.set(fact.id, endpoint);
    return endpoint;
  }

  #leave(member: Member): void {
    const { endpoint } = member;
    endpoint.leave(member);
    if (endpoint.isDeparting) this.#context.onDeparted(endpoint);
  }

  /** Forgets an endpoint that is gone for good. */
  forget(endpoint: Endpoint): void {
    if (this.#endpoints.get(endpoint.id) === endpoint) this.#endpoints.delete(endpoint.id);
  }
}
