/**
 * Keeps retries from multiplying an outage: over time at most a share of the requests may be retries (as Finagle's and
 * Envoy's retry budgets do). What is not used is saved up to a limit, so that the instance that dies under load, with
 * many requests in flight at once, still costs nobody an answer.
 */
export class RetryBudget {
  readonly #share: number;
  readonly #most: number;
  #balance: number;

  /** `share` of requests, for example 0.2; `first` retries are free before any traffic; `most` can be saved. */
  constructor(share = 0.2, first = 100, most = 1_000) {
    this.#share = share;
    this.#most = most;
    this.#balance = first;
  }

  /** A first attempt was made: it earns a part of a retry. */
  earn(): void {
    if (this.#balance < this.#most) this.#balance += this.#share;
  }

  /** True when a retry may be made now; it is then spent. */
  spend(): boolean {
    if (this.#balance < 1) return false;
    this.#balance -= 1;
    return true;
  }
}
