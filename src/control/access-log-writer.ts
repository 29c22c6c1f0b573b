import fs from 'node:fs';

/** Lines that wait for a slow reader; beyond this they are dropped and counted. */
const MAX_QUEUED_BYTES = 8 * 1024 * 1024;
/** A full pipe is tried again after ever longer waits: a reader that keeps up empties it within the first. */
const RETRY_MIN_MS = 1;
const RETRY_MAX_MS = 20;

/**
 * The only writer of the access log, on standard output. One write is under way at a time, so lines keep their order and
 * a blocked reader holds up nothing but this queue.
 */
export class AccessLogWriter {
  dropped = 0;
  #queue: Uint8Array[] = [];
  #queuedBytes = 0;
  #isWriting = false;
  #onIdle: (() => void) | null = null;
  readonly #fd: number;

  constructor(fd = 1) {
    this.#fd = fd;
  }

  write(lines: Uint8Array): void {
    if (this.#queuedBytes + lines.length > MAX_QUEUED_BYTES) {
      for (const byte of lines) if (byte === 0x0a) this.dropped++;
      return;
    }
    this.#queue.push(lines);
    this.#queuedBytes += lines.length;
    this.#next();
  }

  /** Resolves when everything queued has been handed to the system, or after the time given. */
  async flush(limitMs: number): Promise<void> {
    if (!this.#isWriting) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#onIdle = resolve;
    const timer = setTimeout(resolve, limitMs);
    await promise;
    clearTimeout(timer);
  }

  #next(): void {
    if (this.#isWriting) return;
    const lines = this.#queue.shift();
    if (lines === undefined) return this.#onIdle?.();
    this.#isWriting = true;
    this.#writeAll(lines, 0, RETRY_MIN_MS);
  }

  #writeAll(lines: Uint8Array, from: number, waitMs: number): void {
    fs.write(this.#fd, lines, from, lines.length - from, null, (error, written) => {
      if (error?.code === 'EAGAIN') {
        setTimeout(() => this.#writeAll(lines, from, Math.min(RETRY_MAX_MS, waitMs * 2)), waitMs);
        return;
      }
      // Whatever else is wrong with the log (a closed pipe), requests go on.
      if (!error && from + written < lines.length) return this.#writeAll(lines, from + written, RETRY_MIN_MS);
      if (error) for (let i = from; i < lines.length; i++) if (lines[i] === 0x0a) this.dropped++;
      this.#queuedBytes -= lines.length;
      this.#isWriting = false;
      this.#next();
    });
  }
}
