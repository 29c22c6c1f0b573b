import { fullJitter } from '../backoff.ts';
import type { WatchContext } from './blocking-query.ts';
import { BadAnswer, type Fault, fault, isShared, Unconfirmed } from './fault.ts';
import { healthPath, type ServiceBook } from './service-book.ts';

/** Plain reads of single services, coalesced and bounded. A failed one is repeated until it succeeds. */
export interface Refetcher {
  /** `urgent` ones overtake the routine. */
  add(names: Iterable<string>, urgent: boolean): void;
  /** Reads that wait or run. */
  load(): number;
}

const BACKOFF_BASE_MS = 100;
const BACKOFF_CAP_MS = 1500;

/** Starts reading as soon as something is added, `parallel` services at a time. */
export function createRefetcher(
  context: WatchContext,
  book: ServiceBook,
  parallel: number,
  isFollowed: (name: string) => boolean,
  signal: AbortSignal,
): Refetcher {
  const urgentNames = new Set<string>();
  const routineNames = new Set<string>();
  const busy = new Set<string>();
  const failures = new Map<string, number>();

  function take(): string | null {
    for (const names of [urgentNames, routineNames]) {
      for (const name of names) {
        // One that is being read stays queued: the change may have come after that read.
        if (busy.has(name)) continue;
        urgentNames.delete(name);
        routineNames.delete(name);
        if (isFollowed(name)) return name;
      }
    }
    return null;
  }

  function pump(): void {
    while (!signal.aborted && busy.size < parallel) {
      const name = take();
      if (name === null) return;
      busy.add(name);
      void fetch(name).finally(() => {
        busy.delete(name);
        pump();
      });
    }
  }

  async function fetch(name: string): Promise<void> {
    await context.gate.pass(signal);
    if (signal.aborted) return;
    const path = healthPath(name);
    const result = await context.client.read(path, { signal });
    context.gate.report(result);
    const cause = result.kind === 'error' ? result : await taken(name, result);
    if (cause === null) {
      failures.delete(name);
      context.onAnswer(path);
    } else if (cause.code !== 'aborted') retry(name, path, cause);
  }

  async function taken(name: string, read: Parameters<ServiceBook['take']>[1]): Promise<Fault | null> {
    try {
      if ((await book.take(name, read, signal)) === 'reread') urgentNames.add(name);
      return null;
    } catch (error) {
      if (error instanceof Unconfirmed) return error.fault;
      return fault('bad_answer', error instanceof BadAnswer ? error.message : String((error as Error).stack));
    }
  }

  /** Does not occupy a place while it waits. */
  function retry(name: string, path: string, cause: Fault): void {
    if (!isFollowed(name)) return void failures.delete(name);
    const count = (failures.get(name) ?? 0) + 1;
    failures.set(name, count);
    context.onFault(path, cause, count);
    const delay =
      isShared(cause.code) && count === 1
        ? 0
        : fullJitter(count - 1, BACKOFF_BASE_MS, BACKOFF_CAP_MS, context.clock.random);
    void context.clock.sleep(delay, signal).then(() => {
      urgentNames.add(name);
      pump();
    });
  }

  return {
    add(names, urgent) {
      const queue = urgent ? urgentNames : routineNames;
      for (const name of names) queue.add(name);
      pump();
    },
    load: () => urgentNames.size + routineNames.size + busy.size,
  };
}
