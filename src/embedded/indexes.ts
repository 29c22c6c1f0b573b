/** Where a fresh agent's index stands once it has registered itself; also where a wiped one starts again. */
const FIRST_INDEX = 10;

/** A blocking read: answered once `index()` exceeds `above`. */
export interface Wait {
  readonly topics: readonly string[];
  readonly above: number;
  readonly index: () => number;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/**
 * Raft-like indexes: one number that only grows, and for each topic (a service, a table) the value it had
 * when that topic last changed. Blocking reads sleep on their topics, so a change wakes only who watches it.
 */
export class Indexes {
  #current = FIRST_INDEX;
  readonly #topics = new Map<string, number>();
  readonly #sleepers = new Map<string, Set<() => void>>();
  readonly #dirty = new Set<string>();

  get current(): number {
    return this.#current;
  }

  /** What the coming commit will be numbered, so that entries can be written before it. */
  get next(): number {
    return this.#current + 1;
  }

  /** The topic's last change; 0 when it never changed or is forgotten. */
  of(topic: string): number {
    return this.#topics.get(topic) ?? 0;
  }

  /** Moves the topics to a new index and wakes their readers, after the caller has finished its change. */
  commit(topics: Iterable<string>, wakeOnly: Iterable<string> = []): number {
    this.#current += 1;
    for (const topic of topics) {
      this.#topics.set(topic, this.#current);
      this.#markDirty(topic);
    }
    for (const topic of wakeOnly) this.#markDirty(topic);
    return this.#current;
  }

  forget(topic: string): void {
    this.#topics.delete(topic);
  }

  /** Topics that readers sleep on now. */
  watched(): Iterable<string> {
    return this.#sleepers.keys();
  }

  /** Starts again low, as a server does that lost its data. Sleeping readers keep sleeping. */
  restart(): void {
    this.#current = FIRST_INDEX;
    this.#topics.clear();
  }

  /** Resolves when the index has moved, the time is over, somebody nudges, or the reader went away. */
  wait(read: Wait, nudge: AbortSignal): Promise<void> {
    if (read.index() > read.above || read.signal.aborted || nudge.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        for (const topic of read.topics) this.#remove(topic, woken);
        read.signal.removeEventListener('abort', done);
        nudge.removeEventListener('abort', done);
        resolve();
      };
      const woken = (): void => {
        if (read.index() > read.above) done();
      };
      const timer = setTimeout(done, read.timeoutMs);
      for (const topic of read.topics) this.#add(topic, woken);
      read.signal.addEventListener('abort', done, { once: true });
      nudge.addEventListener('abort', done, { once: true });
    });
  }

  #markDirty(topic: string): void {
    if (this.#dirty.size === 0) queueMicrotask(() => this.#wake());
    this.#dirty.add(topic);
  }

  #wake(): void {
    const topics = [...this.#dirty];
    this.#dirty.clear();
    for (const topic of topics) for (const woken of [...(this.#sleepers.get(topic) ?? [])]) woken();
  }

  #add(topic: string, woken: () => void): void {
    const sleepers = this.#sleepers.get(topic);
    if (sleepers) sleepers.add(woken);
    else this.#sleepers.set(topic, new Set([woken]));
  }

  #remove(topic: string, woken: () => void): void {
    const sleepers = this.#sleepers.get(topic);
    sleepers?.delete(woken);
    if (sleepers?.size === 0) this.#sleepers.delete(topic);
  }
}
