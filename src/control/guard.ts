import type { Health, Instance } from '../../router/model.ts';

/** A loss of this share of all accepted instances… */
const MASS_SHARE = 0.5;
/** …of at least this many instances… */
const MASS_INSTANCES = 10;
/** …in at least this many services… */
const MASS_SERVICES = 3;
/** …within this time is held: deployments do not look like this, broken agents and lost leaders do. */
const WINDOW_MS = 10_000;

export interface GuardOptions {
  readonly holdMs: number;
  readonly accepts: (health: Health) => boolean;
  readonly now: () => number;
}

interface Loss {
  readonly at: number;
  readonly service: string;
  readonly count: number;
}

/**
 * Decides whether a loss is believed. A single service may always lose its instances; a mass disappearance, or any loss
 * while the source itself is in doubt, is held for a bounded time. Held instances that are really gone are found out by
 * their failing connections.
 */
export class Guard {
  readonly #options: GuardOptions;
  readonly #accepted = new Map<string, number>();
  readonly #held = new Map<string, readonly Instance[]>();
  #total = 0;
  #losses: Loss[] = [];
  #heldUntil = 0;
  #doubt: string | null = null;

  constructor(options: GuardOptions) {
    this.#options = options;
  }

  /** Why losses are held at present; null when they are not. */
  get reason(): string | null {
    if (this.#doubt !== null) return this.#doubt;
    return this.#held.size > 0 ? 'most instances disappeared at once' : null;
  }

  get heldServices(): number {
    return this.#held.size;
  }

  doubt(reason: string): void {
    this.#doubt = reason;
    this.#heldUntil = this.#options.now() + this.#options.holdMs;
  }

  /** The source is believed again. */
  certain(): void {
    this.#doubt = null;
  }

  /** True when the news may be applied now; otherwise it is kept and comes back through `due`. */
  admit(service: string, instances: readonly Instance[]): boolean {
    const now = this.#options.now();
    const before = this.#accepted.get(service) ?? 0;
    const accepted = instances.filter((instance) => this.#options.accepts(instance.health)).length;
    const lost = before - accepted;
    if (lost <= 0) return this.#apply(service, accepted);
    this.#losses = this.#losses.filter((loss) => now - loss.at < WINDOW_MS);
    if (this.#isHolding(now) || this.#isMass(service, lost)) {
      if (this.#doubt === null && this.#held.size === 0) this.#heldUntil = now + this.#options.holdMs;
      this.#held.set(service, instances);
      return false;
    }
    this.#losses.push({ at: now, service, count: lost });
    return this.#apply(service, accepted);
  }

  /** Held news whose time has come; the caller applies it. */
  due(): [string, readonly Instance[]][] {
    if (this.#held.size === 0 || this.#options.now() < this.#heldUntil) return [];
    const due = [...this.#held];
    this.#held.clear();
    this.#losses = [];
    for (const [service, instances] of due) {
      this.#apply(service, instances.filter((instance) => this.#options.accepts(instance.health)).length);
    }
    return due;
  }

  #isHolding(now: number): boolean {
    return this.#doubt !== null ? now < this.#heldUntil : this.#held.size > 0;
  }

  #isMass(service: string, lost: number): boolean {
    const count = this.#losses.reduce((sum, loss) => sum + loss.count, lost);
    const services = new Set([...this.#losses.map((loss) => loss.service), service]).size;
    const before = this.#total + count - lost;
    return count >= MASS_INSTANCES && services >= MASS_SERVICES && count > before * MASS_SHARE;
  }

  #apply(service: string, accepted: number): true {
    this.#held.delete(service);
    this.#total += accepted - (this.#accepted.get(service) ?? 0);
    if (accepted === 0) this.#accepted.delete(service);
    else this.#accepted.set(service, accepted);
    return true;
  }
}
