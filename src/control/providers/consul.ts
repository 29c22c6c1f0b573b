import { setMaxListeners } from 'node:events';
import type { ConsulConfig } from '../../config/config.ts';
import { CHECK_PATHS, followTogether } from './aggregate.ts';
import { type BlockingQuery, startBlockingQuery, type WatchContext } from './blocking-query.ts';
import { type Clock, systemClock } from './clock.ts';
import { type Completion, createCompletion } from './completion.ts';
import { type ConsulClient, createConsulClient } from './consul-client.ts';
import { createDoubt, type Doubt } from './doubt.ts';
import { type Fault, fault } from './fault.ts';
import { createFaultLog, type FaultLog, type Log } from './fault-log.ts';
import type { Follower } from './follower.ts';
import { createGate, type Gate } from './gate.ts';
import { watchKvLines } from './kv-lines.ts';
import { followEach } from './per-service.ts';
import type { Provider, ProviderEvents, ProviderState } from './provider.ts';
import { createServiceBook, healthPath, type ServiceBook } from './service-book.ts';
import { changedNames, readServicesList, type ServicesList } from './services-list.ts';

export interface ConsulProviderOptions {
  readonly config: ConsulConfig;
  /** Whether a service with these tags is routed. */
  isRouted(tags: readonly string[]): boolean;
  /** Services named by static routes: followed whatever their tags are. */
  wanted(): ReadonlySet<string>;
  /** KV folder with route lines; null reads none. */
  readonly kvPath: string | null;
  readonly log: Log;
  /** Counts faults by kind. */
  onError(kind: string): void;
  /** How often one read, or knocking, has failed in a row. */
  onFailures?(failures: number, reason: string): void;
  readonly clock?: Clock;
}

export interface ConsulProvider extends Provider {
  /** What `wanted` or `isRouted` say has changed. */
  refresh(): void;
}

const SERVICES = '/v1/catalog/services';
/** Back to one watch per service below this share of the budget, so that the mode does not flap. */
const RETURN_BELOW = 0.8;
/** One loss of memory is noticed by many watches. */
const SUSPECT_ALL_EVERY_MS = 5000;

/** Follows a Consul catalog: the services list, each routed service, and Fabio's KV lines where wanted. */
export function createConsulProvider(options: ConsulProviderOptions): ConsulProvider {
  let session: Session | null = null;
  return {
    async watch(events, signal) {
      // Every watch listens on it.
      setMaxListeners(0, signal);
      const running = new Session(options, events, signal);
      session = running;
      await running.ended;
    },
    state: () => session?.state() ?? NOT_STARTED,
    refresh: () => session?.reconsider(),
  };
}

const NOT_STARTED: ProviderState = {
  state: 'starting',
  mode: 'per-service',
  connections: 0,
  watches: 0,
  ageMs: null,
  lastError: null,
};

/** From `watch` until its signal aborts. */
class Session {
  readonly ended: Promise<void>;
  readonly #options: ConsulProviderOptions;
  readonly #clock: Clock;
  readonly #signal: AbortSignal;
  readonly #client: ConsulClient;
  readonly #faults: FaultLog;
  readonly #gate: Gate;
  readonly #doubt: Doubt;
  readonly #completion: Completion;
  readonly #context: WatchContext;
  readonly #book: ServiceBook;
  readonly #listWatch: BlockingQuery;
  readonly #kvWatch: BlockingQuery | null;
  #list: ServicesList | null = null;
  #listIndex = 0;
  /** Routed by the list, or wanted. */
  #targets: ReadonlySet<string> = new Set();
  /** The targets, and those that are leaving. */
  #followed: ReadonlySet<string> = new Set();
  #mode: 'per-service' | 'aggregate' = 'per-service';
  #follower: Follower;
  #sawConsul = false;
  #missesConsul = false;
  /** Nobody listened when we knocked last. */
  #wasAway = false;
  #suspectedAllAt = Number.NEGATIVE_INFINITY;

  constructor(options: ConsulProviderOptions, events: ProviderEvents, signal: AbortSignal) {
    const clock = options.clock ?? systemClock;
    const client = createConsulClient(options.config);
    this.#options = options;
    this.#clock = clock;
    this.#signal = signal;
    this.#client = client;
    this.#faults = createFaultLog(options.log, clock, (kind) => options.onError(kind));
    this.#gate = createGate(clock, (attempt) => this.#knock(attempt, events), signal);
    this.#doubt = createDoubt(events, clock, options.config.holdMs, signal);
    this.#completion = createCompletion(
      clock,
      this.#gate,
      (name) => this.#faults.failing().has(healthPath(name)),
      (unknown) => events.complete(unknown),
      signal,
    );
    this.#context = {
      client,
      clock,
      gate: this.#gate,
      waitMs: options.config.waitMs,
      onAnswer: (path) => this.#faults.answer(path),
      onFault: (path, cause, failures) => {
        this.#faults.fault(path, cause, failures);
        options.onFailures?.(failures, `${path}: ${cause.message}`);
      },
      onLostMemory: (path, before, after) => this.#lostMemory(path, before, after),
    };
    this.#book = createServiceBook({
      context: this.#context,
      events,
      listed: (name) => this.#list?.has(name) === true,
      answered: (name) => this.#answered(name),
    });
    this.#follower = followEach(this.#context, this.#book, signal);
    this.#kvWatch =
      options.kvPath === null || events.lines === undefined
        ? null
        : watchKvLines(this.#context, options.kvPath, (l, at) => events.lines?.('kv', l, at), signal);
    this.#listWatch = startBlockingQuery(
      this.#context,
      {
        path: SERVICES,
        accept: (read) => this.#takeList(readServicesList(read.body ?? Buffer.alloc(0))),
        moved: (index) => this.#moved(index),
      },
      signal,
    );
    this.ended = this.#end();
  }

  state(): ProviderState {
    const answeredAt = this.#faults.lastAnswerAt();
    return {
      state: this.#condition(),
      mode: this.#mode,
      connections: this.#client.connections(),
      watches: this.#follower.watches() + 1 + (this.#kvWatch === null ? 0 : 1),
      ageMs: answeredAt === null ? null : this.#clock.now() - answeredAt,
      lastError: this.#faults.lastError(),
    };
  }

  /** Decides anew which services are followed, and how. */
  reconsider(): void {
    if (this.#list === null || this.#signal.aborted) return;
    const targets = new Set(this.#options.wanted());
    for (const [name, tags] of this.#list) if (this.#options.isRouted(tags)) targets.add(name);
    this.#targets = targets;
    const followed = new Set(targets);
    for (const name of this.#book.names()) if (this.#isLeaving(name)) followed.add(name);
    this.#choose(followed.size);
    this.#follower.follow(followed);
    this.#letGo(followed);
    this.#completion.expect(targets);
  }

  /**
   * Not routed by the list any more, while its own reads do not say so yet: either it still has instances although
   * the list lacks it, or instances with route tags although the list shows none.
   */
  #isLeaving(name: string): boolean {
    if (this.#targets.has(name)) return false;
    if (this.#list?.has(name) === true) return this.#options.isRouted(this.#book.tags(name));
    return this.#book.count(name) > 0;
  }

  /** Nobody reads these any more: their faults are over, and pages without instances need no keeping. */
  #letGo(followed: ReadonlySet<string>): void {
    for (const name of this.#followed) if (!followed.has(name)) this.#faults.forget(healthPath(name));
    for (const name of [...this.#book.names()]) {
      if (!followed.has(name) && this.#book.count(name) === 0) this.#book.drop(name);
    }
    this.#followed = followed;
  }

  #choose(count: number): void {
    const budget = Math.max(1, this.#options.config.connections);
    const tooMany = this.#mode === 'aggregate' ? count >= budget * RETURN_BELOW : count > budget;
    const mode = tooMany ? 'aggregate' : 'per-service';
    if (mode === this.#mode) return;
    this.#options.log.info({ mode, services: count, budget }, 'consul watch mode changes');
    this.#mode = mode;
    this.#follower.stop();
    for (const path of CHECK_PATHS) this.#faults.forget(path);
    this.#follower =
      mode === 'aggregate'
        ? followTogether(this.#context, this.#book, budget, this.#signal)
        : followEach(this.#context, this.#book, this.#signal);
  }

  #takeList(list: ServicesList): 'accepted' {
    const before = this.#list;
    this.#list = list;
    this.#checkForConsul(list);
    this.reconsider();
    if (before === null) return 'accepted';
    const changed = changedNames(before, list);
    this.#follower.registrationsMoved(changed);
    this.#follower.suspect(changed.filter((name) => this.#isLeaving(name)));
    return 'accepted';
  }

  #moved(index: number): void {
    if (index === this.#listIndex) return;
    const first = this.#listIndex === 0;
    this.#listIndex = index;
    if (!first) this.#follower.registrationsMoved([]);
  }

  /** Consul lists itself, unless a token hides it from us from the start. */
  #checkForConsul(list: ServicesList): void {
    const present = list.has('consul');
    if (!present && this.#sawConsul && !this.#missesConsul) {
      this.#doubt.raise('the services list lacks consul itself');
    }
    this.#sawConsul ||= present;
    this.#missesConsul = !present;
  }

  #lostMemory(path: string, before: number, after: number): void {
    this.#doubt.raise(`lost memory: index of ${path} went from ${before} back to ${after}`);
    const now = this.#clock.now();
    if (now - this.#suspectedAllAt < SUSPECT_ALL_EVERY_MS) return;
    this.#suspectedAllAt = now;
    // The others wait for indexes that may not come in a long time.
    this.#follower.suspectAll();
    if (path !== SERVICES) this.#listWatch.nudge();
    this.#kvWatch?.nudge();
  }

  #answered(name: string): void {
    this.#completion.answered(name);
    if (!this.#targets.has(name)) this.reconsider();
  }

  async #knock(attempt: number, events: ProviderEvents): ReturnType<typeof knock> {
    const result = await knock(this.#client, attempt, this.#signal);
    if (result.kind === 'error') {
      this.#wasAway ||= result.code === 'unreachable';
      this.#options.onFailures?.(attempt + 1, result.message);
    } else if (this.#wasAway) {
      this.#wasAway = false;
      events.returned?.();
    }
    return result;
  }

  #condition(): ProviderState['state'] {
    if (!this.#gate.isOpen()) return 'down';
    if (this.#faults.failing().size > 0 || this.#doubt.active()) return 'degraded';
    return this.#completion.reached() ? 'live' : 'starting';
  }

  async #end(): Promise<void> {
    await Promise.all([this.#listWatch.done, this.#kvWatch?.done]);
    this.#follower.stop();
    await this.#client.close();
  }
}

/** Small, needs no permission, and is answered by a server: tells a cluster without a leader from a working one. */
async function knock(
  client: ConsulClient,
  attempt: number,
  signal: AbortSignal,
): Promise<{ kind: 'ok' } | Fault> {
  const deadlineMs = Math.min(10_000, 1000 * 2 ** attempt);
  const result = await client.read('/v1/status/leader', { signal, deadlineMs });
  if (result.kind === 'ok' && (result.body?.length ?? 0) <= '""\n'.length) {
    return fault('no_leader', 'no cluster leader');
  }
  return result;
}
