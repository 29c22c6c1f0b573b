import { normalizeServerName } from '../../../tls/server-name.ts';
import type { FromWorker } from '../../shared/messages.ts';

const PERIOD_MS = 1_000;
/** Names are free to invent: those beyond it come again or do not matter. */
const MOST_IN_PERIOD = 20;

/** Tells the main thread which names clients ask for and no certificate has: each name once a second, and few. */
export class UnknownNames {
  readonly #send: (message: FromWorker) => void;
  readonly #now: () => number;
  readonly #told = new Set<string>();
  #endsAt = 0;

  /** `now` in milliseconds of any clock. */
  constructor(send: (message: FromWorker) => void, now: () => number) {
    this.#send = send;
    this.#now = now;
  }

  add(serverName: string): void {
    const now = this.#now();
    if (now >= this.#endsAt) {
      this.#told.clear();
      this.#endsAt = now + PERIOD_MS;
    }
    if (this.#told.size >= MOST_IN_PERIOD) return;
    const name = normalizeServerName(serverName);
    if (name === null || this.#told.has(name)) return;
    this.#told.add(name);
    this.#send({ type: 'unknown-name', name });
  }
}
