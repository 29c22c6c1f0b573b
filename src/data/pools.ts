import { type Ask, type Balancer, type Candidate, createBalancer } from '../../router/balancers.ts';
import type { Balance } from '../../router/model.ts';
import { RetryBudget } from '../../router/retry-budget.ts';
import type { SlottedPool } from '../shared/messages.ts';
import type { Endpoint } from './endpoint.ts';
import { PoolQueue, type QueueContext } from './queue.ts';

/** At most this share of a pool is left out for failed answers: when most fail, the fault is likely elsewhere. */
const EJECT_SHARE = 0.5;

/** An endpoint's part in one pool; the same endpoint may weigh differently in another. */
export class Member implements Candidate {
  readonly endpoint: Endpoint;
  readonly pool: LivePool;
  /** What it takes of its share now; less than `fullWeight` while it starts slowly. */
  weight: number;
  readonly fullWeight: number;
  /** Its share may grow while it starts slowly: others in the pool bear what it leaves. */
  readonly startsSlowly: boolean;
  /** Counts as open while the pool has nobody better. */
  isForced = false;
  /** Holds as many requests as the pool allows; looked up for each pick in a pool with a limit, false elsewhere. */
  isFull = false;

  constructor(endpoint: Endpoint, pool: LivePool, weight: number, hasPeer: boolean) {
    this.endpoint = endpoint;
    this.pool = pool;
    this.weight = weight;
    this.fullWeight = weight;
    // Hashing goes by the whole weight: a share that grows would move keys about, one after the other.
    this.startsSlowly = hasPeer && pool.balance.kind !== 'hash';
  }

  get id(): string {
    return this.endpoint.id;
  }

  get isOpen(): boolean {
    return (this.isForced || this.endpoint.isOpen) && !this.isFull;
  }

  inFlight(): number {
    return this.endpoint.inFlight();
  }

  takeShare(share: number): void {
    this.weight = this.startsSlowly ? this.fullWeight * share : this.fullWeight;
  }
}

/** The endpoints of a service and the way to choose among them. */
export class LivePool {
  readonly name: string;
  readonly budget = new RetryBudget();
  /** For those who come while every endpoint is full; without `maxconn` none ever is. */
  readonly queue: PoolQueue;
  members: readonly Member[] = [];
  #maxconn: number | null;
  #balance: Balance;
  #balancer: Balancer;

  constructor(pool: SlottedPool, queues: QueueContext) {
    this.name = pool.name;
    this.#maxconn = pool.maxconn;
    this.#balance = pool.balance;
    this.#balancer = createBalancer(pool.balance);
    const take = (ask: Ask): Member | null => this.#take(ask, queues.deadlines.now);
    this.queue = new PoolQueue({ take, hasCandidate: (ask) => this.#hasCandidate(ask) }, pool.slot, queues);
  }

  get balance(): Balance {
    return this.#balance;
  }

  get maxconn(): number | null {
    return this.#maxconn;
  }

  /** A changed way of balancing starts afresh; the same way keeps its position. */
  update({ balance, maxconn }: SlottedPool): void {
    this.#maxconn = maxconn;
    if (JSON.stringify(balance) === JSON.stringify(this.#balance)) return;
    this.#balance = balance;
    this.#balancer = createBalancer(balance);
  }

  /**
   * A member whose endpoint's lease is taken, or null when the pool has none to offer, now (`queue`) or at all. The caller
   * gives the lease back exactly once. When everybody else is ejected, ejection is ignored: a wrong guess about one is
   * better than none.
   */
  acquire(ask: Ask, now: number): Member | null {
    // Nobody overtakes those who wait.
    if (this.#maxconn !== null && this.queue.size > 0) return null;
    return this.#take(ask, now);
  }

  #take(ask: Ask, now: number): Member | null {
    if (this.#maxconn !== null) return this.#takeWithin(this.#maxconn, ask, now);
    const hasClosed = this.#reopen(now);
    const picked = this.#pick(ask, hasClosed);
    if (picked < 0) return null;
    const member = this.members[picked]!;
    member.endpoint.lease();
    return member;
  }

  /** The same where each endpoint takes `maxconn` requests at most. Full ones are waited for before ejected ones are asked. */
  #takeWithin(maxconn: number, ask: Ask, now: number): Member | null {
    const hasClosed = this.#reopen(now);
    let isAnyFull = false;
    for (const member of this.members) {
      member.isFull = member.inFlight() >= maxconn;
      if (member.isFull && member.endpoint.isOpen && isWanted(member, ask)) isAnyFull = true;
    }
    for (;;) {
      const picked = this.#pick(ask, hasClosed && !isAnyFull);
      if (picked < 0) return null;
      const member = this.members[picked]!;
      if (member.endpoint.leaseWithin(maxconn)) return member;
      // Another worker was faster.
      member.isFull = true;
      isAnyFull = true;
    }
  }

  /** Ejected endpoints whose time is over are back on trial. True when some are still out. */
  #reopen(now: number): boolean {
    const { members } = this;
    let hasClosed = false;
    for (let i = 0; i < members.length; i++) {
      const { endpoint } = members[i]!;
      if (endpoint.isOpen) continue;
      endpoint.reopen(now);
      if (!endpoint.isOpen) hasClosed = true;
    }
    return hasClosed;
  }

  #pick(ask: Ask, mayIgnoreEjection: boolean): number {
    const picked = this.#balancer.pick(this.members, ask);
    if (picked >= 0 || !mayIgnoreEjection) return picked;
    for (const member of this.members) member.isForced = true;
    const forced = this.#balancer.pick(this.members, ask);
    for (const member of this.members) member.isForced = false;
    return forced;
  }

  #hasCandidate(ask: Ask): boolean {
    return this.members.some((member) => isWanted(member, ask));
  }

  /** An endpoint of this pool gave no usable answer. */
  answerFailed(endpoint: Endpoint, now: number): void {
    const closed = this.members.filter((member) => !member.endpoint.isOpen).length;
    endpoint.failed('answer', now, closed + 1 <= this.members.length * EJECT_SHARE);
  }
}

/** May serve this request, if not now. */
function isWanted(member: Member, { tried }: Ask): boolean {
  return member.weight > 0 && (tried === null || !tried.includes(member));
}
