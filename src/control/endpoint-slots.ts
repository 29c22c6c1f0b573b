import { Slots } from './slots.ts';

/**
 * Which row of the shared counters belongs to which endpoint. A row outlives its endpoint's last pool: requests may still
 * be in flight, and the endpoint may come back meanwhile and must find its counts. It is used again once every worker has
 * let go.
 */
export class EndpointSlots {
  readonly #slots: Slots;
  readonly #workers: number;
  readonly #onFree: (slot: number) => void;
  readonly #idsOfPool = new Map<string, readonly string[]>();
  readonly #uses = new Map<string, number>();
  /** Workers that have let go of an endpoint that no pool contains. */
  readonly #releasedBy = new Map<number, Set<number>>();

  constructor(limit: number, workers: number, onFree: (slot: number) => void) {
    this.#slots = new Slots(0, limit);
    this.#workers = workers;
    this.#onFree = onFree;
  }

  /** Endpoints that have a row, departing ones included. */
  get size(): number {
    return this.#slots.size;
  }

  /** The endpoint's row; null when there are no more. */
  take(id: string): number | null {
    const slot = this.#slots.take(id);
    if (slot === null) return null;
    this.#releasedBy.delete(slot);
    return slot;
  }

  get(id: string): number | undefined {
    return this.#slots.get(id);
  }

  /** A pool consists of these endpoints now; of none when it is gone. */
  setPool(name: string, ids: readonly string[]): void {
    for (const id of ids) this.#uses.set(id, (this.#uses.get(id) ?? 0) + 1);
    for (const id of this.#idsOfPool.get(name) ?? []) this.#unuse(id);
    if (ids.length > 0) this.#idsOfPool.set(name, ids);
    else this.#idsOfPool.delete(name);
  }

  /** Endpoints that left their last pool and still have work. */
  departing(): string[] {
    return [...this.#slots.entries()].map(([id]) => id).filter((id) => !this.#uses.has(id));
  }

  released(worker: number, slots: readonly number[]): void {
    for (const slot of slots) this.#release(worker, slot);
  }

  /** A worker died: it holds nothing any more, and the one after it never heard of what is departing. */
  workerGone(worker: number): void {
    for (const id of this.departing()) this.#release(worker, this.#slots.get(id)!);
  }

  #unuse(id: string): void {
    const uses = this.#uses.get(id)! - 1;
    if (uses > 0) this.#uses.set(id, uses);
    else this.#uses.delete(id);
  }

  #release(worker: number, slot: number): void {
    const id = this.#slots.nameOf(slot);
    // It came back while the message was under way.
    if (id === undefined || this.#uses.has(id)) return;
    let released = this.#releasedBy.get(slot);
    if (!released) {
      released = new Set();
      this.#releasedBy.set(slot, released);
    }
    released.add(worker);
    if (released.size < this.#workers) return;
    this.#releasedBy.delete(slot);
    this.#slots.detach(id);
    this.#onFree(slot);
    this.#slots.free(slot);
  }
}
