import type { Blocked } from './read.ts';
import { type PathScope, within } from './scope.ts';

interface Query {
  readonly path: string;
  readonly nudge: AbortController;
}

/** The blocking queries that are open now. */
export class BlockedQueries implements Blocked {
  readonly #open = new Set<Query>();
  readonly #watchers = new Set<() => void>();

  enter(path: string): { readonly nudge: AbortSignal; readonly leave: () => void } {
    const query: Query = { path, nudge: new AbortController() };
    this.#open.add(query);
    for (const look of [...this.#watchers]) look();
    return { nudge: query.nudge.signal, leave: () => this.#open.delete(query) };
  }

  count(path?: PathScope): number {
    return [...this.#open].filter((query) => within(path, query.path)).length;
  }

  /** Lets open queries answer now, whether or not something changed: an early return. */
  release(path?: PathScope): void {
    for (const query of [...this.#open]) if (within(path, query.path)) query.nudge.abort();
  }

  /** Resolves once at least `count` queries are open. */
  whenOpen(count: number, path?: PathScope): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const look = (): void => {
      if (this.count(path) < count) return;
      this.#watchers.delete(look);
      resolve();
    };
    this.#watchers.add(look);
    look();
    return promise;
  }
}
