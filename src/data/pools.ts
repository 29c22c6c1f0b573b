import { type Ask, type Balancer, type Candidate, createBalancer } from '../../router/balancers.ts';
import type { Balance } from '../../router/model.ts';
import { RetryBudget } from '../../router/retry-budget.ts';
import type { SlottedPool } from '../shared/messages.ts';
import type { Endpoint } from './endpoint.ts';

/** At most this share of a pool is left out for failed answers: when most fail, the fault is likely elsewhere. */
const EJECT_SHARE = 0.5;

/** An endpoint's part in one pool; the same endpoint may weigh differently in another. */
export class Member implements Candidate {
  readonly endpoint: Endpoint;
  readonly weight: number;
  /** Counts as open while the pool has nobody better. */
  isForced = false;

  constructor(endpoint: Endpoint, weight: number) {
    this.endpoint = endpoint;
    this.weight = weight;
  }

  get id(): string {
    return this.endpoint.id;
  }

  get isOpen(): boolean {
    return this.isForced || this.endpoint.isOpen;
  }

  inFlight(): number {
    return this.endpoint.inFlight();
  }
}

/** The endpoints of a service and the way to choose among them. */
export class LivePool {
  readonly name: string;
  readonly budget = new RetryBudget();
  members: readonly Member[] = [];
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
   * A member whose endpoint's lease is taken, or null when the pool has none to offer. The caller gives the lease back
   * exactly once. When everybody else is ejected, ejection is ignored: a wrong guess about one is better than none.
   */
  acquire(ask: Ask, now: number): Member | null {
    const { members } = this;
    let hasClosed = false;
    for (let i = 0; i < members.length; i++) {
      const { endpoint } = members[i]!;
      if (endpoint.isOpen) continue;
      endpoint.reopen(now);
      if (!endpoint.isOpen) hasClosed = true;
    }
    let picked = this.#balancer.pick(members, ask);
    if (picked < 0 && hasClosed) picked = this.#pickIgnoringEjection(ask);
    if (picked < 0) return null;
    const member = members[picked]!;
    member.endpoint.lease();
    return member;
  }

  /** An endpoint of this pool gave no usable answer. */
  answerFailed(endpoint: Endpoint, now: number): void {
    const closed = this.members.filter((member) => !member.endpoint.isOpen).length;
    endpoint.failed('answer', now, closed + 1 <= this.members.length * EJECT_SHARE);
  }

  #pickIgnoringEjection(ask: Ask): number {
    for (const member of this.members) member.isForced = true;
    const picked = this.#balancer.pick(this.members, ask);
    for (const member of this.members) member.isForced = false;
    return picked;
  }
}
