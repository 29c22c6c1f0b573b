import { setTimeout as sleep } from 'node:timers/promises';
import type { Refusal } from '../../router/model.ts';
import { Planner } from '../../router/planner.ts';
import type { StaticEntry } from '../../router/static-routes.ts';
import type { Config } from '../config/config.ts';
import { type CountersLayout, createCountersLayout, EndpointCounters } from '../shared/counters.ts';
import type { FromWorker, Transport } from '../shared/messages.ts';
import { QueueCounters } from '../shared/queue-counters.ts';
import { AccessLogWriter } from './access-log-writer.ts';
import { type Admin, startAdmin } from './admin.ts';
import { adminRoutes } from './admin-routes.ts';
import { type CatalogStore, openCatalogStore } from './catalog-store.ts';
import { Checker } from './checks/checker.ts';
import { createProbe } from './checks/http-probe.ts';
import { Convergence } from './convergence.ts';
import { EndpointSlots } from './endpoint-slots.ts';
import { Guard } from './guard.ts';
import { History, MAX_ENTRIES } from './history/history.ts';
import { openHistoryStore } from './history/store.ts';
import { InsecureRoutes } from './insecure-routes.ts';
import type { Log } from './log.ts';
import { LoopDelay } from './loop-delay.ts';
import { Counts } from './metrics.ts';
import { routingPolicy } from './policy.ts';
import { PoolSlots } from './pool-slots.ts';
import { claimPorts, PortProblem } from './ports.ts';
import type { ConsulProvider } from './providers/consul.ts';
import { Publisher } from './publisher.ts';
import { Reloads } from './reloads.ts';
import { RoutePorts } from './route-ports.ts';
import { createRouteProvider } from './route-provider.ts';
import { TlsControl } from './tls.ts';
import { workerSetup } from './worker-setup.ts';
import { WorkerStates } from './worker-states.ts';
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
  readonly tls: TlsControl;
  readonly provider: ConsulProvider;
  readonly counters: CountersLayout;
  readonly endpointSlots: EndpointSlots;
  readonly poolSlots: PoolSlots;
  readonly routePorts: Readonly<Record<Transport, RoutePorts>>;
  readonly consulErrors = new Counts();
  readonly history: History;
  readonly convergence = new Convergence((version, lagMs) => this.history.live(version, lagMs));
  readonly accessLog = new AccessLogWriter();
  readonly loopDelay = new LoopDelay();
  readonly #unproven: InsecureRoutes;
  isDraining = false;
  config: Config;
  readonly reloads: Reloads;
  #statics: readonly StaticEntry[];
  #workers: Workers | null = null;
  #admin: Admin | null = null;
  #store: CatalogStore | null = null;
  #fail: (problem: PortProblem) => void = () => {};
  /** Aborted when draining begins; `#stop` when it is over. */
  readonly #stopping = new AbortController();
  readonly #states: WorkerStates;
  readonly #stop = new AbortController();
  readonly #timers: NodeJS.Timeout[] = [];

  /** `localCa` is the folder of an authority that certifies every host, for development. */
  constructor(config: Config, statics: readonly StaticEntry[], log: Log, localCa: string | null = null) {
    this.config = config;
    this.reloads = new Reloads(config, log);
    this.log = log;
    this.#statics = statics;
    this.#states = new WorkerStates(config.workers);
    this.listening = this.#states.allListen;
    const failure = Promise.withResolvers<PortProblem>();
    this.failed = failure.promise;
    this.#fail = failure.resolve;
    this.#unproven = new InsecureRoutes(log);
    const policy = routingPolicy(config);
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
    this.history = new History({
      accepts: policy.accepts,
      outputOf: (id) => this.checker.standing(id)?.output ?? null,
    });
    this.publisher = new Publisher({
      planner: this.planner,
      guard: this.guard,
      history: this.history,
      endpointSlots: this.endpointSlots,
      poolSlots: this.poolSlots,
      forgetMs: config.consul.forgetMs,
      log,
      broadcast: (message, receivedAt) => {
        const sent = this.#workers?.broadcast(message) ?? 0;
        this.convergence.published(message.version, receivedAt, sent);
      },
      onRoutes: (delta) => {
        for (const ports of Object.values(this.routePorts)) ports.apply(delta);
        this.tls.apply(delta);
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
    this.tls = new TlsControl({
      ...{ config, localCa, log, onConsulError, listening: this.listening },
      broadcast: (message) => void this.#workers?.broadcast(message),
    });
    const routePorts = (transport: Transport): RoutePorts =>
      new RoutePorts({
        ...{ transport, host: config[transport].host, log },
        route: (id) => this.planner.routes.get(id),
        publish: (ports) => void this.#workers?.broadcast({ type: 'ports', transport, ports }),
      });
    this.routePorts = { tcp: routePorts('tcp'), udp: routePorts('udp') };
    this.provider = createRouteProvider({
      ...{ config, policy, log, onError: onConsulError },
      statics: () => this.#statics,
    });
  }

  get stopping(): AbortSignal {
    return this.#stopping.signal;
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
      this.#states.doSomeListen &&
      this.workersAlive === this.config.workers
    );
  }

  /** Starts everything. Rejects with a `PortProblem` when an address cannot be had. */
  async start(): Promise<void> {
    const { config, log } = this;
    this.config = { ...config, listeners: await claimPorts(config.listeners) };
    this.#admin = await startAdmin(config.admin, adminRoutes(this));
    this.#store = openCatalogStore(config.dataDir);
    if (this.#store.warning !== null) log.warn(this.#store.warning);
    const historyStore = openHistoryStore(config.dataDir, MAX_ENTRIES);
    if (historyStore.warning !== null) log.warn(historyStore.warning);
    this.history.open(historyStore);
    this.publisher.startFrom(historyStore.lastVersion);
    // Before the listeners open: a handshake in the first second finds its certificate.
    await this.tls.start(this.#stop.signal);
    this.#workers = new Workers({
      setup: workerSetup(this.config, this.counters, this.tls.workerTls(this.config.listeners)),
      ports: (transport) => this.routePorts[transport].open(),
      count: config.workers,
      counters: this.counters,
      log,
      table: () => (this.publisher.hasPublished ? this.publisher.full() : null),
      greeting: () => this.tls.greeting(this.config.listeners),
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
    for (const ports of Object.values(this.routePorts)) ports.start();
  }

  /** Everything set aside, and why. */
  refusals(): Refusal[] {
    const { tcp, udp } = this.routePorts;
    return [...this.publisher.refusals(), ...tcp.refusals(), ...udp.refusals()];
  }

  /** What can change while running; `reloads` names the rest. */
  reconfigure(config: Config, statics: readonly StaticEntry[]): void {
    this.log.level = config.logLevel;
    this.#statics = statics;
    this.publisher.setStatics(statics);
    this.provider.refresh();
    this.tls.reconfigure(config, this.config.listeners);
    this.reloads.succeeded(config, statics.length);
  }

  /** Not ready, stop accepting, finish what runs up to the limit, then give everything back. */
  async drain(): Promise<void> {
    this.isDraining = true;
    this.#stopping.abort();
    const { drainMs } = this.config.timeouts;
    if (this.#workers !== null) {
      this.#workers.drain(drainMs);
      await Promise.race([this.#states.allDrained, sleep(drainMs + 2_000, undefined, { ref: false })]);
    }
    await this.close();
  }

  async close(): Promise<void> {
    this.#stop.abort();
    this.#stopping.abort();
    for (const ports of Object.values(this.routePorts)) ports.close();
    for (const timer of this.#timers) clearInterval(timer);
    this.checker.close();
    this.loopDelay.close();
    await this.#workers?.terminate();
    await this.tls.close();
    await this.accessLog.flush(1_000);
    await this.#admin?.close();
    this.#store?.flush();
    this.#store?.close();
    this.history.close();
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
        return this.#states.listens(worker);
      case 'listen-failed':
        return this.#onListenFailed(worker, message);
      case 'port-failed':
        return this.routePorts[message.transport].failed(message.port, message.code);
      case 'applied':
        return this.convergence.applied(message.version);
      case 'released':
        return this.endpointSlots.released(worker, message.slots);
      case 'unknown-name':
        return void this.tls.acme?.requested(message.name);
      case 'access':
        return this.accessLog.write(message.lines);
      case 'log':
        return this.log[message.level]({ worker, detail: message.detail }, message.msg);
      case 'drained':
        return this.#states.drained(worker);
    }
  }

  /** Somebody took the port since the start, or a worker that was started again is short of something: it tries anew. */
  #onListenFailed(worker: number, { listener, code, message }: ListenFailed): void {
    this.log.error({ worker, listener, code, error: message }, 'a listener could not be bound');
    if (this.#states.hasListened) return this.#workers?.restart(worker);
    const { address } = this.config.listeners.find(({ name }) => name === listener)!;
    this.#fail(new PortProblem(`listener ${listener}`, address, code));
  }

  #onDeath(worker: number): void {
    this.#states.died(worker);
    this.convergence.workerGone();
    this.endpointSlots.workerGone(worker);
    if (this.isDraining) this.#states.drained(worker);
  }
}
