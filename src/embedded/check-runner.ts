import type { CheckSpec } from './definitions.ts';
import { runProbe } from './probes.ts';
import type { Status } from './shapes.ts';

/** What the runner tells: a new result, or that a service was critical for too long. */
export interface CheckEvents {
  result(spec: CheckSpec, status: Status, output: string): void;
  overdue(spec: CheckSpec): void;
}

/** One check that runs: its timers end with its signal. */
interface Running {
  readonly spec: CheckSpec;
  readonly stop: AbortController;
  status: Status;
  output: string;
  successes: number;
  failures: number;
  next?: NodeJS.Timeout;
  reap?: NodeJS.Timeout;
}

/** Runs checks: probes on their interval, TTLs until they expire. The owner calls `close`. */
export class CheckRunner {
  readonly #events: CheckEvents;
  readonly #running = new Map<string, Running>();

  constructor(events: CheckEvents) {
    this.#events = events;
  }

  /** Starts a check, in place of one with the same id. The first probe runs at once; Consul waits a random time. */
  start(spec: CheckSpec, status: Status, output: string): void {
    this.stop(spec.id);
    const running: Running = { spec, stop: new AbortController(), status, output, successes: 0, failures: 0 };
    this.#running.set(spec.id, running);
    this.#watchCritical(running);
    if (spec.probe.kind === 'ttl') this.#armTtl(running);
    else void this.#probe(running);
  }

  stop(id: string): void {
    const running = this.#running.get(id);
    if (!running) return;
    this.#running.delete(id);
    running.stop.abort();
    clearTimeout(running.next);
    clearTimeout(running.reap);
  }

  /** Records what a service says of itself; false when there is no such TTL check. */
  heartbeat(id: string, status: Status, output: string): boolean {
    const running = this.#running.get(id);
    if (running?.spec.probe.kind !== 'ttl') return false;
    this.#armTtl(running);
    this.#settle(running, status, output);
    return true;
  }

  close(): void {
    for (const id of [...this.#running.keys()]) this.stop(id);
  }

  #armTtl(running: Running): void {
    if (running.spec.probe.kind !== 'ttl') return;
    clearTimeout(running.next);
    running.next = setTimeout(() => {
      const last = running.output === '' ? '' : ` (last output before timeout follows): ${running.output}`;
      this.#settle(running, 'critical', `TTL expired${last}`);
    }, running.spec.probe.ttlMs);
  }

  async #probe(running: Running): Promise<void> {
    const { spec, stop } = running;
    if (spec.probe.kind === 'ttl') return;
    const { status, output } = await runProbe(spec.probe, stop.signal);
    if (stop.signal.aborted) return;
    running.next = setTimeout(() => void this.#probe(running), spec.probe.intervalMs);
    this.#count(running, status, output);
  }

  /** A status changes only after enough results of its kind in a row. */
  #count(running: Running, status: Status, output: string): void {
    const good = status !== 'critical';
    running.successes = good ? running.successes + 1 : 0;
    running.failures = good ? 0 : running.failures + 1;
    const enough = good
      ? running.successes >= running.spec.successBeforePassing
      : running.failures >= running.spec.failuresBeforeCritical;
    if (enough) this.#settle(running, status, output);
  }

  #settle(running: Running, status: Status, output: string): void {
    running.output = output;
    running.status = status;
    this.#watchCritical(running);
    this.#events.result(running.spec, status, output);
  }

  /** Consul looks every 30 s and allows no less than a minute; here the time counts exactly. */
  #watchCritical(running: Running): void {
    const { spec, status } = running;
    if (spec.deregisterAfterMs <= 0) return;
    if (status !== 'critical') {
      clearTimeout(running.reap);
      delete running.reap;
    } else running.reap ??= setTimeout(() => this.#events.overdue(spec), spec.deregisterAfterMs);
  }
}
