import type { EndpointTls } from '../../router/model.ts';
import { type Failure, Outlier } from '../../router/outlier.ts';
import { type EndpointCounters, EndpointState, EndpointTotal } from '../shared/counters.ts';
import type { SlottedEndpoint } from '../shared/messages.ts';
import type { UpstreamSession } from './http2/upstream-session.ts';
import type { Member } from './pools.ts';
import type { PoolQueue } from './queue.ts';
import type { SlowStarts } from './slow-starts.ts';
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
  /** Null where no TLS is spoken. */
  readonly tls: EndpointTls | null;
  /** The latest session it gave us, for the next handshake. */
  tlsSession: Buffer | undefined = undefined;
  /** Host header for `host=instance`. */
  readonly authority: string;
  /** Connections without a request, most recently used last. */
  readonly idle: UpstreamConnection[] = [];
  /** Speaks HTTP/2. */
  readonly isHttp2: boolean;
  /** HTTP/2 connections that take new requests, oldest first. */
  readonly sessions: UpstreamSession[] = [];
  /** Every open connection, idle or busy. */
  readonly connections = new Set<EndpointConnection>();
  /** Told when a connection has closed, or a lease of a departing endpoint has come back: it ends with the last one. */
  onConnectionClosed: (() => void) | null = null;
  /** Its part in each pool that contains it; without any it is departing. */
  readonly #members = new Set<Member>();
  /** Of its pools with a limit: who waits there is told of every lease that comes back. */
  readonly #queues: PoolQueue[] = [];
  /** When it came to a table that was complete before; -Infinity when it was there all along. */
  cameAt = Number.NEGATIVE_INFINITY;
  #isOpen = true;
  /** What it takes of its weights; below 1 while it starts slowly. */
  #share = 1;
  readonly #outlier = new Outlier();
  readonly #counters: EndpointCounters;
  readonly #worker: number;
  readonly #slowStarts: SlowStarts;

  constructor(fact: SlottedEndpoint, counters: EndpointCounters, worker: number, slowStarts: SlowStarts) {
    this.id = fact.id;
    this.slot = fact.slot;
    this.address = fact.address;
    this.port = fact.port;
    this.protocol = fact.protocol;
    this.tls = fact.tls ?? null;
    this.isHttp2 = fact.protocol === 'h2' || fact.protocol === 'h2c';
    this.authority = `${fact.address.includes(':') ? `[${fact.address}]` : fact.address}:${fact.port}`;
    this.#counters = counters;
    this.#worker = worker;
    this.#slowStarts = slowStarts;
  }

  /** False while it is ejected. */
  get isOpen(): boolean {
    return this.#isOpen;
  }

  get isDeparting(): boolean {
    return this.#members.size === 0;
  }

  join(member: Member): void {
    this.#members.add(member);
    if (member.pool.maxconn !== null) this.#queues.push(member.pool.queue);
    member.takeShare(this.#share);
  }

  leave(member: Member): void {
    this.#members.delete(member);
    const at = this.#queues.indexOf(member.pool.queue);
    if (at >= 0) this.#queues.splice(at, 1);
    if (this.isDeparting) this.#slowStarts.end(this);
  }

  /** Of each of its weights, from now on. */
  takeShare(share: number): void {
    this.#share = share;
    for (const member of this.#members) member.takeShare(share);
    this.#tellState();
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

  /**
   * Takes a lease unless there are more than `most` then, over all workers. It is added before it is looked at, so that two
   * workers cannot both find room for one; at worst both take it back.
   */
  leaseWithin(most: number): boolean {
    this.#counters.addInFlight(this.slot, this.#worker, 1);
    if (this.inFlight() > most) {
      this.#counters.addInFlight(this.slot, this.#worker, -1);
      return false;
    }
    this.#counters.add(this.slot, this.#worker, EndpointTotal.served);
    return true;
  }

  release(): void {
    this.#counters.addInFlight(this.slot, this.#worker, -1);
    for (let i = 0; i < this.#queues.length; i++) this.#queues[i]!.freed();
    if (this.isDeparting) this.onConnectionClosed?.();
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
    const startsSlowly = isOpen && [...this.#members].some((member) => member.startsSlowly);
    if (startsSlowly) this.#slowStarts.begin(this);
    else this.#slowStarts.end(this);
    this.#tellState();
  }

  #tellState(): void {
    const open = this.#share < 1 ? EndpointState.slowStart : EndpointState.active;
    this.#counters.setState(this.slot, this.#worker, this.#isOpen ? open : EndpointState.ejected);
  }
}
