import type { CheckChanges } from '../../router/active-checks.ts';
import { parseFabioCommands } from '../../router/fabio-commands.ts';
import type { Delta, Instance, Refusal } from '../../router/model.ts';
import type { Planner } from '../../router/planner.ts';
import type { StaticEntry } from '../../router/static-routes.ts';
import type { Guard } from './guard.ts';
import type { Lines, NewsKind } from './history/entry.ts';
import type { History } from './history/history.ts';
import type { Log } from './log.ts';
import type { ProviderEvents } from './providers/provider.ts';

export interface CatalogIntakeOptions {
  readonly planner: Planner;
  readonly guard: Guard;
  readonly forgetMs: number;
  readonly log: Log;
  readonly onService: (service: string, instances: readonly Instance[]) => void;
  readonly onComplete: () => void;
  /** The routes need these checks of the router's own. */
  readonly onChecks: (changes: CheckChanges) => void;
  /** Told what comes in. */
  readonly history: Pick<History, 'note'>;
}

/**
 * Catalog news in, differences of the table out: what is believed goes to the planner, and news that arrives together is
 * worked out together, in the next turn of the event loop.
 */
export abstract class CatalogIntake implements ProviderEvents {
  /** Every service was heard of at least once, now or before the last stop. */
  isComplete = false;
  readonly #options: CatalogIntakeOptions;
  readonly #instances = new Map<string, readonly Instance[]>();
  /** Services that left the catalog: until they are forgotten, their hosts answer 503. */
  readonly #gone = new Map<string, { readonly last: readonly Instance[]; readonly forgetAt: number }>();
  readonly #providerRefusals = new Map<string, readonly Refusal[]>();
  readonly #unconfirmed = new Set<string>();
  /** Entries of the KV tree that are applied, and fewer ones that wait. */
  #lines: Lines = [];
  #heldLines: Lines | null = null;
  #receivedAt = 0;
  #isScheduled = false;

  constructor(options: CatalogIntakeOptions) {
    this.#options = options;
  }

  /** A difference was worked out; an empty one, too. `isForced` when somebody asked for it. */
  protected abstract committed(delta: Delta, receivedAt: number, isForced: boolean): void;

  /** The operator's own routes are now these. */
  setStatics(statics: readonly StaticEntry[]): void {
    this.#options.planner.setStatics(statics);
    this.#options.history.note({ kind: 'config' });
    this.#schedule(performance.now());
  }

  /** What providers and the planner set aside. */
  refusals(): Refusal[] {
    return [...[...this.#providerRefusals.values()].flat(), ...this.#options.planner.refused()];
  }

  /** The catalog as it was last reported, unhealthy instances included. */
  get catalog(): ReadonlyMap<string, readonly Instance[]> {
    return this.#instances;
  }

  service(name: string, instances: readonly Instance[], receivedAt: number): void {
    this.#unconfirmed.delete(name);
    this.#admit(name, instances, receivedAt, 'reported');
  }

  #admit(name: string, instances: readonly Instance[], receivedAt: number, how: NewsKind): void {
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
    this.#apply(name, admitted, receivedAt, admitted === instances ? how : 'held');
    for (const [service, kept] of guard.takenBack()) this.#apply(service, kept, receivedAt, 'taken-back');
  }

  #apply(name: string, instances: readonly Instance[], receivedAt: number, how: NewsKind): void {
    const { planner, history } = this.#options;
    const before = this.#instances.get(name);
    history.note({ kind: 'service', service: name, before: before ?? [], after: instances, how });
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
    const isHeld = this.#options.guard.isDoubting && lines.length < this.#lines.length;
    this.#heldLines = isHeld ? lines : null;
    if (!isHeld) this.#applyLines(lines, receivedAt);
  }

  #applyLines(lines: Lines, receivedAt: number): void {
    this.#options.history.note({ kind: 'lines', before: this.#lines, after: lines });
    this.#lines = lines;
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
      this.#admit(name, instances, performance.now(), 'saved');
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
    this.#options.history.note({ kind: 'check', check, isUp });
    this.#schedule(performance.now());
  }

  /** Applies what was held long enough and forgets what left long ago. Called about once a second. */
  tick(): void {
    for (const [name, instances] of this.#options.guard.due())
      this.#apply(name, instances, performance.now(), 'released');
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
      this.#options.history.note({ kind: 'forgotten', service: name });
      this.#schedule(now);
    }
  }

  #schedule(receivedAt: number): void {
    if (this.#receivedAt === 0) this.#receivedAt = receivedAt;
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    setImmediate(() => this.commit());
  }

  /** Works out what has come in since the last time. */
  commit(isForced = false): void {
    this.#isScheduled = false;
    const receivedAt = this.#receivedAt || performance.now();
    this.#receivedAt = 0;
    const { planner, onChecks } = this.#options;
    const delta = planner.commit();
    onChecks(planner.takeCheckChanges());
    this.committed(delta, receivedAt, isForced);
  }
}
