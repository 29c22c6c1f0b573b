import type { Limits } from '../config/config.ts';
import type { Reason } from '../shared/reasons.ts';
import { ChunkedDecoder } from './http1/chunked.ts';
import type { Framing } from './http1/heads.ts';
import type { BodySink } from './upstream-stream.ts';

/**
 * The body of a request on its way to the upstream. Made only for requests that have one. It goes out as it comes in,
 * framed anew: the client's chunk sizes and extensions stay behind, and its bytes are ours to keep.
 */
export class RequestBody {
  /** Payload bytes so far. */
  bytes = 0;
  /** Some of the body has gone: it cannot be sent again. */
  hasSent = false;
  isComplete = false;
  /** Why the rest is not wanted any more. */
  fault: Reason | null = null;
  readonly #limit: number;
  readonly #decoder: ChunkedDecoder | null;
  /** `finish` says where it ends. */
  readonly #endsByWord: boolean;
  #remaining: number;
  #sink: BodySink | null = null;
  #goesOn = true;

  /** `isDecoded`: what comes in is payload alone, whatever the framing. */
  constructor(framing: Framing, limits: Limits, isDecoded = false) {
    this.#limit = limits.bodyBytes;
    this.#remaining = framing.kind === 'length' ? framing.length : 0;
    this.#decoder = framing.kind === 'chunked' && !isDecoded ? new ChunkedDecoder(limits) : null;
    this.#endsByWord = framing.kind === 'chunked' && isDecoded;
  }

  /** It goes there from now on. */
  begin(sink: BodySink): void {
    this.#sink = sink;
  }

  /**
   * Sends what of `bytes[at..]` belongs to the body and returns where that ended. Afterwards `isComplete` or `fault` may
   * be set, and `goesOn` says whether the upstream takes more at once.
   */
  take(bytes: Buffer, at: number): number {
    this.#goesOn = true;
    let end: number;
    if (this.#endsByWord) {
      end = bytes.length;
      if (end > at) this.#send(bytes, at, end);
      if (this.fault !== null) return end;
    } else if (this.#decoder === null) {
      end = Math.min(bytes.length, at + this.#remaining);
      this.#remaining -= end - at;
      this.#send(bytes, at, end);
      if (this.#remaining === 0) this.#end([], []);
    } else {
      end = this.#decoder.decode(bytes, at, bytes.length, this.#send);
      if (end < 0) this.fault ??= 'bad_request';
      if (this.fault !== null) return bytes.length;
      if (this.#decoder.isDone) this.#end(this.#decoder.trailers, this.#decoder.trailerKinds);
    }
    this.flush();
    return end;
  }

  /** Nothing more comes. Leaves a body of announced length incomplete when some of it is missing. */
  finish(trailers: readonly string[], kinds: readonly number[]): void {
    if (!this.#endsByWord) return;
    this.#end(trailers, kinds);
    this.flush();
  }

  #end(trailers: readonly string[], kinds: readonly number[]): void {
    if (this.fault !== null) return;
    this.#sink!.end(trailers, kinds);
    this.isComplete = true;
  }

  get goesOn(): boolean {
    return this.#goesOn;
  }

  flush(): void {
    this.#goesOn = this.#sink!.flush();
  }

  readonly #send = (bytes: Buffer, start: number, end: number): void => {
    if (this.fault !== null) return;
    this.bytes += end - start;
    if (this.#limit > 0 && this.bytes > this.#limit) {
      this.fault = 'body_too_large';
      return;
    }
    this.hasSent = true;
    this.#sink!.write(bytes, start, end);
  };
}
