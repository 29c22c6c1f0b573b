import type { ActiveCheck, CheckChanges } from '../../../router/active-checks.ts';
import { afterResult, type CheckState, NEWCOMER } from '../../../router/check-state.ts';
import type { Log } from '../log.ts';
import { Counts } from '../metrics.ts';
import type { Probe, ProbeResult } from './http-probe.ts';

/** Sockets and work on the main thread at one moment. */
const MAX_RUNNING = 64;
/** Of these, the share of endpoints that do not answer well, so that a rack that hangs delays nobody else's checks. */
const MAX_SUSPECTS = 32;
/** Precision of the intervals, which begin at half a second. */
const SWEEP_MS = 100;
const MAX_TIMEOUT_MS = 5_000;
/** First checks of many newcomers at once begin at this distance. */
const NEWCOMERS_APART_MS = 2;
/** Share of the interval by which a check may come earlier or later, so that those begun together drift apart. */
const JITTER = 0.1;

export interface CheckerOptions {
  readonly probe: Probe;
  /** An endpoint is out, or back. */
  readonly onVerdict: (check: string, isUp: boolean) => void;
  readonly log: Pick<Log, 'info'>;
  readonly now?: () => number;
  readonly random?: () => number;
}

export interface Standing {
  readonly isUp: boolean;
  /** What the latest probe said; null before the first. */
  readonly output: string | null;
}

interface Entry {
  check: ActiveCheck;
  state: CheckState;
  latest: ProbeResult | null;
  /** Infinity while it waits for its turn or runs. */
  dueAt: number;
  readonly abort: AbortController;
}

/**
 * Asks the endpoints that nobody else asks. All intervals are on one timer, which runs only while there are checks; a few
 * probes run at once, and the others wait for their turn.
 */
export class Checker {
  readonly results = new Counts();
  readonly #options: Required<CheckerOptions>;
  readonly #entries = new Map<string, Entry>();
  readonly #waiting = new Set<Entry>();
  readonly #waitingSuspects = new Set<Entry>();
  #running = 0;
  #runningSuspects = 0;
  #timer: NodeJS.Timeout | null = null;

  constructor(options: CheckerOptions) {
    this.#options = { now: () => performance.now(), random: Math.random, ...options };
  }

  /** Begins and ends checks; one that is only asked for differently keeps its state. */
  apply({ set, drop }: CheckChanges): void {
    for (const id of drop) this.#stop(id);
    const { now, random } = this.#options;
    for (const check of set) {
      const known = this.#entries.get(check.id);
      if (known) {
        known.check = check;
        continue;
      }
      const spreadMs = Math.min(check.intervalMs, set.length * NEWCOMERS_APART_MS);
      const dueAt = now() + random() * spreadMs;
      const abort = new AbortController();
      this.#entries.set(check.id, { check, state: NEWCOMER, latest: null, dueAt, abort });
    }
    if (this.#entries.size > 0) this.#timer ??= setInterval(() => this.#sweep(), SWEEP_MS).unref();
    else this.#stopTimer();
  }

  /** How a check stands; undefined when it is not asked. */
  standing(id: string): Standing | undefined {
    const entry = this.#entries.get(id);
    return entry && { isUp: entry.state.isUp, output: entry.latest?.output ?? null };
  }

  /** Checks whose endpoints are out. */
  *failing(): Iterable<ActiveCheck> {
    for (const { check, state } of this.#entries.values()) if (!state.isUp) yield check;
  }

  close(): void {
    for (const id of [...this.#entries.keys()]) this.#stop(id);
    this.#stopTimer();
  }

  #stop(id: string): void {
    const entry = this.#entries.get(id);
    if (entry === undefined) return;
    this.#entries.delete(id);
    this.#waiting.delete(entry);
    this.#waitingSuspects.delete(entry);
    entry.abort.abort();
  }

  #stopTimer(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
  }

  #sweep(): void {
    const now = this.#options.now();
    for (const entry of this.#entries.values()) {
      if (entry.dueAt > now) continue;
      entry.dueAt = Number.POSITIVE_INFINITY;
      (isSuspect(entry) ? this.#waitingSuspects : this.#waiting).add(entry);
    }
    this.#fill();
  }

  #fill(): void {
    while (this.#running < MAX_RUNNING) {
      const isWell = this.#waiting.size > 0;
      if (!isWell && this.#runningSuspects >= MAX_SUSPECTS) return;
      const queue = isWell ? this.#waiting : this.#waitingSuspects;
      const [entry] = queue;
      if (entry === undefined) return;
      queue.delete(entry);
      void this.#run(entry);
    }
  }

  async #run(entry: Entry): Promise<void> {
    const { probe, now, random } = this.#options;
    const { check, abort } = entry;
    const suspects = isSuspect(entry) ? 1 : 0;
    this.#running++;
    this.#runningSuspects += suspects;
    const startedAt = now();
    const result = await probe(check, Math.min(check.intervalMs, MAX_TIMEOUT_MS), abort.signal);
    this.#running--;
    this.#runningSuspects -= suspects;
    if (!abort.signal.aborted) {
      const jitter = 1 + JITTER * (2 * random() - 1);
      entry.dueAt = startedAt + check.intervalMs * jitter;
      this.#take(entry, result);
    }
    this.#fill();
  }

  #take(entry: Entry, result: ProbeResult): void {
    const { onVerdict, log } = this.#options;
    const before = entry.state;
    entry.state = afterResult(before, result.hasPassed);
    entry.latest = result;
    this.results.add(result.hasPassed ? 'pass' : 'fail');
    const { isUp } = entry.state;
    if (isUp === before.isUp) return;
    const { id, endpoint, path } = entry.check;
    const words = isUp ? 'an instance passes its check again' : 'an instance fails its check';
    log.info({ endpoint, path, output: result.output }, words);
    onVerdict(id, isUp);
  }
}

/** It failed last time, or was never asked. */
function isSuspect({ latest }: Entry): boolean {
  return latest === null || !latest.hasPassed;
}
