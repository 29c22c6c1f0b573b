/**
 * When an endpoint that fails is left out, and for how long. Time is passed in; one instance belongs to one endpoint.
 *
 * A connection that is refused is certain, so it counts at once. An answer that fails (reset, timeout) may be the
 * request's own doing, so a few in a row are needed (Envoy's outlier detection takes five).
 */
export interface OutlierLimits {
  /** Failed answers in a row until the endpoint is left out. */
  readonly failures: number;
  /** First time out, in milliseconds; doubles with each further one. */
  readonly firstMs: number;
  readonly maxMs: number;
}

const OUTLIER_LIMITS: OutlierLimits = { failures: 5, firstMs: 1_000, maxMs: 30_000 };

export type Failure = 'connect' | 'answer';

export class Outlier {
  readonly #limits: OutlierLimits;
  #inRow = 0;
  /** Times it was left out without a good answer in between: the exponent of the next time out. */
  #strikes = 0;
  #outUntil = 0;
  /** Back on trial: one more failure is enough. */
  #isOnTrial = false;

  constructor(limits: OutlierLimits = OUTLIER_LIMITS) {
    this.#limits = limits;
  }

  isOut(now: number): boolean {
    return now < this.#outUntil;
  }

  /** True when this failure takes the endpoint out. */
  failed(kind: Failure, now: number): boolean {
    if (this.isOut(now)) return false;
    if (this.#outUntil > 0) this.#isOnTrial = true;
    this.#inRow++;
    if (kind === 'answer' && !this.#isOnTrial && this.#inRow < this.#limits.failures) return false;
    this.#inRow = 0;
    this.#outUntil =
      now + Math.min(this.#limits.maxMs, this.#limits.firstMs * 2 ** Math.min(this.#strikes++, 16));
    return true;
  }

  succeeded(): void {
    if (this.#inRow === 0 && this.#outUntil === 0) return;
    this.#inRow = 0;
    this.#strikes = 0;
    this.#outUntil = 0;
    this.#isOnTrial = false;
  }
}
