import { startBlockingQuery, type WatchContext } from './blocking-query.ts';
import { type Checks, readChecks, touchedBy } from './checks.ts';
import type { Follower } from './follower.ts';
import { createRefetcher } from './refetch.ts';
import type { ServiceBook } from './service-book.ts';
import { createSurvey, SURVEY_PATH } from './survey.ts';

const STATES = ['critical', 'warning'] as const;

const statePath = (state: (typeof STATES)[number]): string => `/v1/health/state/${state}`;

/** What is read besides the services themselves. */
export const CHECK_PATHS: readonly string[] = [...STATES.map(statePath), SURVEY_PATH];

const PARALLEL = 16;
const TICK_MS = 100;
/** Flips of all services come through one watch: gathered for this long when they come without pause. */
const FLOOR_MS = 50;
/** Ticks of a full round when nothing hints at a change: 50 s. */
const SLOW_ROUND_TICKS = 500;
/** Reads per tick after a registration: 200 a second. */
const FAST_PER_TICK = 20;

/**
 * Follows any number of services over a handful of connections.
 *
 * A change of health makes a check enter or leave the lists of critical and warning checks. Those two lists are
 * watched instead of the list of all checks: they are short where that one has megabytes, and Consul wakes the
 * reader only for them. The services concerned are then read again, each by a plain read.
 *
 * Registrations are announced by the services list. Its entries tell changed names and tags; one survey of all
 * checks tells which services gained or lost instances that have checks; what neither shows (an instance without
 * checks, another address, port or weight) is found by reading every service again: within seconds after a
 * registration, and within a minute without any hint.
 */
export function followTogether(
  context: WatchContext,
  book: ServiceBook,
  connections: number,
  life: AbortSignal,
): Follower {
  const own = new AbortController();
  const signal = own.signal;
  const stop = (): void => own.abort();
  life.addEventListener('abort', stop, { once: true });

  let followed: ReadonlySet<string> = new Set();
  let names: readonly string[] = [];
  /** Services read before the lists of checks were known could miss a flip in between. */
  let begun = false;
  let sweepLeft = 0;

  const refetcher = createRefetcher(
    context,
    book,
    Math.max(1, Math.min(PARALLEL, connections)),
    (name) => followed.has(name),
    signal,
  );
  const survey = createSurvey(context, (changed) => refetcher.add(changed, true), signal);
  let baselines = 0;

  function begin(): void {
    begun = true;
    refetcher.add(followed, true);
  }

  function watchChecks(state: (typeof STATES)[number]): void {
    let known: Checks | null = null;
    const path = statePath(state);
    const onFault: WatchContext['onFault'] = (...args) => {
      context.onFault(...args);
      // Flips may be late without this list; that is no reason to know nothing.
      if (!begun) begin();
    };
    startBlockingQuery(
      { ...context, onFault },
      {
        path,
        floorMs: FLOOR_MS,
        accept(read) {
          const checks = readChecks(read.body ?? Buffer.alloc(0));
          const before = known;
          known = checks;
          if (before === null) {
            baselines += 1;
            if (baselines === STATES.length) begin();
            return 'accepted';
          }
          const touched = touchedBy(before, checks);
          refetcher.add(touched.services, true);
          for (const node of touched.nodes) refetcher.add(book.onNode(node), true);
          return 'accepted';
        },
      },
      signal,
    );
  }

  async function refreshSlowly(): Promise<void> {
    let cursor = 0;
    let due = 0;
    while (!signal.aborted) {
      await context.clock.sleep(TICK_MS, signal);
      if (!begun || !context.gate.isOpen() || refetcher.load() > FAST_PER_TICK) continue;
      due += names.length / SLOW_ROUND_TICKS;
      if (sweepLeft > 0) due = Math.max(due, Math.min(FAST_PER_TICK, sweepLeft));
      const count = Math.min(Math.floor(due), names.length);
      const batch = Array.from({ length: count }, (_, i) => names[(cursor + i) % names.length] as string);
      cursor = names.length === 0 ? 0 : (cursor + count) % names.length;
      due -= count;
      sweepLeft = Math.max(0, sweepLeft - count);
      refetcher.add(batch, false);
    }
  }

  for (const state of STATES) watchChecks(state);
  survey.request();
  void refreshSlowly();

  return {
    follow(wanted) {
      const added = [...wanted].filter((name) => !followed.has(name));
      followed = new Set(wanted);
      names = [...wanted];
      if (begun) refetcher.add(added, true);
    },
    suspect: (some) => refetcher.add(some, true),
    suspectAll: () => refetcher.add(followed, true),
    registrationsMoved(changed) {
      refetcher.add(changed, true);
      sweepLeft = names.length;
      survey.request();
    },
    watches: () => STATES.length,
    stop() {
      life.removeEventListener('abort', stop);
      own.abort();
    },
  };
}
