import type { Ask } from '../../../router/balancers.ts';
import type { Endpoint } from '../endpoint.ts';
import type { Engine } from '../engine.ts';
import type { LiveRoute } from '../live-table.ts';
import type { Member } from '../pools.ts';
import type { GaveUp, PoolQueue, Waiter } from '../queue.ts';

/** Attempts after the first, where a route does not say. */
const DEFAULT_RETRIES = 2;

/** The stream that asks. Each `next` is answered by one of these, at once or when its turn has come. */
export interface StreamAttemptsUser {
  /** Here is somebody to connect to, leased. */
  onEndpoint(endpoint: Endpoint): void;
  onGaveUp(reason: GaveUp): void;
}

/** Which instances one stream is tried on: one after the other, each with a lease, waiting where all are full. */
export class StreamAttempts implements Waiter {
  ask: Ask;
  /** Attempts after the first. */
  retries = 0;
  readonly #route: LiveRoute;
  readonly #engine: Engine;
  readonly #user: StreamAttemptsUser;
  /** Leased now. */
  #member: Member | null = null;
  #tried: Member[] | null = null;
  /** Where it waits for a lease. */
  #queue: PoolQueue | null = null;

  constructor(user: StreamAttemptsUser, route: LiveRoute, client: string, engine: Engine) {
    this.#user = user;
    this.#route = route;
    this.#engine = engine;
    const key = route.live.pool?.balance.kind === 'hash' ? client : null;
    this.ask = { random: Math.random, key, tried: null };
  }

  /** Takes a lease; waits for its turn while every endpoint is full. True when it waits. */
  next(): boolean {
    const { pool } = this.#route.live;
    if (pool === null) return this.#giveUp('no_healthy_instance');
    const member = pool.acquire(this.ask, this.#engine.deadlines.now);
    if (member !== null) {
      this.onTurn(member);
      return false;
    }
    const refusal = pool.queue.enter(this);
    if (refusal !== null) return this.#giveUp(refusal);
    this.#queue = pool.queue;
    return true;
  }

  #giveUp(reason: GaveUp): false {
    this.onGaveUp(reason);
    return false;
  }

  onTurn(member: Member): void {
    this.#queue = null;
    this.#member = member;
    if (this.#tried === null) {
      this.#route.live.pool!.budget.earn();
    } else {
      this.retries++;
      this.#engine.recorder.retry(this.#route.slot);
    }
    this.#user.onEndpoint(member.endpoint);
  }

  onGaveUp(reason: GaveUp): void {
    this.#queue = null;
    this.#user.onGaveUp(reason);
  }

  /** It is connected. */
  succeeded(): void {
    this.#member!.endpoint.succeeded();
  }

  /** It could not be connected. True when another attempt may follow. */
  failed(): boolean {
    const { live, options } = this.#route;
    const member = this.#member!;
    member.endpoint.failed('connect', this.#engine.deadlines.now);
    this.release();
    if (this.retries >= (options.retry ?? DEFAULT_RETRIES) || live.pool?.budget.spend() === false)
      return false;
    this.#tried = [...(this.#tried ?? []), member];
    this.ask = { ...this.ask, tried: this.#tried };
    return true;
  }

  /** Gives the lease back, or the place in the queue; once is enough, more does no harm. */
  release(): void {
    this.#queue?.leave(this);
    this.#queue = null;
    const member = this.#member;
    this.#member = null;
    member?.endpoint.release();
  }
}
