import type { Health, Instance } from '../../router/model.ts';

/** A loss of this share of all accepted instances… */
const MASS_SHARE = 0.5;
/** …of at least this many instances… */
const MASS_INSTANCES = 10;
/** …in at least this many services… */
const MASS_SERVICES = 3;
/**
 * …within this time, less what came back, is held: deployments and flapping checks do not look like this, broken agents
 * and lost leaders do.
 */
const WINDOW_MS = 10_000;
/** A source that fails again and again is believed in the end. */
const MAX_HOLDS = 4;

export interface GuardOptions {
  readonly holdMs: number;
  readonly accepts: (health: Health) => boolean;
  readonly now: () => number;
}

interface Loss {
  readonly at: number;
  readonly service: string;
  /** Less what came back since. */
  count: number;
  /** What was believed before. */
  readonly before: readonly Instance[];
}

/**
 * Which losses are doubted: all; those of instances not seen in order since the source was last away or lost its memory,
 * or of these only where a check fails; or those that left the catalog.
 */
type Scope = 'all' | 'unseen' | 'checks' | 'gone';

/**
 * Decides whether a loss is believed. A single service may always lose its instances; a mass disappearance, any loss while
 * the source itself is in doubt, and failing checks after the source was away are held for a bounded time. Held instances
 * that are really gone are found out by their failing connections.
 */
export class Guard {
  readonly #options: GuardOptions;
  /** What was admitted last, by service. */
  readonly #believed = new Map<string, readonly Instance[]>();
  /** News that lost something, until it is believed. */
  readonly #held = new Map<string, { readonly news: readonly Instance[]; readonly until: number }>();
  #total = 0;
  #losses: Loss[] = [];
  readonly #takenBack: [string, readonly Instance[]][] = [];
  #massUntil = 0;
  #doubt: string | null = null;
  #doubtUntil = 0;
  #checksSince = 0;
  /** Instances seen in order since the source was last away or forgot them: what a check then finds is believed. */
  readonly #confirmed = new Set<string>();
  #checksUntil = 0;

  constructor(options: GuardOptions) {
    this.#options = options;
  }

  /** Why losses are held at present; null when they are not. */
  get reason(): string | null {
    if (this.#doubt !== null) return this.#doubt;
    if (this.#held.size === 0) return null;
    const isMass = this.#options.now() < this.#massUntil;
    return isMass
      ? 'most instances disappeared at once'
      : 'checks may not have run since the catalog was away';
  }

  get heldServices(): number {
    return this.#held.size;
  }

  /** What the source says of a service whose losses are held; null when it is believed. */
  heldNews(service: string): readonly Instance[] | null {
    return this.#held.get(service)?.news ?? null;
  }

  /** The source itself is in doubt, and not for too long already. */
  get isDoubting(): boolean {
    return this.#doubt !== null && this.#options.now() < this.#doubtUntil;
  }

  doubt(reason: string): void {
    // One loss of memory is noticed by many watches: only the first starts anew.
    if (!this.isDoubting) this.#confirmed.clear();
    this.#doubt = reason;
    this.#doubtUntil = this.#options.now() + this.#options.holdMs;
  }

  /** The source is believed again. */
  certain(): void {
    this.#doubt = null;
  }

  /** The source was away. An agent that starts calls its checks critical until it has run them once. */
  returned(): void {
    const now = this.#options.now();
    const { holdMs } = this.#options;
    if (now >= this.#checksUntil) this.#checksSince = now;
    this.#checksUntil = Math.min(now + holdMs, this.#checksSince + MAX_HOLDS * holdMs);
    this.#confirmed.clear();
  }

  /** A service was read again, and is as it was reported last. */
  confirm(service: string): void {
    this.#confirmIn(this.#held.get(service)?.news ?? this.#believed.get(service) ?? []);
  }

  #confirmIn(news: readonly Instance[]): void {
    if (this.#options.now() >= this.#checksUntil && !this.isDoubting) return;
    for (const { id, health } of news) if (this.#options.accepts(health)) this.#confirmed.add(id);
  }

  /**
   * What to apply now: the news itself, or the news with what it lost put back. In that case the news comes again through
   * `due`, unless better news comes first.
   */
  admit(service: string, news: readonly Instance[]): readonly Instance[] {
    const now = this.#options.now();
    const believed = this.#believed.get(service) ?? [];
    const lost = this.#count(believed) - this.#count(news);
    this.#held.delete(service);
    this.#confirmIn(news);
    if (lost <= 0) {
      this.#regain(service, -lost);
      return this.#believe(service, news);
    }
    if (now < this.#checksUntil) {
      const kept = this.#keep(believed, news, 'checks');
      if (kept !== news) return this.#hold(service, news, kept, this.#checksUntil);
    }
    if (this.isDoubting) {
      const kept = this.#keep(believed, news, 'unseen');
      if (kept !== news) return this.#hold(service, news, kept, 0);
    }
    const kept = this.#keep(believed, news, 'all');
    if (kept === news) return this.#believe(service, news);
    if (now < this.#massUntil && this.#held.size > 0) return this.#hold(service, news, kept, this.#massUntil);
    this.#losses.push({ at: now, service, count: lost, before: believed });
    if (!this.#isMass(now)) return this.#believe(service, news);
    this.#massUntil = now + this.#options.holdMs;
    this.#hold(service, news, kept, this.#massUntil);
    this.#reconsider();
    return this.#believed.get(service)!;
  }

  /** Services whose earlier losses proved to be part of a mass loss, with what they had; the caller applies it. */
  takenBack(): [string, readonly Instance[]][] {
    return this.#takenBack.splice(0);
  }

  /** Held news whose time has come; the caller applies it. */
  due(): [string, readonly Instance[]][] {
    if (this.#held.size === 0 || this.isDoubting) return [];
    const now = this.#options.now();
    const due = [...this.#held].filter(([, { until }]) => now >= until);
    if (due.length > 0) this.#losses = [];
    return due.map(([service, { news }]) => {
      this.#held.delete(service);
      return [service, this.#believe(service, news)];
    });
  }

  /** An instance that flaps is one loss, however often it leaves. */
  #regain(service: string, gained: number): void {
    let left = gained;
    for (const loss of this.#losses) {
      if (loss.service !== service) continue;
      const back = Math.min(left, loss.count);
      loss.count -= back;
      left -= back;
    }
  }

  #isMass(now: number): boolean {
    this.#losses = this.#losses.filter((loss) => loss.count > 0 && now - loss.at < WINDOW_MS);
    const count = this.#losses.reduce((sum, loss) => sum + loss.count, 0);
    const services = new Set(this.#losses.map((loss) => loss.service)).size;
    if (count < MASS_INSTANCES || services < MASS_SERVICES) return false;
    const latest = this.#losses.at(-1)!;
    const before = this.#total + count - latest.count;
    return count > before * MASS_SHARE;
  }

  /**
   * The losses that led up to a mass loss are part of it: what left the catalog is taken back, unless its address has a
   * new owner. Failing checks are not: nodes that really died are found by them.
   */
  #reconsider(): void {
    const owners = new Map<string, string>();
    for (const [service, instances] of this.#believed)
      for (const { address, port } of instances) owners.set(`${address} ${port}`, service);
    const earliest = new Map<string, readonly Instance[]>();
    for (const { service, before } of this.#losses) if (!earliest.has(service)) earliest.set(service, before);
    for (const [service, before] of earliest) {
      const believed = this.#believed.get(service) ?? [];
      const own = before.filter(({ address, port }) => {
        const owner = owners.get(`${address} ${port}`);
        return owner === undefined || owner === service;
      });
      const kept = this.#keep(own, believed, 'gone');
      if (kept === believed) continue;
      this.#hold(service, this.#held.get(service)?.news ?? believed, kept, this.#massUntil);
      this.#takenBack.push([service, kept]);
    }
    this.#losses = [];
  }

  /** The news with the doubtful losses put back as they were; the news itself when it has none. */
  #keep(believed: readonly Instance[], news: readonly Instance[], scope: Scope): readonly Instance[] {
    const fresh = new Map(news.map((instance) => [instance.id, instance]));
    const kept = new Map<string, Instance>();
    for (const instance of believed) {
      if (!this.#options.accepts(instance.health)) continue;
      const now = fresh.get(instance.id);
      const isSeen = this.#confirmed.has(instance.id) && !(now !== undefined && hasNotRun(now));
      if ((scope === 'checks' || scope === 'unseen') && isSeen) continue;
      // Maintenance is somebody's wish, not a check that has not run.
      const isDoubtful =
        now === undefined
          ? scope !== 'checks'
          : scope !== 'gone' && !this.#options.accepts(now.health) && now.health !== 'maintenance';
      if (isDoubtful) kept.set(instance.id, instance);
    }
    if (kept.size === 0) return news;
    return [...news.filter(({ id }) => !kept.has(id)), ...kept.values()];
  }

  #hold(
    service: string,
    news: readonly Instance[],
    kept: readonly Instance[],
    until: number,
  ): readonly Instance[] {
    this.#held.set(service, { news, until });
    return this.#believe(service, kept);
  }

  #believe(service: string, instances: readonly Instance[]): readonly Instance[] {
    this.#total += this.#count(instances) - this.#count(this.#believed.get(service) ?? []);
    if (instances.length === 0) this.#believed.delete(service);
    else this.#believed.set(service, instances);
    return instances;
  }

  #count(instances: readonly Instance[]): number {
    let count = 0;
    for (const { health } of instances) if (this.#options.accepts(health)) count++;
    return count;
  }
}

/**
 * All that fails has no output yet. A server that starts shows what it remembers, passing, until the agent tells it that
 * its checks are critical for not having been run (measured: 16 ms later). So what was seen passing proves nothing here.
 */
function hasNotRun({ checks }: Instance): boolean {
  const failing = checks.filter(({ status }) => status === 'critical');
  return failing.length > 0 && failing.every(({ output }) => output === '');
}
