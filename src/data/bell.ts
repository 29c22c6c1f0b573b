import type { QueueCounters } from '../shared/queue-counters.ts';
import type { PoolQueue } from './queue.ts';

/** Wakes the queues of this worker when another one has left a lease to them. */
export class Bell {
  readonly #counters: QueueCounters;
  readonly #worker: number;
  /** In which somebody waits. */
  readonly #queues = new Set<PoolQueue>();
  #isListening = false;

  constructor(counters: QueueCounters, worker: number) {
    this.#counters = counters;
    this.#worker = worker;
  }

  listenFor(queue: PoolQueue): void {
    this.#queues.add(queue);
    if (!this.#isListening) void this.#listen();
  }

  forget(queue: PoolQueue): void {
    this.#queues.delete(queue);
  }

  /** Ends with the first ring that finds nobody; until then one promise is open, which keeps nothing alive. */
  async #listen(): Promise<void> {
    this.#isListening = true;
    let rings = this.#counters.rings(this.#worker);
    while (this.#queues.size > 0) {
      await this.#counters.rung(this.#worker, rings);
      // Read before looking: a ring from now on is another one.
      rings = this.#counters.rings(this.#worker);
      for (const queue of this.#queues) queue.wake();
    }
    this.#isListening = false;
  }
}
