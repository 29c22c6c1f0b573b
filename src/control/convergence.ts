import { SmallHistogram } from './metrics.ts';

const BOUNDS = [0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5];

/** Measures how long a catalog answer takes until it is live in every worker. */
export class Convergence {
  readonly seconds = new SmallHistogram(BOUNDS);
  readonly #onLive: (version: number, lagMs: number) => void;
  readonly #pending = new Map<number, { receivedAt: number; missing: number }>();

  /** `onLive` is told of every version that is live in every worker. */
  constructor(onLive: (version: number, lagMs: number) => void = () => {}) {
    this.#onLive = onLive;
  }

  published(version: number, receivedAt: number, workers: number): void {
    if (workers > 0) this.#pending.set(version, { receivedAt, missing: workers });
  }

  applied(version: number): void {
    const pending = this.#pending.get(version);
    if (!pending || --pending.missing > 0) return;
    this.#pending.delete(version);
    const lagMs = performance.now() - pending.receivedAt;
    this.seconds.observe(lagMs / 1000);
    this.#onLive(version, lagMs);
  }

  /** A dead worker confirms nothing: what it was asked for is not measured. */
  workerGone(): void {
    this.#pending.clear();
  }
}
