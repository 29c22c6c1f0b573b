import { setMaxListeners } from 'node:events';
import type { Delta, Instance, Pool, Refusal, Route } from '../../../router/model.ts';
import { Planner } from '../../../router/planner.ts';
import type { StaticEntry } from '../../../router/static-routes.ts';
import type { Config } from '../../config/config.ts';
import { CatalogIntake } from '../../control/catalog-intake.ts';
import { Checker } from '../../control/checks/checker.ts';
import { createProbe } from '../../control/checks/http-probe.ts';
import { Guard } from '../../control/guard.ts';
import { isEmpty } from '../../control/history/history.ts';
import type { Log } from '../../control/log.ts';
import { routingPolicy } from '../../control/policy.ts';
import type { ConsulProvider } from '../../control/providers/consul.ts';
import { createRouteProvider } from '../../control/route-provider.ts';

export interface RoutedCatalogOptions {
  /** The router's, with the Consul that is to be asked. */
  readonly config: Config;
  readonly statics: readonly StaticEntry[];
  /** Services whose instances are counted, routed or not. */
  readonly counted: readonly string[];
  readonly log: Log;
  /** Routes, pools, counts or what is missing may have changed. */
  readonly onChange: () => void;
  /** Counts failed reads of Consul by kind. */
  readonly onError: (kind: string) => void;
  /** How often one of them has failed in a row. */
  readonly onFailures: (failures: number, reason: string) => void;
}

const TICK_MS = 1_000;
/** Further ones of these in one catalog tell nothing new. */
const MAX_TOLD = 1_000;

/** The router's table without a router: what its listeners would serve, from the same catalog by the same rules. */
export class RoutedCatalog extends CatalogIntake {
  /** Counts changes. */
  version = 0;
  readonly #options: RoutedCatalogOptions;
  readonly #planner: Planner;
  readonly #accepts: (instance: Instance) => boolean;
  readonly #counted: ReadonlySet<string>;
  /** Services that could not be read so far. */
  #unread = new Set<string>();
  #isChanged = false;
  readonly #told = new Set<string>();
  readonly #checker: Checker;
  readonly #provider: ConsulProvider;
  #startedAt = performance.now();
  readonly #stop = new AbortController();
  #timer: NodeJS.Timeout | null = null;
  #ended: Promise<void> = Promise.resolve();

  constructor(options: RoutedCatalogOptions) {
    const { config, statics, log } = options;
    const policy = routingPolicy(config);
    const planner = new Planner(policy, statics);
    super({
      ...{ planner, log, forgetMs: config.consul.forgetMs },
      guard: new Guard({
        holdMs: config.consul.holdMs,
        accepts: policy.accepts,
        now: () => performance.now(),
      }),
      onService: () => {},
      onComplete: () => {},
      onChecks: (changes) => this.#checker.apply(changes),
      history: { note: () => {} },
    });
    this.#options = options;
    this.#planner = planner;
    this.#counted = new Set(options.counted);
    this.#accepts = ({ health }) => policy.accepts(health);
    this.#provider = createRouteProvider({
      ...{ config, counted: options.counted, log, policy },
      statics: () => statics,
      onError: options.onError,
      onFailures: options.onFailures,
    });
    this.#checker = new Checker({
      probe: createProbe(config.upstreamTls),
      log,
      onVerdict: (check, isUp) => this.checked(check, isUp),
    });
  }

  /** Begins to watch. */
  start(): void {
    setMaxListeners(0, this.#stop.signal);
    this.#startedAt = performance.now();
    this.#ended = this.#provider.watch(this, this.#stop.signal);
    this.#timer = setInterval(() => this.tick(), TICK_MS).unref();
  }

  async close(): Promise<void> {
    this.#stop.abort();
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#checker.close();
    await this.#ended;
  }

  get routes(): readonly Route[] {
    return [...this.#planner.routes.values()];
  }

  get pools(): readonly Pool[] {
    return [...this.#planner.pools.values()];
  }

  /** What has no first answer yet: a file without it would lack routes that are there. */
  missing(): ReadonlySet<string> {
    if (!this.isComplete) return new Set(['the catalog']);
    return new Set([...this.#unread].map((name) => `service ${name}`));
  }

  /** Since Consul's last answer, or since it is asked without one. */
  consulAgeMs(): number {
    return this.#provider.state().ageMs ?? performance.now() - this.#startedAt;
  }

  /** Instances of a service that take traffic; null while that is unknown. */
  count(service: string): number | null {
    if (!this.isComplete || this.#unread.has(service)) return null;
    return (this.catalog.get(service) ?? []).filter(this.#accepts).length;
  }

  override service(name: string, instances: readonly Instance[], receivedAt: number): void {
    if (this.#unread.delete(name) || this.#counted.has(name)) this.#isChanged = true;
    super.service(name, instances, receivedAt);
  }

  override complete(unknown: readonly string[]): void {
    this.#unread = new Set(unknown);
    super.complete(unknown);
  }

  protected override committed(delta: Delta, _receivedAt: number, isForced: boolean): void {
    this.#tell();
    if (isEmpty(delta) && !isForced && !this.#isChanged) return;
    this.#isChanged = false;
    this.version++;
    this.#options.onChange();
  }

  /** There is nobody else whom one could ask which tags were set aside. */
  #tell(): void {
    for (const refusal of [...this.refusals(), ...this.#planner.conflicts()]) {
      const key = keyOf(refusal);
      if (this.#told.has(key) || this.#told.size >= MAX_TOLD) continue;
      this.#told.add(key);
      const { provider, service, instance, text, reason } = refusal;
      this.#options.log.warn({ provider, service, instance, text, reason }, 'a route is set aside');
    }
  }
}

function keyOf({ service, instance, text, reason }: Refusal): string {
  return JSON.stringify([service, instance, text, reason]);
}
