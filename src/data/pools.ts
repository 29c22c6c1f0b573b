import { type Ask, type Balancer, type Candidate, createBalancer } from '../../router/balancers.ts';
import type { Balance } from '../../router/model.ts';
import { type EndpointCounters, EndpointState, EndpointTotal } from '../shared/counters.ts';
import type { SlottedEndpoint, SlottedPool } from '../shared/messages.ts';
import type { UpstreamConnection } from './upstream.ts';

/** First time out after failed connects; doubles with each further one. */
const EJECT_FIRST_MS = 1_000;
const EJECT_MAX_MS = 30_000;
/** At most this share of a pool may be ejected; beyond it the pool itself is in doubt and everybody is asked. */
const EJECT_SHARE = 0.5;

/**
 * One address we can dial, as this worker sees it. Lives as long as any pool or request holds it; the in-flight count is
 * shared with the other workers through the counters.
 */
export class Endpoint implements Candidate {
  readonly id: string;
  readonly slot: number;
  readonly address: string;
  readonly port: number;
  readonly protocol: SlottedEndpoint['protocol'];
  /** Host header for `host=instance`. */
  readonly authority: string;
  weight: number;
  /** Connections without a request, most recently used last. */
  readonly idle: UpstreamConnection[] = [];
  /** Every open connection, idle or busy. */
  readonly connections = new Set<UpstreamConnection>();
  /** Told when a connection has closed: a departing endpoint ends with its last one. */
  onConnectionClosed: (() => void) | null = null;
  /** Pools that contain it; at zero it is departing. */
  pools = 0;
  #isOpen = true;
  #strikes = 0;
  #openAt = 0;
  readonly #counters: EndpointCounters;
  readonly #worker: number;

  constructor(fact: SlottedEndpoint, counters: EndpointCounters, worker: number) {
    this.id = fact.id;
    this.slot = fact.slot;
    this.address = fact.address;
    this.port = fact.port;
    this.protocol = fact.protocol;
    this.authority = `${fact.address.includes(':') ? `[${fact.address}]` : fact.address}:${fact.port}`;
    this.weight = fact.weight;
    this.#counters = counters;
    this.#worker = worker;
  }

  /** False while it is ejected. */
  get isOpen(): boolean {
    return this.#isOpen;
  }

  set isOpen(isOpen: boolean) {
    if (isOpen === this.#isOpen) return;
    this.#isOpen = isOpen;
    this.#counters.setState(this.slot, this.#worker, isOpen ? EndpointState.active : EndpointState.ejected);
  }

  get isDeparting(): boolean {
    return this.pools === 0;
  }

  inFlight(): number {
    return this.#counters.inFlight(this.slot);
  }

  /** In flight on this worker alone. */
  get ownInFlight(): number {
    return this.#counters.ownInFlight(this.slot, this.#worker);
  }

  lease(): void {
    this.#counters.addInFlight(this.slot, this.#worker, 1);
    this.#counters.add(this.slot, this.#worker, EndpointTotal.served);
  }

  release(): void {
    this.#counters.addInFlight(this.slot, this.#worker, -1);
  }

  succeeded(): void {
    if (this.#strikes === 0) return;
    this.#strikes = 0;
    this.isOpen = true;
  }

  /** A failed connect: out for a growing time, so that an instance that fails fast does not attract traffic. */
  failed(now: number): void {
    this.#counters.add(this.slot, this.#worker, EndpointTotal.failures);
    const outMs = Math.min(EJECT_MAX_MS, EJECT_FIRST_MS * 2 ** Math.min(this.#strikes++, 10));
    if (this.isOpen) this.#counters.add(this.slot, this.#worker, EndpointTotal.ejections);
    this.isOpen = false;
    this.#openAt = now + outMs;
  }

  /** Back on trial when its time is over. */
  reopen(now: number): void {
    if (!this.isOpen && now >= this.#openAt) this.isOpen = true;
  }
}

/** The endpoints of a service and the way to choose among them. */
export class LivePool {
  readonly name: string;
  endpoints: readonly Endpoint[] = [];
  #balance: Balance;
  #balancer: Balancer;

  constructor(pool: SlottedPool) {
    this.name = pool.name;
    this.#balance = pool.balance;
    this.#balancer = createBalancer(pool.balance);
  }

  get balance(): Balance {
    return this.#balance;
  }

  /** A changed way of balancing starts afresh; the same way keeps its position. */
  rebalance(balance: Balance): void {
    if (JSON.stringify(balance) === JSON.stringify(this.#balance)) return;
    this.#balance = balance;
    this.#balancer = createBalancer(balance);
  }

  /**
   * An endpoint with its lease taken, or null when the pool has none to offer. The caller gives the lease back exactly
   * once. When most of the pool is ejected, ejection is ignored: a wrong guess about one is better than none for all.
   */
  acquire(ask: Ask, now: number): Endpoint | null {
    const { endpoints } = this;
    let closed = 0;
    for (let i = 0; i < endpoints.length; i++) {
      const endpoint = endpoints[i]!;
      if (endpoint.isOpen) continue;
      endpoint.reopen(now);
      if (!endpoint.isOpen) closed++;
    }
    let picked = closed > endpoints.length * EJECT_SHARE ? -1 : this.#balancer.pick(endpoints, ask);
    if (picked < 0 && closed > 0) picked = this.#pickIgnoringEjection(ask);
    if (picked < 0) return null;
    const endpoint = endpoints[picked]!;
    endpoint.lease();
    return endpoint;
  }

  #pickIgnoringEjection(ask: Ask): number {
    const closed = this.endpoints.filter((endpoint) => !endpoint.isOpen);
    for (const endpoint of closed) endpoint.isOpen = true;
    const picked = this.#balancer.pick(this.endpoints, ask);
    for (const endpoint of closed) endpoint.isOpen = false;
    return picked;
  }
}
