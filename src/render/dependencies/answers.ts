import type { Clock } from '../../control/providers/clock.ts';
import { deepEqual } from '../template/compare.ts';
import { Dict, List, type Value } from '../template/values.ts';

/** While first answers are awaited, others come one after the other: they are told together. */
const GATHER_MS = 50;

export interface AnswersOptions {
  readonly clock: Clock;
  /** Whether some query has no answer yet. */
  readonly isAwaiting: () => boolean;
  readonly onChange: (ids: ReadonlySet<string>) => void;
}

/** What is known of each query, by its id, and who is told when that changes. */
export class Answers {
  readonly #options: AnswersOptions;
  readonly #signal: AbortSignal;
  readonly #known = new Map<string, Value>();
  /** Losses that are not believed yet. */
  readonly #held = new Map<string, Value>();
  #doubtUntil = Number.NEGATIVE_INFINITY;
  #changed = new Set<string>();
  #isTelling = false;

  constructor(options: AnswersOptions, signal: AbortSignal) {
    this.#options = options;
    this.#signal = signal;
  }

  has(id: string): boolean {
    return this.#known.has(id);
  }

  get(id: string): Value {
    return this.#known.get(id);
  }

  /** An answer. What equals the last one is no news, and keeps its identity. */
  set(id: string, value: Value): void {
    const before = this.#known.get(id);
    this.#held.delete(id);
    if (before !== undefined) {
      if (isSame(before, value)) return;
      if (this.#options.clock.now() < this.#doubtUntil && isLoss(before, value)) {
        this.#held.set(id, value);
        return;
      }
    }
    this.#put(id, value);
  }

  forget(id: string): void {
    this.#known.delete(id);
    this.#held.delete(id);
    this.#changed.delete(id);
  }

  /**
   * The source has lost its memory and may know less than there is for a while: what vanishes is kept until the time
   * is over or the source says otherwise.
   */
  doubt(ms: number): void {
    const { clock } = this.#options;
    const isActive = clock.now() < this.#doubtUntil;
    this.#doubtUntil = clock.now() + ms;
    if (!isActive) void this.#believeLater();
  }

  async #believeLater(): Promise<void> {
    const { clock } = this.#options;
    while (clock.now() < this.#doubtUntil && !this.#signal.aborted)
      await clock.sleep(this.#doubtUntil - clock.now(), this.#signal);
    if (this.#signal.aborted) return;
    for (const [id, value] of this.#held) this.#put(id, value);
    this.#held.clear();
  }

  #put(id: string, value: Value): void {
    this.#known.set(id, value);
    this.#changed.add(id);
    if (!this.#isTelling) void this.#tell();
  }

  async #tell(): Promise<void> {
    const { clock, isAwaiting, onChange } = this.#options;
    this.#isTelling = true;
    // What arrives in the same turn is told together.
    await new Promise((resolve) => setImmediate(resolve));
    if (isAwaiting()) await clock.sleep(GATHER_MS, this.#signal);
    this.#isTelling = false;
    const ids = this.#changed;
    this.#changed = new Set();
    if (ids.size > 0 && !this.#signal.aborted) onChange(ids);
  }
}

function isSame(before: Value, after: Value): boolean {
  try {
    return deepEqual(before, after);
  } catch {
    // Too large to compare: then it is news.
    return false;
  }
}

function isLoss(before: Value, after: Value): boolean {
  if (before instanceof List && after instanceof List) return after.items.length < before.items.length;
  if (before instanceof Dict && after instanceof Dict) return after.entries.size < before.entries.size;
  return after === null && before !== null;
}
