import { setMaxListeners } from 'node:events';
import type { ConsulConfig } from '../../config/config.ts';
import { type Clock, systemClock } from '../../control/providers/clock.ts';
import type { Log } from '../../control/providers/fault-log.ts';
import { healthPath } from '../../control/providers/service-book.ts';
import type { Value } from '../template/values.ts';
import { Answers } from './answers.ts';
import type { CatalogSource, StartCatalogSource } from './catalog-source.ts';
import { type ConsulLink, openConsul } from './consul-link.ts';
import { ConsulServices } from './consul-services.ts';
import { wholeService } from './parse-query.ts';
import { pathOf } from './path.ts';
import { isConsulQuery, isPlainService, type Query, type ServiceQuery } from './query.ts';
import { type Entry, pick } from './read-service.ts';
import { watchElsewhere } from './watch-elsewhere.ts';
import { type QueryWatch, watchQuery } from './watch-query.ts';

export interface DependencyOptions {
  readonly config: ConsulConfig;
  readonly log: Log;
  /** Counts faults by kind. */
  readonly onError: (kind: string) => void;
  /** These queries, by id, have another answer than before. */
  readonly onChange: (ids: ReadonlySet<string>) => void;
  /** Gives the instances of services; Consul is read unless given. */
  readonly catalog?: StartCatalogSource;
  /** Where confd's keys are, if they are in Redis. */
  readonly redisUrl?: string | null;
  /** Failures in a row after which `onGaveUp` is told; for ever unless given. */
  readonly attempts?: number | null;
  readonly onGaveUp?: (reason: string) => void;
  readonly clock?: Clock;
}

/** What renderers ask. */
export interface DependencyReader {
  /** The last answer; undefined before the first. */
  recall(query: Query): Value;
  /** What this one needs from now on; what nobody needs any more is let go. */
  use(owner: object, queries: ReadonlyMap<string, Query>): void;
}

/** One loss of memory is noticed by many watches. */
const SUSPECT_EVERY_MS = 5_000;

/** One watched query, for people. */
export interface DependencyState {
  readonly id: string;
  readonly isAnswered: boolean;
  /** Why it cannot be read now; its last answer stays. */
  readonly trouble: string | null;
}

interface Watch {
  readonly query: Query;
  readonly stop: AbortController;
  readonly running: QueryWatch | null;
  trouble: string | null;
}

/** All that the templates of this process depend on: one watch for each distinct query. */
export class Dependencies implements DependencyReader {
  readonly #options: DependencyOptions;
  readonly #clock: Clock;
  readonly #life = new AbortController();
  readonly #answers: Answers;
  readonly #consul: ConsulLink;
  readonly #catalog: CatalogSource;
  readonly #watches = new Map<string, Watch>();
  readonly #users = new Map<object, ReadonlyMap<string, Query>>();
  /** Queries that are picked from the instances of a service, by its name. */
  readonly #picks = new Map<string, Map<string, ServiceQuery>>();
  readonly #entries = new Map<string, readonly Entry[]>();
  readonly #startedAt: number;
  #suspectedAt = Number.NEGATIVE_INFINITY;

  constructor(options: DependencyOptions) {
    const clock = options.clock ?? systemClock;
    const { signal } = this.#life;
    // Every watch listens on it.
    setMaxListeners(0, signal);
    this.#options = options;
    this.#clock = clock;
    this.#startedAt = clock.now();
    const isAwaiting = (): boolean => this.#isAwaiting();
    this.#answers = new Answers({ clock, isAwaiting, onChange: options.onChange }, signal);
    const { config, log, onError, attempts = null, onGaveUp = () => {} } = options;
    const onLostMemory = (): void => this.#lostMemory();
    this.#consul = openConsul({ config, log, clock, onError, onLostMemory, attempts, onGaveUp }, signal);
    const onEntries = (name: string, entries: readonly Entry[]): void => this.#onEntries(name, entries);
    const { context } = this.#consul;
    const budget = (): number => config.connections - this.#blocking();
    this.#catalog =
      options.catalog?.(onEntries, signal) ?? new ConsulServices({ context, budget, log }, onEntries, signal);
  }

  recall(query: Query): Value {
    return this.#answers.get(query.id);
  }

  use(owner: object, queries: ReadonlyMap<string, Query>): void {
    if (this.#life.signal.aborted) return;
    this.#users.set(owner, queries);
    const wanted = new Map<string, Query>();
    for (const used of this.#users.values()) for (const [id, query] of used) wanted.set(id, query);
    let isCatalogMoved = false;
    for (const [id, { query }] of this.#watches) {
      if (wanted.has(id)) continue;
      isCatalogMoved ||= isPlainService(query);
      this.#release(id);
    }
    for (const [id, query] of wanted) {
      if (this.#watches.has(id)) continue;
      isCatalogMoved ||= isPlainService(query);
      this.#start(query);
    }
    if (isCatalogMoved) this.#catalog.follow(new Set(this.#picks.keys()));
  }

  /** Watches these services so that their instances can be counted. */
  count(services: Iterable<string>): void {
    this.use(
      this,
      new Map([...services].map((name) => wholeService(name, '', false)).map((query) => [query.id, query])),
    );
  }

  /** Passing instances of a service, if its instances are watched and known; null else. */
  countInstances(service: string): number | null {
    const entries = this.#entries.get(service);
    return entries === undefined ? null : entries.filter(({ status }) => status === 'passing').length;
  }

  /** Every query that is watched now. */
  state(): readonly DependencyState[] {
    const failing = this.#consul.faults.failing();
    return [...this.#watches.values()].map(({ query, trouble }) => ({
      id: query.id,
      isAnswered: this.#answers.has(query.id),
      trouble:
        isConsulQuery(query) && failing.has(isPlainService(query) ? healthPath(query.name) : pathOf(query))
          ? this.#consul.faults.lastError()
          : trouble,
    }));
  }

  /** Since Consul's last answer, or since it is watched without one; null where nothing is asked of it. */
  consulAgeMs(): number | null {
    const isAsked = [...this.#watches.values()].some(({ query }) => isConsulQuery(query));
    return isAsked ? this.#clock.now() - (this.#consul.faults.lastAnswerAt() ?? this.#startedAt) : null;
  }

  /** Open connections to Consul. */
  connections(): number {
    return this.#consul.client.connections();
  }

  async close(): Promise<void> {
    this.#life.abort();
    this.#catalog.stop();
    for (const { stop } of this.#watches.values()) stop.abort();
    await this.#consul.client.close();
  }

  #isAwaiting(): boolean {
    for (const id of this.#watches.keys()) if (!this.#answers.has(id)) return true;
    return false;
  }

  #blocking(): number {
    let count = 0;
    for (const { running } of this.#watches.values()) if (running?.isBlocking === true) count++;
    return count;
  }

  #start(query: Query): void {
    const stop = new AbortController();
    if (isPlainService(query)) {
      this.#watches.set(query.id, { query, stop, running: null, trouble: null });
      return this.#startPick(query);
    }
    const signal = AbortSignal.any([this.#life.signal, stop.signal]);
    if (!isConsulQuery(query)) {
      const watch: Watch = { query, stop, running: null, trouble: null };
      this.#watches.set(query.id, watch);
      const { log, redisUrl = null } = this.#options;
      const events = {
        onValue: (value: Value): void => {
          watch.trouble = null;
          this.#answers.set(query.id, value);
        },
        onTrouble(reason: string): void {
          watch.trouble = reason;
          log.warn(
            { source: query.id, error: reason },
            'what a template needs cannot be read; keeping what is known',
          );
        },
      };
      void watchElsewhere(query, redisUrl, events, this.#clock, signal);
    } else {
      // Half of the connections stay for the services.
      const isCrowded = this.#blocking() >= this.#options.config.connections / 2;
      const onValue = (value: Value): void => this.#answers.set(query.id, value);
      const running = watchQuery(this.#consul.context, query, isCrowded, onValue, signal);
      this.#watches.set(query.id, { query, stop, running, trouble: null });
    }
  }

  #startPick(query: ServiceQuery): void {
    const picks = this.#picks.get(query.name) ?? new Map<string, ServiceQuery>();
    picks.set(query.id, query);
    this.#picks.set(query.name, picks);
    const entries = this.#entries.get(query.name);
    if (entries !== undefined) this.#answers.set(query.id, pick(query, entries));
  }

  #release(id: string): void {
    const watch = this.#watches.get(id)!;
    watch.stop.abort();
    this.#watches.delete(id);
    this.#answers.forget(id);
    const { query } = watch;
    if (!isPlainService(query)) {
      if (isConsulQuery(query)) this.#consul.faults.forget(pathOf(query));
      return;
    }
    const picks = this.#picks.get(query.name)!;
    picks.delete(id);
    if (picks.size > 0) return;
    this.#picks.delete(query.name);
    this.#entries.delete(query.name);
    this.#consul.faults.forget(healthPath(query.name));
  }

  #onEntries(name: string, entries: readonly Entry[]): void {
    const picks = this.#picks.get(name);
    if (picks === undefined) return;
    this.#entries.set(name, entries);
    for (const query of picks.values()) this.#answers.set(query.id, pick(query, entries));
  }

  /** The others wait for indexes that may not come in a long time. */
  #lostMemory(): void {
    this.#answers.doubt(this.#options.config.holdMs);
    const now = this.#clock.now();
    if (now - this.#suspectedAt < SUSPECT_EVERY_MS) return;
    this.#suspectedAt = now;
    if (this.#catalog instanceof ConsulServices) this.#catalog.suspectAll();
    for (const { running } of this.#watches.values()) running?.nudge();
  }
}
