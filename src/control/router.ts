import type { Refusal } from '../../router/model.ts';
import { Planner } from '../../router/planner.ts';
import type { StaticEntry } from '../../router/static-routes.ts';
import { readTag } from '../../router/tags.ts';
import type { Config } from '../config/config.ts';
import { type CountersLayout, createCountersLayout, EndpointCounters } from '../shared/counters.ts';
import type { FromWorker, WorkerSetup } from '../shared/messages.ts';
import { QueueCounters } from '../shared/queue-counters.ts';
import { AccessLogWriter } from './access-log-writer.ts';
import { type Admin, startAdmin } from './admin.ts';
import { adminRoutes } from './admin-routes.ts';
import { type CatalogStore, openCatalogStore } from './catalog-store.ts';
import { createSources } from './certificates/create-sources.ts';
import { CertificateStore } from './certificates/store.ts';
import { Checker } from './checks/checker.ts';
import { createProbe } from './checks/http-probe.ts';
import { Convergence } from './convergence.ts';
import { EndpointSlots } from './endpoint-slots.ts';
import { Guard } from './guard.ts';
import { InsecureRoutes } from './insecure-routes.ts';
import type { Log } from './log.ts';
import { LoopDelay } from './loop-delay.ts';
import { Counts } from './metrics.ts';
import { routingPolicy } from './policy.ts';
import { PoolSlots } from './pool-slots.ts';
import { claimPorts, PortProblem } from './ports.ts';
import { createConsulProvider } from './providers/consul.ts';
import { Publisher } from './publisher.ts';
import { RoutePorts } from './route-ports.ts';
import { TicketKeys } from './ticket-keys.ts';
import { Workers } from './workers.ts';

/** Without Consul and without a saved catalog the listeners open after this time, to answer 503 rather than nothing. */
const BIND_ANYWAY_MS = 10_000;
const TICK_MS = 1_000;
const FLUSH_MS = 1_000;

type ListenFailed = Extract<FromWorker, { type: 'listen-failed' }>;

/**
 * Builds every part of a router and introduces them to each other: the wiring diagram as code. It decides nothing about
 * traffic.
 */
export class Router {
  readonly log: Log;
  readonly startedAt = performance.now();
  /** Resolves when every worker has bound its listeners for the first time. */
  readonly listening: Promise<void>;
  /** Resolves when a listener that was free at the start could not be bound after all. */
  readonly failed: Promise<PortProblem>;
  readonly planner: Planner;
  readonly publisher: Publisher;
  readonly guard: Guard;
  readonly checker: Checker;
  readonly certificates: CertificateStore;
  readonly provider: ReturnType<typeof createConsulProvider>;
  readonly counters: CountersLayout;
  readonly endpointSlots: EndpointSlots;
  readonly poolSlots: PoolSlots;
  readonly routePorts: RoutePorts;
  readonly consulErrors = new Counts();
  readonly convergence = new Convergence();
  readonly accessLog = new AccessLogWriter();
  readonly loopDelay = new LoopDelay();
  readonly #unproven: InsecureRoutes;
  isDraining = false;
  config: Config;
  /** The configuration as it was given; `config` has the ports that were found. */
  readonly #given: Config;
  #statics: readonly StaticEntry[];
  #workers: Workers | null = null;
  readonly #ticketKeys = new TicketKeys((message) => void this.#workers?.broadcast(message));
  #admin: Admin | null = null;
  #store: CatalogStore | null = null;
  #markListening: () => void = () => {};
  #fail: (problem: PortProblem) => void = () => {};
  readonly #listeningWorkers = new Set<number>();
  #hasListened = false;
  readonly #drained = new Set<number>();
  #onAllDrained: (() => void) | null = null;
  readonly #stop = new AbortController();
  readonly #timers: NodeJS.Timeout[] = [];

  constructor(config: Config, statics: readonly StaticEntry[], log: Log) {
    this.config = config;
    this.#given = config;
    this.log = log;
    this.#statics = statics;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.listening = promise;
    this.#markListening = resolve;
    const failure = Promise.withResolvers<PortProblem>();
    this.failed = failure.promise;
    this.#fail = failure.resolve;
    this.#unproven = new InsecureRoutes(log);
    const policy = routingPolicy(config);
    const { fabio } = config.dialects;
    this.planner = new Planner(policy, statics);
    this.guard = new Guard({
      holdMs: config.consul.holdMs,
      accepts: policy.accepts,
      now: () => performance.now(),
    });
    this.counters = createCountersLayout(config.workers);
    const endpointCounters = new EndpointCounters(this.counters);
    this.endpointSlots = new EndpointSlots(endpointCounters.slots, config.workers, (slot) =>
      endpointCounters.clearSlot(slot),
    );
    this.poolSlots = new PoolSlots(new QueueCounters(this.counters.queues));
    this.publisher = new Publisher({
      planner: this.planner,
      guard: this.guard,
      endpointSlots: this.endpointSlots,
      poolSlots: this.poolSlots,
      forgetMs: config.consul.forgetMs,
      log,
      broadcast: (message, receivedAt) => {
        const sent = this.#workers?.broadcast(message) ?? 0;
        this.convergence.published(message.version, receivedAt, sent);
      },
      onRoutes: (delta) => {
        this.routePorts.apply(delta);
        this.#unproven.apply(delta);
      },
      onService: (service, instances) => this.#store?.save(service, instances),
      onComplete: () => this.#listen(),
      onChecks: (changes) => this.checker.apply(changes),
    });
    this.checker = new Checker({
      probe: createProbe(config.upstreamTls),
      log,
      onVerdict: (check, isUp) => this.publisher.checked(check, isUp),
    });
    const onConsulError = (kind: string): void => this.consulErrors.add(kind);
    this.certificates = new CertificateStore({
      sources: createSources(config, process.cwd(), { log, onConsulError }),
      defaultName: config.tls.defaultName,
      isStrict: config.tls.strict,
      log,
      broadcast: (message) => void this.#workers?.broadcast(message),
    });
    this.routePorts = new RoutePorts({
      ...{ host: config.tcp.host, log },
      route: (id) => this.planner.routes.get(id),
      publish: (ports) => void this.#workers?.broadcast({ type: 'ports', ports }),
    });
    this.provider = createConsulProvider({
      config: config.consul,
      isRouted: (tags) => tags.some((tag) => readTag(tag, policy.dialects, policy).kind !== 'ignored'),
      wanted: () => new Set(this.#statics.flatMap(({ service }) => (service === null ? [] : [service]))),
      kvPath: fabio.enabled ? fabio.kvPath : null,
      log,
      onError: onConsulError,
    });
  }

  get adminPort(): number | null {
    return this.#admin?.port ?? null;
  }

  get workersAlive(): number {
    return this.#workers?.alive ?? 0;
  }

  /** A complete table is live in every worker, and the router is not stopping. */
  get isReady(): boolean {
    return (
      this.publisher.isComplete &&
      !this.isDraining &&
      this.#listeningWorkers.size > 0 &&
      this.workersAlive === this.config.workers
    );
  }

  /** Starts everything. Rejects with a `PortProblem` when an address cannot be had. */
  async start(): Promise<void> {
    const { config, log } = this;
    this.config = { ...config, listeners: await claimPorts(config.listeners) };
    try {
      this.#admin = await startAdmin(config.admin, adminRoutes(this));
    } catch (error) {
      const { code = String(error) } = error as NodeJS.ErrnoException;
      throw new PortProblem('admin', config.admin.address, code);
    }
    this.#store = openCatalogStore(config.dataDir);
    if (this.#store.warning !== null) log.warn(this.#store.warning);
    // Before the listeners open: a handshake in the first second finds its certificate.
    await this.certificates.start(this.#stop.signal);
    this.#workers = new Workers({
      setup: this.#workerSetup(),
      ports: () => this.routePorts.open(),
      count: config.workers,
      counters: this.counters,
      log,
      ticketKey: () => this.#ticketKeys.message(),
      table: () => (this.publisher.version === 0 ? null : this.publisher.full()),
      certificates: () => this.certificates.full(),
      onMessage: (worker, message) => this.#onMessage(worker, message),
      onDeath: (worker) => this.#onDeath(worker),
    });
    this.#restore();
    void this.provider.watch(this.publisher, this.#stop.signal);
    this.#every(TICK_MS, () => this.publisher.tick());
    this.#every(FLUSH_MS, () => this.#store?.flush());
    this.#timers.push(setTimeout(() => this.#bindAnyway(), BIND_ANYWAY_MS).unref());
  }

  /** Static routes work without any catalog; other hosts are told that it is missing. */
  #bindAnyway(): void {
    if (!this.publisher.isComplete) this.publisher.commit(true);
    this.#listen();
  }

  #listen(): void {
    this.#workers?.listen();
    this.routePorts.start();
  }

  /** Everything set aside, and why. */
  refusals(): Refusal[] {
    return [...this.publisher.refusals(), ...this.routePorts.refusals()];
  }

  /** What can change while running: static routes and the log level. The rest is named. */
  reconfigure(config: Config, statics: readonly StaticEntry[]): void {
    this.log.level = config.logLevel;
    this.#statics = statics;
    this.publisher.setStatics(statics);
    this.provider.refresh();
    const applied = ['logLevel', 'routes'];
    const pending = Object.keys(config).filter(
      (key) =>
        !applied.includes(key) &&
        withoutPlaces(config[key as keyof Config]) !== withoutPlaces(this.#given[key as keyof Config]),
    );
    this.log.info({ routes: statics.length, needRestart: pending }, 'configuration reloaded');
  }

  /** Not ready, stop accepting, finish what runs up to the limit, then give everything back. */
  async drain(): Promise<void> {
    this.isDraining = true;
    const { drainMs } = this.config.timeouts;
    if (this.#workers !== null) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#onAllDrained = resolve;
      this.#workers.drain(drainMs);
      const limit = setTimeout(resolve, drainMs + 2_000);
      await promise;
      clearTimeout(limit);
    }
    await this.close();
  }

  async close(): Promise<void> {
    this.#stop.abort();
    this.routePorts.close();
    for (const timer of this.#timers) clearInterval(timer);
    this.checker.close();
    this.loopDelay.close();
    this.#ticketKeys.close();
    await this.#workers?.terminate();
    await this.accessLog.flush(1_000);
    await this.#admin?.close();
    this.#store?.flush();
    this.#store?.close();
  }

  #workerSetup(): Omit<WorkerSetup, 'index'> {
    const { config } = this;
    return {
      counters: this.counters,
      listeners: config.listeners,
      tcp: config.tcp,
      limits: config.limits,
      timeouts: config.timeouts,
      balance: config.balance,
      trustedProxies: config.trustedProxies,
      accessLog: config.accessLog,
      tls: {
        clientAuth: config.tls.clientAuth,
        hsts: config.tls.hsts,
        redirectPort: this.#redirectPort(),
      },
      upstreamTls: config.upstreamTls,
    };
  }

  /** Without a listener of ours somebody in front ends TLS, at the usual port. */
  #redirectPort(): number {
    const { tls, listeners } = this.config;
    return tls.redirectPort ?? listeners.find(({ protocol }) => protocol === 'https')?.address.port ?? 443;
  }

  #restore(): void {
    const saved = this.#store!.load();
    if (saved.services.size === 0) return;
    this.log.info(
      { services: saved.services.size, savedAt: saved.savedAt },
      'starting from the saved catalog',
    );
    this.publisher.restore(saved.services);
  }

  #every(periodMs: number, run: () => void): void {
    this.#timers.push(setInterval(run, periodMs).unref());
  }

  #onMessage(worker: number, message: FromWorker): void {
    switch (message.type) {
      case 'ready':
        // What left while it was away is nothing it could let go of.
        return this.endpointSlots.workerGone(worker);
      case 'listening':
        this.#hasListened = true;
        this.#listeningWorkers.add(worker);
        if (this.#listeningWorkers.size === this.config.workers) this.#markListening();
        return;
      case 'listen-failed':
        return this.#onListenFailed(worker, message);
      case 'port-failed':
        return this.routePorts.failed(message.port, message.code);
      case 'applied':
        return this.convergence.applied(message.version);
      case 'released':
        return this.endpointSlots.released(worker, message.slots);
      case 'access':
        return this.accessLog.write(message.lines);
      case 'log':
        return this.log[message.level]({ worker, detail: message.detail }, message.msg);
      case 'drained':
        return this.#onDrained(worker);
    }
  }

  /** Somebody took the port since the start, or a worker that was started again is short of something: it tries anew. */
  #onListenFailed(worker: number, { listener, code, message }: ListenFailed): void {
    this.log.error({ worker, listener, code, error: message }, 'a listener could not be bound');
    if (this.#hasListened) return this.#workers?.restart(worker);
    const { address } = this.config.listeners.find(({ name }) => name === listener)!;
    this.#fail(new PortProblem(`listener ${listener}`, address, code));
  }

  #onDeath(worker: number): void {
    this.#listeningWorkers.delete(worker);
    this.convergence.workerGone();
    this.endpointSlots.workerGone(worker);
    if (this.isDraining) this.#onDrained(worker);
  }

  #onDrained(worker: number): void {
    this.#drained.add(worker);
    if (this.#drained.size >= this.config.workers) this.#onAllDrained?.();
  }
}

/** For comparing: where something stands in the file is no part of it. */
function withoutPlaces(value: unknown): string {
  return JSON.stringify(value, (key, each) => (key === 'at' ? undefined : each));
}
