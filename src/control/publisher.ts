import type { CheckChanges } from '../../router/active-checks.ts';
import { parseFabioCommands } from '../../router/fabio-commands.ts';
import type { Delta, Instance, Refusal } from '../../router/model.ts';
import type { Planner } from '../../router/planner.ts';
import type { StaticEntry } from '../../router/static-routes.ts';
import { NO_ROUTE } from '../shared/counters.ts';
import type { SlottedPool, SlottedRoute, ToWorker } from '../shared/messages.ts';
import type { EndpointSlots } from './endpoint-slots.ts';
import type { Guard } from './guard.ts';
import type { Log } from './log.ts';
import type { PoolSlots } from './pool-slots.ts';
import type { ProviderEvents } from './providers/provider.ts';
import { Slots } from './slots.ts';

type TableMessage = Extract<ToWorker, { type: 'table' }>;
type Lines = readonly (readonly [key: string, text: string])[];

/** Route numbers are never used twice, so late counts cannot land on another route. */
const ROUTE_SLOTS = 0xfffffffe;

export interface PublisherOptions {
  readonly planner: Planner;
  readonly guard: Guard;
  readonly endpointSlots: EndpointSlots;
  readonly poolSlots: PoolSlots;
  readonly forgetMs: number;
  readonly log: Log;
  /** Hands a message to every worker. */
  readonly broadcast: (message: TableMessage, receivedAt: number) => void;
  /** Told after the workers: a port is opened when its route is there. */
  readonly onRoutes: (delta: Delta) => void;
  readonly onService: (service: string, instances: readonly Instance[]) => void;
  readonly onComplete: () => void;
  /** The routes need these checks of the router's own. */
  readonly onChecks: (changes: CheckChanges) => void;
}

/**
 * Catalog news in, table changes out. News that arrives together is committed together, in the next turn of the event
 * loop; each commit is one message that every worker applies in one step.
 */
export class Publisher implements ProviderEvents {
  version = 0;
  /** Every service was heard of at least once, now or before the last stop. */
  isComplete = false;
  readonly #routeSlots = new Slots(NO_ROUTE + 1, ROUTE_SLOTS);
  readonly #options: PublisherOptions;
  readonly #instances = new Map<string, readonly Instance[]>();
  /** Services that left the catalog: until they are forgotten, their hosts answer 503. */
  readonly #gone = new Map<string, { readonly last: readonly Instance[]; readonly forgetAt: number }>();
  readonly #providerRefusals = new Map<string, readonly Refusal[]>();
  readonly #unconfirmed = new Set<string>();
  /** Entries of the KV tree that are applied, and fewer ones that wait. */
  #lineCount = 0;
  #heldLines: Lines | null = null;
  #receivedAt = 0;
  #isScheduled = false;

  constructor(options: PublisherOptions) {
    this.#options = options;
  }

  /** The operator's own routes are now these. */
  setStatics(statics: readonly StaticEntry[]): void {
    this.#options.planner.setStatics(statics);
    this.#schedule(performance.now());
  }

  /** What providers and the planner set aside. */
  refusals(): Refusal[] {
    return [...[...this.#providerRefusals.values()].flat(), ...this.#options.planner.refused()];
  }

  routeOfSlot(slot: number): string | undefined {
    return this.#routeSlots.nameOf(slot);
  }

  /** The catalog as it was last reported, unhealthy instances included. */
  get catalog(): ReadonlyMap<string, readonly Instance[]> {
    return this.#instances;
  }

  service(name: string, instances: readonly Instance[], receivedAt: number): void {
    this.#unconfirmed.delete(name);
    const { guard, log } = this.#options;
    const wasHeld = guard.heldServices > 0;
    const admitted = guard.admit(name, instances);
    if (admitted !== instances) {
      // The first of what may be thousands.
      log[wasHeld ? 'debug' : 'warn'](
        { service: name, reason: guard.reason },
        'a loss of instances is held until it is certain',
      );
    }
    this.#apply(name, admitted, receivedAt);
    for (const [service, kept] of guard.takenBack()) this.#apply(service, kept, receivedAt);
  }

  #apply(name: string, instances: readonly Instance[], receivedAt: number): void {
    const { planner } = this.#options;
    const before = this.#instances.get(name);
    if (instances.length > 0) {
      this.#gone.delete(name);
      this.#instances.set(name, instances);
      planner.setService(name, instances);
    } else if (before !== undefined && before.length > 0) {
      // A known host without instances is 503, not 404 and not somebody else's route.
      this.#gone.set(name, { last: before, forgetAt: performance.now() + this.#options.forgetMs });
      this.#instances.set(name, []);
      planner.setService(name, before, true);
    } else if (!this.#gone.has(name)) {
      planner.setService(name, []);
    }
    this.#options.onService(name, instances);
    this.#schedule(receivedAt);
  }

  /** Lines that are fewer than before are a loss like any other: in doubt they wait, for the next report or certainty. */
  lines(_source: 'kv', lines: Lines, receivedAt: number): void {
    const isHeld = this.#options.guard.isDoubting && lines.length < this.#lineCount;
    this.#heldLines = isHeld ? lines : null;
    if (!isHeld) this.#applyLines(lines, receivedAt);
  }

  #applyLines(lines: Lines, receivedAt: number): void {
    this.#lineCount = lines.length;
    const program = parseFabioCommands(lines.map(([key, text]) => ({ key, text })));
    const refused = program.refused.map(({ key, line, text, reason }) => ({
      provider: 'kv' as const,
      service: '',
      instance: `${key}:${line}`,
      text,
      reason,
    }));
    this.#options.planner.setCommands(program.commands, refused);
    this.#schedule(receivedAt);
  }

  refused(service: string, refusals: readonly Refusal[]): void {
    if (refusals.length === 0) this.#providerRefusals.delete(service);
    else this.#providerRefusals.set(service, refusals);
  }

  /** Services known from the saved catalog, until the provider confirms or denies them. */
  restore(saved: ReadonlyMap<string, readonly Instance[]>): void {
    for (const [name, instances] of saved) {
      this.service(name, instances, performance.now());
      this.#unconfirmed.add(name);
    }
    this.#becomeComplete();
  }

  /** What could not be read so far keeps its saved instances: no answer is not an empty answer. */
  complete(unknown: readonly string[]): void {
    for (const name of unknown) this.#unconfirmed.delete(name);
    for (const name of this.#unconfirmed) this.service(name, [], performance.now());
    this.#unconfirmed.clear();
    this.#becomeComplete();
  }

  #becomeComplete(): void {
    this.isComplete = true;
    this.commit(true);
    this.#options.onComplete();
  }

  doubt(reason: string): void {
    this.#options.guard.doubt(reason);
    this.#options.log.warn({ reason }, 'the catalog is in doubt: losses are held');
  }

  returned(): void {
    this.#options.guard.returned();
  }

  confirmed(name: string): void {
    this.#options.guard.confirm(name);
  }

  certain(): void {
    this.#options.guard.certain();
    this.tick();
  }

  /** An active check failed or recovered. */
  checked(check: string, isUp: boolean): void {
    this.#options.planner.setDown(check, !isUp);
    this.#schedule(performance.now());
  }

  /** Applies what was held long enough and forgets what left long ago. Called about once a second. */
  tick(): void {
    for (const [name, instances] of this.#options.guard.due())
      this.#apply(name, instances, performance.now());
    const now = performance.now();
    if (this.#heldLines !== null && !this.#options.guard.isDoubting) {
      this.#applyLines(this.#heldLines, now);
      this.#heldLines = null;
    }
    for (const [name, { forgetAt }] of this.#gone) {
      if (now < forgetAt) continue;
      this.#gone.delete(name);
      this.#instances.delete(name);
      this.#options.planner.setService(name, []);
      this.#schedule(now);
    }
  }

  #schedule(receivedAt: number): void {
    if (this.#receivedAt === 0) this.#receivedAt = receivedAt;
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    setImmediate(() => this.commit());
  }

  /** Publishes what has come in since the last commit; nothing when nothing changed. */
  commit(isForced = false): void {
    this.#isScheduled = false;
    const receivedAt = this.#receivedAt || performance.now();
    this.#receivedAt = 0;
    const delta = this.#options.planner.commit();
    this.#options.onChecks(this.#options.planner.takeCheckChanges());
    if (isEmpty(delta) && !isForced) return;
    this.version++;
    const message: TableMessage = {
      type: 'table',
      version: this.version,
      reset: false,
      isComplete: this.isComplete,
      routes: { set: delta.routes.set.map((route) => this.#slotted(route)), drop: delta.routes.drop },
      pools: { set: delta.pools.set.map((pool) => this.#slottedPool(pool)), drop: delta.pools.drop },
      forgetRoutes: this.#detachRoutes(delta.routes.drop),
    };
    for (const name of delta.pools.drop) {
      this.#options.endpointSlots.setPool(name, []);
      this.#options.poolSlots.drop(name);
    }
    this.#options.broadcast(message, receivedAt);
    this.#options.onRoutes(delta);
    this.#logDelta(delta);
  }

  /** The whole table, for a worker that starts late. */
  full(): TableMessage {
    const { routes, pools } = this.#options.planner;
    return {
      type: 'table',
      version: this.version,
      reset: true,
      isComplete: this.isComplete,
      routes: { set: [...routes.values()].map((route) => this.#slotted(route)), drop: [] },
      pools: { set: [...pools.values()].map((pool) => this.#slottedPool(pool)), drop: [] },
      forgetRoutes: [],
    };
  }

  #slotted(route: Delta['routes']['set'][number]): SlottedRoute {
    return { ...route, slot: this.#routeSlots.take(route.id) ?? NO_ROUTE };
  }

  #slottedPool(pool: Delta['pools']['set'][number]): SlottedPool {
    const { endpointSlots, poolSlots } = this.#options;
    const endpoints = [];
    for (const endpoint of pool.endpoints) {
      const slot = endpointSlots.take(endpoint.id);
      if (slot === null) {
        this.#options.log.error({ endpoint: endpoint.id }, 'too many endpoints: this one is left out');
        continue;
      }
      endpoints.push({ ...endpoint, slot });
    }
    endpointSlots.setPool(
      pool.name,
      endpoints.map((endpoint) => endpoint.id),
    );
    return { ...pool, slot: poolSlots.take(pool.name), endpoints };
  }

  #detachRoutes(ids: readonly string[]): number[] {
    const slots: number[] = [];
    for (const id of ids) {
      const slot = this.#routeSlots.detach(id);
      if (slot !== undefined) slots.push(slot);
    }
    return slots;
  }

  #logDelta(delta: Delta): void {
    const { log } = this.#options;
    if (!log.isLevelEnabled('info')) return;
    log.info(
      {
        version: this.version,
        routes: delta.routes.set.length,
        dropped: delta.routes.drop.length,
        pools: delta.pools.set.map((pool) => `${pool.name}:${pool.endpoints.length}`).slice(0, 20),
      },
      'published',
    );
  }
}

function isEmpty(delta: Delta): boolean {
  const { routes, pools } = delta;
  return routes.set.length + routes.drop.length + pools.set.length + pools.drop.length === 0;
}
