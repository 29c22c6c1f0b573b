import type { ClientStream } from './client-stream.ts';
import type { RequestBody } from './request-body.ts';

/** The grace before a body is measured, and how long it is measured each time; Kestrel gives 240 B/s as long. */
const INTERVAL_MS = 5_000;

/**
 * How long an exchange waits for its client: for the next bytes of a body, for its pace, or until it takes some of its
 * answer. Lives on the client's deadline: bytes only move a number, and the pace is looked at once per interval.
 */
export class ClientTurn {
  readonly #client: ClientStream;
  readonly #body: RequestBody | null;
  #silentUntil = Number.POSITIVE_INFINITY;
  #measuredAt = Number.POSITIVE_INFINITY;
  /** Payload bytes when the interval began. */
  #bytes = 0;
  /** Part of the interval was not the client's. */
  #isExcused = false;
  /** `Expect: 100-continue`, and the upstream has not said so. */
  #awaitsWord: boolean;

  constructor(client: ClientStream, body: RequestBody | null, awaitsWord: boolean) {
    this.#client = client;
    this.#body = body;
    this.#awaitsWord = awaitsWord;
  }

  /** An upstream takes the body from now on. */
  begin(): void {
    this.#isExcused = false;
    this.#measure();
    this.touch();
  }

  /** Something has come, or the client has something to take: the limit for silence begins anew. */
  touch(): void {
    const { deadlines, timeouts } = this.#client.engine;
    this.#silentUntil = deadlines.now + timeouts.streamIdleMs;
    this.#arm();
  }

  /** Nothing is expected of the client. */
  end(): void {
    this.#measuredAt = Number.POSITIVE_INFINITY;
    this.#client.deadline = Number.POSITIVE_INFINITY;
  }

  /** We do not read: that the body does not come is not the client's fault. */
  excuse(): void {
    this.#isExcused = true;
  }

  /** The upstream has told the client to go on. */
  goAhead(): void {
    this.#awaitsWord = false;
    this.#isExcused = true;
  }

  get isSilent(): boolean {
    return this.#client.engine.deadlines.now >= this.#silentUntil;
  }

  /** The deadline has passed: is the body late, by silence or by its pace, and is that the client's fault? */
  isTooSlow(): boolean {
    const { isPaused, engine } = this.#client;
    if (isPaused) return false;
    if (this.isSilent) return true;
    if (engine.deadlines.now < this.#measuredAt || this.#isExcused) return false;
    const seconds = (engine.deadlines.now - this.#measuredAt + INTERVAL_MS) / 1000;
    const bytes = this.#body!.bytes - this.#bytes;
    return bytes < engine.limits.bodyRate * seconds && !(this.#awaitsWord && bytes === 0);
  }

  /** The deadline has passed and nobody is to blame. */
  goOn(): void {
    if (this.#client.engine.deadlines.now >= this.#measuredAt) {
      this.#isExcused = this.#client.isPaused;
      this.#measure();
    }
    if (this.isSilent) this.touch();
    else this.#arm();
  }

  #measure(): void {
    const { deadlines, limits } = this.#client.engine;
    if (this.#body === null || limits.bodyRate === 0) return;
    this.#bytes = this.#body.bytes;
    this.#measuredAt = deadlines.now + INTERVAL_MS;
  }

  #arm(): void {
    this.#client.deadline = Math.min(this.#silentUntil, this.#measuredAt);
  }
}
