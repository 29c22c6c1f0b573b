import { type QueueCounters, QueueTotal } from '../shared/queue-counters.ts';
import { Slots } from './slots.ts';

/** For the pools that came when there were no rows left: they share one. */
const SHARED = 0;

/** Which row of the shared counters belongs to the queue of which pool, and what is in it. */
export class PoolSlots {
  readonly #counters: QueueCounters;
  readonly #slots: Slots;

  constructor(counters: QueueCounters) {
    this.#counters = counters;
    this.#slots = new Slots(SHARED + 1, counters.slots);
  }

  take(name: string): number {
    return this.#slots.take(name) ?? SHARED;
  }

  /** Workers hear of the pools in order: whoever gets the row next comes after the end of this one. */
  drop(name: string): void {
    const slot = this.#slots.detach(name);
    if (slot === undefined) return;
    this.#counters.clearSlot(slot);
    this.#slots.free(slot);
  }

  /** Who waits for a pool, over all workers, and how often waiting was in vain. */
  read(name: string): { readonly waiting: number; readonly timeouts: number; readonly overflows: number } {
    const slot = this.#slots.get(name) ?? SHARED;
    return {
      waiting: this.#counters.waiting(slot),
      timeouts: this.#counters.total(slot, QueueTotal.timeouts),
      overflows: this.#counters.total(slot, QueueTotal.overflows),
    };
  }
}
