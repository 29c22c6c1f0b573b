import { followTogether } from '../../control/providers/aggregate.ts';
import {
  type BlockingQuery,
  startBlockingQuery,
  type WatchContext,
} from '../../control/providers/blocking-query.ts';
import type { Log } from '../../control/providers/fault-log.ts';
import type { Follower } from '../../control/providers/follower.ts';
import { followEach } from '../../control/providers/per-service.ts';
import { changedNames, readServicesList, type ServicesList } from '../../control/providers/services-list.ts';
import type { CatalogSource } from './catalog-source.ts';
import type { Entry } from './read-service.ts';
import { createServiceEntries } from './service-entries.ts';

export interface ConsulServicesOptions {
  readonly context: WatchContext;
  /** Connections that may be held open for services. */
  readonly budget: () => number;
  readonly log: Log;
}

/** As many as leave the aggregate mode again, so that it does not flap. */
const RETURN_BELOW = 0.8;

/**
 * Instances of services, read from Consul: one blocking read each while there are connections for that, else a few
 * reads that tell which of all services have changed.
 */
export class ConsulServices implements CatalogSource {
  readonly #options: ConsulServicesOptions;
  readonly #signal: AbortSignal;
  readonly #book: ReturnType<typeof createServiceEntries>;
  #follower: Follower;
  #isTogether = false;
  #followed: ReadonlySet<string> = new Set();
  /** Announces registrations to a follower that reads all together. */
  #list: { readonly watch: BlockingQuery; readonly stop: AbortController } | null = null;

  constructor(
    options: ConsulServicesOptions,
    onEntries: (name: string, entries: readonly Entry[]) => void,
    signal: AbortSignal,
  ) {
    this.#options = options;
    this.#signal = signal;
    this.#book = createServiceEntries(options.context, onEntries);
    this.#follower = followEach(options.context, this.#book, signal);
  }

  follow(names: ReadonlySet<string>): void {
    for (const name of this.#followed) if (!names.has(name)) this.#book.drop(name);
    this.#followed = names;
    this.#choose(names.size);
    this.#follower.follow(names);
  }

  suspectAll(): void {
    this.#follower.suspectAll();
    this.#list?.watch.nudge();
  }

  stop(): void {
    this.#follower.stop();
    this.#list?.stop.abort();
  }

  #choose(count: number): void {
    const budget = Math.max(1, this.#options.budget());
    const isTogether = this.#isTogether ? count >= budget * RETURN_BELOW : count > budget;
    if (isTogether === this.#isTogether) return;
    const { context, log } = this.#options;
    log.info({ services: count, budget, together: isTogether }, 'consul watch mode changes');
    this.#isTogether = isTogether;
    this.stop();
    this.#list = isTogether ? this.#watchList() : null;
    this.#follower = isTogether
      ? followTogether(context, this.#book, budget, this.#signal)
      : followEach(context, this.#book, this.#signal);
  }

  #watchList(): { readonly watch: BlockingQuery; readonly stop: AbortController } {
    const stop = new AbortController();
    let known: ServicesList | null = null;
    let seen = 0;
    const watch = startBlockingQuery(
      this.#options.context,
      {
        path: '/v1/catalog/services',
        accept: (read) => {
          const list = readServicesList(read.body ?? Buffer.alloc(0));
          const before = known;
          known = list;
          if (before !== null) this.#follower.registrationsMoved(changedNames(before, list));
          return 'accepted';
        },
        moved: (index) => {
          if (seen !== 0 && index !== seen) this.#follower.registrationsMoved([]);
          seen = index;
        },
      },
      stop.signal,
    );
    return { watch, stop };
  }
}
