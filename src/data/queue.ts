import type { Ask } from '../../router/balancers.ts';
import { type QueueCounters, QueueTotal } from '../shared/queue-counters.ts';
import type { Bell } from './bell.ts';
import type { Deadlines, Timed } from './deadlines.ts';
import type { Member } from './pools.ts';

/** Somebody who needs a lease and can wait for it: a request, or a connection. */
export interface Waiter {
  /** Whom it wants; unchanged while it waits. */
  readonly ask: Ask;
  /** Its lease is taken; it gives it back once. */
  onTurn(member: Member): void;
  onGaveUp(reason: GaveUp): void;
}

export type GaveUp =
  /** Too many wait, or it has waited for too long. */
  | 'overloaded'
  /** There is nobody left to wait for. */
  | 'no_healthy_instance'
  /** The pool itself is gone; another one may have taken its place. */
  | 'pool_gone';

/** What a queue waits for. */
interface Source {
  /** A leased member, or null while all that could serve are full. */
  take(ask: Ask): Member | null;
  /** Whether waiting can help. */
  hasCandidate(ask: Ask): boolean;
}

export interface QueueContext {
  readonly counters: QueueCounters;
  readonly worker: number;
  readonly bell: Bell;
  readonly deadlines: Deadlines;
  /** Places in one queue. */
  readonly places: number;
  readonly waitMs: number;
}

/**
 * The queue of a pool in one worker, for when all endpoints are full: first come, first served. It looks whether there is
 * room when a lease comes back here, when another worker rings because it leaves one to us, and with every sweep of the
 * deadlines, for whatever nobody told. Costs nothing while it is empty.
 */
export class PoolQueue implements Timed {
  deadline = 0;
  deadlineIndex = -1;
  readonly #source: Source;
  readonly #slot: number;
  readonly #context: QueueContext;
  /** In the order they came, with the time until which they wait. */
  readonly #waiters = new Map<Waiter, number>();
  #isWoken = false;

  constructor(source: Source, slot: number, context: QueueContext) {
    this.#source = source;
    this.#slot = slot;
    this.#context = context;
  }

  get size(): number {
    return this.#waiters.size;
  }

  /** The waiter is told its turn later; or why it may not wait, as the result. */
  enter(waiter: Waiter): GaveUp | null {
    const { counters, worker, bell, deadlines, places, waitMs } = this.#context;
    if (!this.#source.hasCandidate(waiter.ask)) return 'no_healthy_instance';
    if (this.#waiters.size >= places) {
      counters.add(this.#slot, worker, QueueTotal.overflows);
      return 'overloaded';
    }
    if (this.#waiters.size === 0) {
      this.deadline = 0;
      deadlines.add(this);
      bell.listenFor(this);
    }
    this.#waiters.set(waiter, deadlines.now + waitMs);
    counters.addWaiting(this.#slot, worker, 1);
    // A lease may have come back elsewhere before anybody there could see that we wait.
    this.wake();
    return null;
  }

  /** Does no harm when it does not wait any more. */
  leave(waiter: Waiter): void {
    if (!this.#waiters.delete(waiter)) return;
    const { counters, worker, bell, deadlines } = this.#context;
    counters.addWaiting(this.#slot, worker, -1);
    if (this.#waiters.size > 0) return;
    deadlines.remove(this);
    bell.forget(this);
  }

  /** A lease has come back here. Workers with waiters take turns: else the one that holds a lease would never let go. */
  freed(): void {
    const { counters, worker } = this.#context;
    const next = counters.nextWaiting(this.#slot, worker);
    if (next === worker) this.wake();
    else if (next >= 0) counters.ring(next);
  }

  /** Looks again, after whatever runs now: leases come back in the middle of things. */
  wake(): void {
    if (this.#isWoken || this.#waiters.size === 0) return;
    this.#isWoken = true;
    queueMicrotask(() => {
      this.#isWoken = false;
      this.#serve();
    });
  }

  #serve(): void {
    for (const waiter of this.#waiters.keys()) {
      const { ask } = waiter;
      const member = this.#source.take(ask);
      if (member !== null) {
        this.leave(waiter);
        waiter.onTurn(member);
      } else if (!this.#source.hasCandidate(ask)) {
        this.#giveUp(waiter, 'no_healthy_instance');
      } else if (ask.tried === null) {
        // Nobody behind it can do better. One that was somewhere already wants less than those behind it.
        return;
      }
    }
  }

  expire(now: number): void {
    this.#serve();
    for (const [waiter, until] of this.#waiters) {
      if (until > now) break;
      this.#context.counters.add(this.#slot, this.#context.worker, QueueTotal.timeouts);
      this.#giveUp(waiter, 'overloaded');
    }
    this.deadline = 0;
  }

  /** The pool is gone. */
  close(): void {
    for (const waiter of this.#waiters.keys()) this.#giveUp(waiter, 'pool_gone');
  }

  #giveUp(waiter: Waiter, reason: GaveUp): void {
    this.leave(waiter);
    waiter.onGaveUp(reason);
  }
}
