/**
 * Keeps retries from multiplying an outage: over time at most a share of the requests may be retries (Finagle's and
 * Envoy's retry budget). A reserve lets the first failures of a quiet pool be retried at once.
 */
export class RetryBudget {
  readonly #share: number;
  readonly #reserve: number;
  #balance: number;

  /** `share` of requests, for example 0.2; `reserve` retries are free before any traffic. */
  constructor(share = 0.2, reserve = 10) {
    this.#share = share;
    this.#reserve = reserve;
    this.#balance = reserve;
  }

  /** A first attempt was made: it earns a part of a retry. */
  earn(): void {
    if (this.#balance < this.#reserve) this.#balance += this.#share;
  }

  /** True when a retry may be made now; it is then spent. */
  spend(): boolean {
    if (this.#balance < 1) return false;
    this.#balance -= 1;
    return true;
  }
}
