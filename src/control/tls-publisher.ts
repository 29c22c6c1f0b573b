import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { type Certificate, readCertificate } from '../../tls/certificate.ts';
import type { TlsConfig } from '../config/config.ts';
import type { ToWorker } from '../shared/messages.ts';
import type { Log } from './log.ts';

/** Whoever steals a key can read what was sealed with it, for as long as it was in use. */
const TICKET_KEY_MS = 12 * 60 * 60 * 1000;
/** Name, HMAC key and AES key, 16 bytes each. */
const TICKET_KEY_BYTES = 48;

/**
 * Tells the workers what they need for handshakes: certificates, and one key for session tickets, so that a session begun
 * with one worker goes on with any other. A worker knows one key only; a client that comes with a ticket under the one
 * before does one full handshake.
 */
export class TlsPublisher {
  readonly #broadcast: (message: ToWorker) => void;
  readonly #certificates: readonly Certificate[];
  #ticketKey = randomBytes(TICKET_KEY_BYTES);
  readonly #timer: NodeJS.Timeout;

  constructor(config: TlsConfig, log: Log, broadcast: (message: ToWorker) => void) {
    this.#broadcast = broadcast;
    this.#certificates = readPairs(config, log);
    this.#timer = setInterval(() => this.#rotate(), TICKET_KEY_MS).unref();
  }

  /** Everything, for a fresh worker. */
  greeting(): readonly ToWorker[] {
    const set = this.#certificates;
    return [
      { type: 'ticket-key', key: this.#ticketKey },
      { type: 'certificates', set, drop: [], reset: true, defaultId: set[0]?.id ?? null },
    ];
  }

  close(): void {
    clearInterval(this.#timer);
  }

  #rotate(): void {
    this.#ticketKey = randomBytes(TICKET_KEY_BYTES);
    this.#broadcast({ type: 'ticket-key', key: this.#ticketKey });
  }
}

/** One bad pair does not disturb the others. */
function readPairs({ certificates }: TlsConfig, log: Log): readonly Certificate[] {
  return certificates.flatMap(({ certFile, keyFile }) => {
    try {
      const read = readCertificate(
        readFileSync(certFile, 'utf8'),
        readFileSync(keyFile, 'utf8'),
        `file ${certFile}`,
      );
      if (read.ok) return [read.certificate];
      log.error({ certFile, reason: read.reason }, 'a certificate was set aside');
    } catch (error) {
      log.error({ certFile, reason: (error as NodeJS.ErrnoException).code }, 'a certificate cannot be read');
    }
    return [];
  });
}
