import { shareAfter } from '../../router/slow-start.ts';
import type { Deadlines, Timed } from './deadlines.ts';
import type { Endpoint } from './endpoint.ts';

/**
 * Endpoints of this worker that take a part of their weight for a while. Their weights change with the sweep of the
 * deadlines, so that a request neither asks for nor works out anything.
 */
export class SlowStarts implements Timed {
  deadline = 0;
  deadlineIndex = -1;
  readonly #deadlines: Deadlines;
  readonly #durationMs: number;
  readonly #startedAt = new Map<Endpoint, number>();

  /** A duration of 0 switches it off. */
  constructor(deadlines: Deadlines, durationMs: number) {
    this.#deadlines = deadlines;
    this.#durationMs = durationMs;
  }

  /** From the beginning, also for one that was under way. */
  begin(endpoint: Endpoint): void {
    if (this.#durationMs === 0) return;
    if (this.#startedAt.size === 0) {
      this.deadline = 0;
      this.#deadlines.add(this);
    }
    this.#startedAt.set(endpoint, this.#deadlines.now);
    endpoint.takeShare(shareAfter(0, this.#durationMs));
  }

  /** It has been here for as long as starting takes, or is starting. */
  isSettled(endpoint: Endpoint): boolean {
    return this.#startedAt.has(endpoint) || this.#deadlines.now - endpoint.cameAt >= this.#durationMs;
  }

  /** It comes to others now, or back to them. */
  came(endpoint: Endpoint): void {
    endpoint.cameAt = this.#deadlines.now;
  }

  end(endpoint: Endpoint): void {
    if (!this.#startedAt.delete(endpoint)) return;
    endpoint.takeShare(1);
    if (this.#startedAt.size === 0) this.#deadlines.remove(this);
  }

  expire(now: number): void {
    for (const [endpoint, startedAt] of this.#startedAt) {
      const share = shareAfter(now - startedAt, this.#durationMs);
      if (share < 1) endpoint.takeShare(share);
      else this.end(endpoint);
    }
    this.deadline = 0;
  }
}
