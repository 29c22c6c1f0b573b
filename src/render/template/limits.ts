import { LimitReached } from './errors.ts';

/** What one execution may use. */
export interface Limits {
  /** Nodes walked, commands evaluated, iterations. */
  readonly maxSteps: number;
  /** Templates within templates; Go allows 100 000, on a stack that grows. */
  readonly maxDepth: number;
  /** Of the whole output, and of any single string on the way. */
  readonly maxOutputBytes: number;
  readonly maxMs: number;
}

/** A render of 2 000 services takes some 100 000 steps and well under 100 ms. */
export const defaultLimits: Limits = {
  maxSteps: 20_000_000,
  maxDepth: 200,
  maxOutputBytes: 64 * 1024 * 1024,
  maxMs: 10_000,
};

/** Steps between two looks at the clock. */
const STEPS_PER_LOOK = 4_096;

/** Counts one execution's steps and time. */
export class Budget {
  readonly limits: Limits;
  readonly #now: () => number;
  readonly #endsAt: number;
  #steps = 0;
  #nextLook = STEPS_PER_LOOK;

  /** `now` counts milliseconds and never goes back. */
  constructor(limits: Limits, now: () => number) {
    this.limits = limits;
    this.#now = now;
    this.#endsAt = now() + limits.maxMs;
  }

  spend(steps: number): void {
    this.#steps += steps;
    if (this.#steps < this.#nextLook) return;
    this.#nextLook = this.#steps + STEPS_PER_LOOK;
    if (this.#steps > this.limits.maxSteps) throw new LimitReached(`exceeded ${this.limits.maxSteps} steps`);
    if (this.#now() > this.#endsAt) throw new LimitReached(`took longer than ${this.limits.maxMs} ms`);
  }
}
