import { type Failure, Outlier } from '../../router/outlier.ts';
import { type EndpointCounters, EndpointState, EndpointTotal } from '../shared/counters.ts';
import type { SlottedEndpoint } from '../shared/messages.ts';
import type { UpstreamConnection } from './upstream.ts';

/** A connection as its endpoint sees it. */
export interface EndpointConnection {
  destroy(): void;
  /** The endpoint's time is over; whoever uses the connection is told. */
  cut(): void;
  /** The endpoint takes no new work from now on. */
  onDeparture?(): void;
}

/**
 * One address we can dial, as this worker sees it. Lives as long as any pool or request holds it; the in-flight count is
 * shared with the other workers through the counters.
 */
export class Endpoint {
  readonly id: string;
  readonly slot: number;
  readonly address: string;
  readonly port: number;
  readonly protocol: SlottedEndpoint['protocol'];
  /** Host header for `host=instance`. */
  readonly authority: string;
  /** Connections without a request, most recently used last. */
  readonly idle: UpstreamConnection[] = [];
  /** Every open connection, idle or busy. */
  readonly connections = new Set<EndpointConnection>();
  /** Told when a connection has closed: a departing endpoint ends with its last one. */
  onConnectionClosed: (() => void) | null = null;
  /** Pools that contain it; at zero it is departing. */
  pools = 0;
  #isOpen = true;
  readonly #outlier = new Outlier();
  readonly #counters: EndpointCounters;
  readonly #worker: number;

  constructor(fact: SlottedEndpoint, counters: EndpointCounters, worker: number) {
    this.id = fact.id;
    this.slot = fact.slot;
    this.address = fact.address;
    this.port = fact.port;
    this.protocol = fact.protocol;
    this.authority = `${fact.address.includes(':') ? `[${fact.address}]` : fact.address}:${fact.port}`;
    this.#counters = counters;
    this.#worker = worker;
  }

  /** False while it is ejected. */
  get isOpen(): boolean {
    return this.#isOpen;
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

  /** It answered: whatever it did before is forgiven. */
  succeeded(): void {
    this.#outlier.succeeded();
    if (!this.#isOpen) this.#setOpen(true);
  }

  /** It failed. `mayEject` is false when the pool cannot spare it; a refused connection is certain and counts anyway. */
  failed(kind: Failure, now: number, mayEject = true): void {
    this.#counters.add(this.slot, this.#worker, EndpointTotal.failures);
    if (!mayEject || !this.#outlier.failed(kind, now)) return;
    this.#counters.add(this.slot, this.#worker, EndpointTotal.ejections);
    this.#setOpen(false);
  }

  /** Back on trial when its time is over. */
  reopen(now: number): void {
    if (!this.#outlier.isOut(now)) this.#setOpen(true);
  }

  #setOpen(isOpen: boolean): void {
    this.#isOpen = isOpen;
    this.#counters.setState(this.slot, this.#worker, isOpen ? EndpointState.active : EndpointState.ejected);
  }
}
