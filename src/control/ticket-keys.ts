import { randomBytes } from 'node:crypto';
import type { ToWorker } from '../shared/messages.ts';

/** Whoever steals a key can read what was sealed with it, for as long as it was in use. */
const CHANGE_MS = 12 * 60 * 60 * 1000;
/** Name, HMAC key and AES key, 16 bytes each. */
const KEY_BYTES = 48;

/**
 * One key for session tickets, so that a session begun with one worker goes on with any other. OpenSSL as Node offers it
 * knows one key at a time: a client that comes with a ticket under the one before does one full handshake.
 */
export class TicketKeys {
  #key = randomBytes(KEY_BYTES);
  readonly #timer: NodeJS.Timeout;

  constructor(broadcast: (message: ToWorker) => void, changeMs = CHANGE_MS) {
    this.#timer = setInterval(() => {
      this.#key = randomBytes(KEY_BYTES);
      broadcast(this.message());
    }, changeMs).unref();
  }

  /** The present key, for one worker or all. */
  message(): ToWorker {
    return { type: 'ticket-key', key: this.#key };
  }

  close(): void {
    clearInterval(this.#timer);
  }
}
