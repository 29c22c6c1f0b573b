import { type BlockingQuery, startBlockingQuery, type WatchContext } from './blocking-query.ts';
import type { Follower } from './follower.ts';
import { healthPath, type ServiceBook } from './service-book.ts';

/** More starts than this are spread. */
const AT_ONCE = 16;
const SPREAD_MS = 200;

/** One blocking read per service: a flip is heard in a millisecond. */
export function followEach(context: WatchContext, book: ServiceBook, life: AbortSignal): Follower {
  const watches = new Map<string, { readonly query: BlockingQuery; readonly stop: AbortController }>();

  function start(name: string, startAfterMs: number): void {
    const stop = new AbortController();
    const query = startBlockingQuery(
      context,
      { path: healthPath(name), startAfterMs, accept: (read) => book.take(name, read, stop.signal) },
      stop.signal,
    );
    watches.set(name, { query, stop });
  }

  function spread(count: number): number {
    return count > AT_ONCE ? context.clock.random() * SPREAD_MS : 0;
  }

  function suspect(names: readonly string[]): void {
    for (const name of names) {
      const nudge = (): void => watches.get(name)?.query.nudge();
      const delay = spread(names.length);
      if (delay === 0) nudge();
      else void context.clock.sleep(delay, life).then(nudge);
    }
  }

  return {
    follow(names) {
      for (const [name, watch] of watches) {
        if (names.has(name)) continue;
        watch.stop.abort();
        watches.delete(name);
      }
      const added = [...names].filter((name) => !watches.has(name));
      for (const name of added) start(name, spread(added.length));
    },
    suspect,
    // Each watch hears of its own service's registrations.
    registrationsMoved() {},
    suspectAll: () => suspect([...watches.keys()]),
    watches: () => watches.size,
    stop() {
      for (const watch of watches.values()) watch.stop.abort();
      watches.clear();
    },
  };
}
