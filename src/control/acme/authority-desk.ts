import type { Clock } from '../providers/clock.ts';
import { type AccountOptions, forgetAccount, openAccount } from './account.ts';
import type { Authority } from './authority.ts';
import type { Book } from './book.ts';
import type { Problem } from './problem.ts';
import { authorityPause } from './timing.ts';

/** The way to the authority: opened when it is first needed, and left alone for a while when it fails. */
export class AuthorityDesk {
  readonly #book: Book;
  readonly #clock: Clock;
  readonly #options: AccountOptions;
  #authority: Promise<Authority> | null = null;
  #pausedUntil = 0;
  #failures = 0;
  #problem: Problem | null = null;

  constructor(book: Book, clock: Clock, options: AccountOptions) {
    this.#book = book;
    this.#clock = clock;
    this.#options = options;
  }

  /** Epoch milliseconds; in the past while all is well. */
  get pausedUntil(): number {
    return this.#pausedUntil;
  }

  /** Why nothing can be ordered; null while all is well. */
  get problem(): Problem | null {
    return this.#problem;
  }

  open(): Promise<Authority> {
    if (this.#authority !== null) return this.#authority;
    const opening = openAccount(this.#book, this.#options);
    this.#authority = opening;
    opening.catch(() => {
      if (this.#authority === opening) this.#authority = null;
    });
    return opening;
  }

  succeeded(): void {
    this.#failures = 0;
    this.#problem = null;
  }

  /** Returns the pause, or null when there is one already: of several orders, the first has said it for all. */
  failed(problem: Problem, retryAfterMs: number | null): number | null {
    const now = this.#clock.now();
    if (this.#pausedUntil > now) return null;
    this.#failures += 1;
    this.#problem = problem;
    const ms = authorityPause(this.#failures, retryAfterMs, this.#clock.random());
    this.#pausedUntil = now + ms;
    if (problem.type === 'accountDoesNotExist') void this.#startAnew();
    return ms;
  }

  async close(): Promise<void> {
    const opened = this.#authority;
    this.#authority = null;
    await opened?.then((authority) => authority.close()).catch(() => {});
  }

  async #startAnew(): Promise<void> {
    await this.close();
    await forgetAccount(this.#book).catch(() => {});
  }
}
