import type { Deadlines, Timed } from './deadlines.ts';
import type { Endpoint } from './endpoint.ts';

/**
 * Endpoints that left every pool: no new work, running work finishes, and what still runs at the limit is cut. When
 * nothing is left the endpoint is reported gone, so that its slot can be used again.
 */
export class Departures {
  readonly #deadlines: Deadlines;
  readonly #drainMs: number;
  readonly #onGone: (endpoint: Endpoint) => void;
  readonly #leaving = new Map<Endpoint, Departure>();

  constructor(deadlines: Deadlines, drainMs: number, onGone: (endpoint: Endpoint) => void) {
    this.#deadlines = deadlines;
    this.#drainMs = drainMs;
    this.#onGone = onGone;
  }

  get size(): number {
    return this.#leaving.size;
  }

  add(endpoint: Endpoint): void {
    const deadline = this.#deadlines.now + this.#drainMs;
    const known = this.#leaving.get(endpoint);
    if (known) {
      // It had come back and leaves again: its work since then has the whole time to finish.
      known.deadline = deadline;
    } else {
      const departure = new Departure(endpoint, deadline, () => this.#look(endpoint));
      this.#leaving.set(endpoint, departure);
      this.#deadlines.add(departure);
      endpoint.onConnectionClosed = () => this.#look(endpoint);
    }
    for (const connection of [...endpoint.idle]) connection.destroy();
    for (const connection of [...endpoint.connections]) connection.onDeparture?.();
    this.#look(endpoint);
  }

  #look(endpoint: Endpoint): void {
    const departure = this.#leaving.get(endpoint);
    if (!departure) return;
    const hasReturned = !endpoint.isDeparting;
    const isEmpty = endpoint.connections.size === 0 && endpoint.ownInFlight === 0;
    if (!hasReturned && !isEmpty) return;
    this.#leaving.delete(endpoint);
    this.#deadlines.remove(departure);
    endpoint.onConnectionClosed = null;
    if (!hasReturned) this.#onGone(endpoint);
  }
}

/** How often a drain limit that has passed is looked at again, should a lease outlive its connection for a moment. */
const AGAIN_MS = 200;

class Departure implements Timed {
  deadline: number;
  deadlineIndex = -1;
  readonly #endpoint: Endpoint;
  readonly #look: () => void;

  constructor(endpoint: Endpoint, deadline: number, look: () => void) {
    this.#endpoint = endpoint;
    this.deadline = deadline;
    this.#look = look;
  }

  expire(now: number): void {
    this.deadline = now + AGAIN_MS;
    if (this.#endpoint.isDeparting)
      for (const connection of [...this.#endpoint.connections]) connection.cut();
    this.#look();
  }
}
