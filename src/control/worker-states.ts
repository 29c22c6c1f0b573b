/** How far the workers have come: which of them listen, and which have finished. */
export class WorkerStates {
  readonly #count: number;
  readonly #listening = new Set<number>();
  readonly #drained = new Set<number>();
  readonly #allListen = Promise.withResolvers<void>();
  readonly #allDrained = Promise.withResolvers<void>();
  /** A listener could be bound at least once. */
  hasListened = false;

  constructor(count: number) {
    this.#count = count;
  }

  /** Resolves when every worker has bound its listeners for the first time. */
  get allListen(): Promise<void> {
    return this.#allListen.promise;
  }

  /** Resolves when no worker has anything left to finish. */
  get allDrained(): Promise<void> {
    return this.#allDrained.promise;
  }

  get doSomeListen(): boolean {
    return this.#listening.size > 0;
  }

  listens(worker: number): void {
    this.hasListened = true;
    this.#listening.add(worker);
    if (this.#listening.size === this.#count) this.#allListen.resolve();
  }

  died(worker: number): void {
    this.#listening.delete(worker);
  }

  drained(worker: number): void {
    this.#drained.add(worker);
    if (this.#drained.size >= this.#count) this.#allDrained.resolve();
  }
}
