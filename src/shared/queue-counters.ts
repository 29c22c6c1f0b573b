/**
 * Shared memory of the queues: who waits for which pool, and how often waiting was in vain; one row per pool, one column per
 * worker. Workers also have a bell each, which another worker rings when it has left something for them.
 */

/** Rows for pools. Untouched rows cost address space only. */
const POOL_SLOTS = 65_536;

export interface QueuesLayout {
  readonly workers: number;
  readonly waiting: SharedArrayBuffer;
  readonly totals: SharedArrayBuffer;
  readonly bells: SharedArrayBuffer;
}

export function createQueuesLayout(workers: number): QueuesLayout {
  return {
    workers,
    waiting: new SharedArrayBuffer(POOL_SLOTS * workers * 4),
    totals: new SharedArrayBuffer(POOL_SLOTS * workers * QueueTotal.count * 8),
    bells: new SharedArrayBuffer(workers * 4),
  };
}

/** Monotonic numbers of one queue: who waited too long, and who found it full. */
export const QueueTotal = { timeouts: 0, overflows: 1, count: 2 } as const;

export class QueueCounters {
  readonly #workers: number;
  readonly #waiting: Int32Array;
  readonly #totals: Float64Array;
  readonly #bells: Int32Array;

  constructor(layout: QueuesLayout) {
    this.#workers = layout.workers;
    this.#waiting = new Int32Array(layout.waiting);
    this.#totals = new Float64Array(layout.totals);
    this.#bells = new Int32Array(layout.bells);
  }

  get slots(): number {
    return POOL_SLOTS;
  }

  addWaiting(slot: number, worker: number, by: 1 | -1): void {
    Atomics.add(this.#waiting, slot * this.#workers + worker, by);
  }

  /** Over all workers. */
  waiting(slot: number): number {
    const at = slot * this.#workers;
    let sum = 0;
    for (let i = 0; i < this.#workers; i++) sum += Atomics.load(this.#waiting, at + i);
    return sum;
  }

  /** The next worker after this one, itself last, in which somebody waits; -1 when nobody does. */
  nextWaiting(slot: number, worker: number): number {
    const at = slot * this.#workers;
    for (let i = 1; i <= this.#workers; i++) {
      const next = (worker + i) % this.#workers;
      if (Atomics.load(this.#waiting, at + next) > 0) return next;
    }
    return -1;
  }

  add(slot: number, worker: number, total: number): void {
    this.#totals[(slot * this.#workers + worker) * QueueTotal.count + total]!++;
  }

  total(slot: number, total: number): number {
    let sum = 0;
    for (let i = 0; i < this.#workers; i++) {
      sum += this.#totals[(slot * this.#workers + i) * QueueTotal.count + total]!;
    }
    return sum;
  }

  ring(worker: number): void {
    Atomics.add(this.#bells, worker, 1);
    Atomics.notify(this.#bells, worker);
  }

  /** How often this worker's bell was rung. */
  rings(worker: number): number {
    return Atomics.load(this.#bells, worker);
  }

  /** Resolves at the next ring after `rings`; true at once when it has been. */
  rung(worker: number, rings: number): true | Promise<unknown> {
    const { async, value } = Atomics.waitAsync(this.#bells, worker, rings);
    return async ? value : true;
  }

  /** In a dead worker nobody waits. Its totals stay. */
  clearColumn(worker: number): void {
    for (let slot = 0; slot < POOL_SLOTS; slot++) {
      const at = slot * this.#workers + worker;
      if (this.#waiting[at] !== 0) Atomics.store(this.#waiting, at, 0);
    }
  }

  /** Before a slot is given to another pool. */
  clearSlot(slot: number): void {
    const at = slot * this.#workers;
    this.#totals.fill(0, at * QueueTotal.count, (at + this.#workers) * QueueTotal.count);
  }
}
