import { once } from 'node:events';
import type { AcmeConfig } from '../../config/acme.ts';
import type { Log } from '../log.ts';
import { Counts } from '../metrics.ts';
import type { Clock } from '../providers/clock.ts';
import type { Store } from '../store/store.ts';
import { AuthorityDesk } from './authority-desk.ts';
import { Book, emptyView, type View } from './book.ts';
import { type ChallengeSnapshot, noChallenges, snapshotOf } from './challenges.ts';
import { type ErrandContext, type Outcome, runErrand } from './errand.ts';
import { type HeldCertificate, Holdings } from './holdings.ts';
import { type CertificatePlan, canonical, type NamePlan, type NameRules, planCertificates } from './names.ts';
import { createOnDemandGate, type OnDemandGate, type Permission } from './on-demand.ts';
import { labelOf, type Problem } from './problem.ts';
import { nextWork } from './schedule.ts';
import { type AcmeStatus, refusedStatus, statusOf } from './status.ts';
import { sweep } from './sweep.ts';
import { LONGEST_SLEEP_MS, wallClock } from './timing.ts';

export interface AcmeOptions {
  readonly config: AcmeConfig;
  /** What replicas share. The manager does not close it. */
  readonly store: Store;
  /** Keeps a copy for a start without the shared store; null where that is on this machine anyway. */
  readonly localStore: Store | null;
  readonly log: Pick<Log, 'info' | 'warn' | 'error'>;
  /** All certificates to serve, whenever one is new. */
  readonly onCertificates: (certificates: readonly HeldCertificate[]) => void;
  /** What listeners answer to the authority, whenever it has changed. */
  readonly onChallenges: (challenges: ChallengeSnapshot) => void;
  /** Nothing is ordered before: an authority that looks would find nobody. */
  readonly listening?: Promise<void>;
  readonly clock?: Clock;
  readonly lockMs?: number;
}

/** Long enough for a store that stutters, short enough for the others when this replica dies. */
const LOCK_MS = 30_000;
/** Share of the lock's life after which a name is looked at again that another replica was busy with. */
const BUSY_SHARE = 1 / 6;
/** Until the watch has brought what was just written. */
const ECHO_MS = 500;
/** A store that says nothing for longer holds up no start. */
const FIRST_LOOK_MS = 1_000;

/** Keeps a certificate for every wanted name, together with all other replicas that share the store. */
export class AcmeManager {
  /** What became of orders, by result; for `acme_orders_total`. */
  readonly orders = new Counts();
  /** Failures by the authority's error type; for `acme_errors_total`. */
  readonly errors = new Counts();
  readonly #options: AcmeOptions;
  readonly #clock: Clock;
  readonly #book: Book;
  readonly #desk: AuthorityDesk;
  readonly #holdings: Holdings;
  readonly #rules: NameRules;
  readonly #gate: OnDemandGate | null;
  readonly #life = new AbortController();
  readonly #running = new Map<string, Promise<void>>();
  /** Not before these times, by id. */
  readonly #holds = new Map<string, number>();
  #wanted: ReadonlySet<string> = new Set();
  #plan: NamePlan = { plans: [], refused: [] };
  #view: View = emptyView;
  #hasView = false;
  #challenges: ChallengeSnapshot = noChallenges;
  #wake = new AbortController();
  #loop: Promise<void> | null = null;
  /** Aborts with the store's first answer, or its first failure. */
  readonly #looked = new AbortController();

  constructor(options: AcmeOptions) {
    const { config, store, localStore, log } = options;
    this.#options = options;
    this.#clock = options.clock ?? wallClock;
    this.#book = new Book(store, config.directory);
    this.#desk = new AuthorityDesk(this.#book, this.#clock, {
      ...config,
      signal: this.#life.signal,
      now: () => this.#clock.now(),
    });
    this.#rules = { wildcards: config.dns !== null, privateNames: config.privateNames };
    const { onDemand, privateNames } = config;
    this.#gate = onDemand && createOnDemandGate({ ...onDemand, privateNames }, this.#clock);
    this.#holdings = new Holdings({
      shared: this.#book,
      local: localStore && new Book(localStore, config.directory),
      now: () => this.#clock.now(),
      onCertificates: options.onCertificates,
      onFault: (message) => log.warn({ reason: message }, 'certificates could not be copied'),
    });
  }

  /**
   * Resolves when the store has answered or failed, at the latest after a second, and tells what there is then. Listeners
   * open later: an authority that was sent to this replica must not find it without the challenges of the others.
   */
  async start(): Promise<void> {
    await this.#holdings.loadLocal();
    const onFault = (message: string): void => {
      this.#options.log.warn({ reason: message }, 'the store of certificates cannot be read');
      this.#looked.abort();
    };
    this.#book.watch((view) => this.#see(view), onFault, this.#life.signal);
    this.#loop = this.#run();
    await this.#clock.sleep(FIRST_LOOK_MS, AbortSignal.any([this.#life.signal, this.#looked.signal]));
    this.#options.onCertificates(this.held);
  }

  get held(): readonly HeldCertificate[] {
    return this.#holdings.held;
  }

  /** Orders under way are left to the other replicas, or to the next start. */
  async stop(): Promise<void> {
    this.#life.abort();
    await this.#loop;
    await Promise.all(this.#running.values());
    await this.#desk.close();
  }

  /** The names to have certificates for, beside those of `tls.acme.names`. */
  want(names: Iterable<string>): void {
    this.#wanted = new Set([...names].map(canonical));
    this.#replan();
  }

  /** Somebody connects with a name that has no certificate. When allowed, it will come with `onCertificates`. */
  async requestOnDemand(given: string): Promise<Permission> {
    const name = canonical(given);
    if (this.#gate === null) return { allowed: false, reason: 'tls.acme.onDemand is off' };
    if (this.#plan.plans.some(({ names }) => names.includes(name))) return { allowed: true };
    const permission = await this.#gate.permit(name, this.#life.signal);
    if (!permission.allowed) return permission;
    try {
      await this.#book.write('onDemand', name, { name, at: this.#clock.now() });
      return permission;
    } catch (error) {
      return { allowed: false, reason: `the store failed: ${(error as Error).message}` };
    }
  }

  /** What became of each wanted name; the authority's own trouble is everybody's. */
  status(): { readonly problem: Problem | null; readonly certificates: readonly AcmeStatus[] } {
    const now = this.#clock.now();
    const { plans, refused } = this.#plan;
    return {
      problem: this.#desk.problem,
      certificates: [
        ...plans.map((plan) => statusOf(plan, this.#view, this.#running.has(plan.id), now)),
        ...refused.map(refusedStatus),
      ],
    };
  }

  #see(view: View): void {
    this.#view = view;
    this.#hasView = true;
    this.#holdings.take(view);
    const challenges = snapshotOf(view, this.#clock.now());
    const count = ({ http, tls }: ChallengeSnapshot): number => http.size + tls.size;
    if (count(challenges) > 0 || count(this.#challenges) > 0) this.#options.onChallenges(challenges);
    this.#challenges = challenges;
    this.#looked.abort();
    this.#replan();
  }

  #replan(): void {
    const names = [...this.#options.config.names, ...this.#wanted, ...this.#view.onDemand.keys()];
    this.#plan = planCertificates(new Set(names), this.#rules);
    this.#wakeUp();
  }

  #wakeUp(): void {
    this.#wake.abort();
  }

  async #run(): Promise<void> {
    const { signal } = this.#life;
    await Promise.race([this.#options.listening, aborted(signal)]);
    while (!signal.aborted) {
      this.#wake = new AbortController();
      const now = this.#clock.now();
      const next = this.#hasView ? this.#startWhatIsDue(now) : now + LONGEST_SLEEP_MS;
      await this.#clock.sleep(next - now, AbortSignal.any([signal, this.#wake.signal]));
    }
  }

  /** Returns when to look again unless something happens before. */
  #startWhatIsDue(now: number): number {
    let next = now + LONGEST_SLEEP_MS;
    if (this.#desk.pausedUntil > now) return Math.min(next, this.#desk.pausedUntil);
    for (const plan of this.#plan.plans) {
      if (this.#running.has(plan.id)) continue;
      const at = Math.max(this.#dueAt(plan, now), this.#holds.get(plan.id) ?? 0);
      if (at > now) next = Math.min(next, at);
      // Where all places are taken, the first that becomes free wakes us.
      else if (this.#running.size < this.#options.config.ordersAtOnce) this.#begin(plan);
    }
    for (const [id, until] of this.#holds) if (until <= now) this.#holds.delete(id);
    const planned = new Set(this.#plan.plans.map(({ id }) => id));
    void sweep(this.#book, this.#view, planned, now).catch(() => {});
    return next;
  }

  #dueAt(plan: CertificatePlan, now: number): number {
    const { certificates, advice, attempts } = this.#view;
    const { id } = plan;
    const known = { certificate: certificates.get(id), advice: advice.get(id), attempts: attempts.get(id) };
    return nextWork(plan, known, now).at;
  }

  #begin(plan: CertificatePlan): void {
    const done = this.#attend(plan).finally(() => {
      this.#running.delete(plan.id);
      this.#wakeUp();
    });
    this.#running.set(plan.id, done);
  }

  async #attend(plan: CertificatePlan): Promise<void> {
    if (await this.#isNoLongerAllowed(plan)) return;
    const { config, lockMs = LOCK_MS } = this.#options;
    const context: ErrandContext = {
      ...{ book: this.#book, clock: this.#clock, settings: config, lockMs },
      authority: () => this.#desk.open(),
    };
    this.#note(plan, await runErrand(context, plan, this.#life.signal));
  }

  /** A name that came on demand is asked about again before it is renewed. */
  async #isNoLongerAllowed({ id, names: [name = ''] }: CertificatePlan): Promise<boolean> {
    const isOnDemand = this.#view.onDemand.has(name) && !this.#wanted.has(name);
    if (!isOnDemand || !this.#view.certificates.has(id)) return false;
    const isRevoked = this.#gate === null || (await this.#gate.isRevoked(name, this.#life.signal));
    if (!isRevoked) return false;
    this.#hold(id, this.#busyMs);
    await this.#book.remove('onDemand', name).catch(() => {});
    return true;
  }

  #note({ id, names }: CertificatePlan, outcome: Outcome): void {
    const { log } = this.#options;
    switch (outcome.kind) {
      case 'issued':
        this.orders.add('issued');
        log.info({ names }, 'certificate issued');
        break;
      case 'superseded':
        this.orders.add('superseded');
        log.warn({ names }, 'the lock was lost while ordering, and another replica was faster');
        break;
      case 'failed':
        this.orders.add('failed');
        this.errors.add(labelOf(outcome.problem));
        log.warn(
          { names, problem: outcome.problem, nextAttemptAt: new Date(outcome.nextAt).toISOString() },
          'no certificate was issued',
        );
        break;
      case 'shared':
        return this.#pause(outcome.problem, outcome.retryAfterMs);
      case 'store':
        this.errors.add('store');
        log.warn({ names, reason: outcome.message }, 'the store of certificates failed');
        return this.#hold(id, this.#busyMs);
      case 'busy':
        return this.#hold(id, this.#busyMs);
      case 'advised':
      case 'nothing':
        break;
    }
    if (outcome.kind === 'issued' || outcome.kind === 'advised') this.#desk.succeeded();
    this.#hold(id, ECHO_MS);
  }

  get #busyMs(): number {
    return (this.#options.lockMs ?? LOCK_MS) * BUSY_SHARE;
  }

  #hold(id: string, ms: number): void {
    this.#holds.set(id, this.#clock.now() + ms * (0.75 + this.#clock.random() / 4));
  }

  /** Every name would fail now: none is asked about, and none is blamed. */
  #pause(problem: Problem, retryAfterMs: number | null): void {
    const pauseMs = this.#desk.failed(problem, retryAfterMs);
    if (pauseMs === null) return;
    this.errors.add(labelOf(problem));
    const fields = { problem, pauseMs: Math.round(pauseMs) };
    this.#options.log.error(fields, 'the certificate authority cannot be used');
  }
}

function aborted(signal: AbortSignal): Promise<unknown> {
  return signal.aborted ? Promise.resolve() : once(signal, 'abort');
}
