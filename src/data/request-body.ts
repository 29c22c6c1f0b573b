import type { Limits } from '../config/config.ts';
import type { Reason } from '../shared/reasons.ts';
import { lastChunk } from './head-writer.ts';
import { ChunkedDecoder } from './http1/chunked.ts';
import type { Framing } from './http1/heads.ts';
import { MAX_JOINED } from './outgoing.ts';
import type { UpstreamConnection } from './upstream.ts';

/**
 * The body of a request on its way to the upstream. Made only for requests that have one. It goes out as it comes in,
 * framed anew: the client's chunk sizes and extensions stay behind.
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
  /** Chunked for the upstream; `finish` says where it ends. */
  readonly #endsByWord: boolean;
  #remaining: number;
  /** Text that waits for the body bytes of the same read, so that head and small body leave in one write. */
  #text = '';
  #upstream: UpstreamConnection | null = null;
  #goesOn = true;

  /** `isDecoded`: what comes in is payload alone, whatever the framing. */
  constructor(framing: Framing, limits: Limits, isDecoded = false) {
    this.#limit = limits.bodyBytes;
    this.#remaining = framing.kind === 'length' ? framing.length : 0;
    this.#decoder = framing.kind === 'chunked' && !isDecoded ? new ChunkedDecoder(limits) : null;
    this.#endsByWord = framing.kind === 'chunked' && isDecoded;
  }

  /** The head is ready for this upstream; it waits for the first bytes or `flush`. */
  begin(upstream: UpstreamConnection, head: string): void {
    this.#upstream = upstream;
    this.#text = head;
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
      if (end > at) this.#sendChunk(bytes, at, end);
      if (this.fault !== null) return end;
    } else if (this.#decoder === null) {
      end = Math.min(bytes.length, at + this.#remaining);
      this.#remaining -= end - at;
      this.#send(bytes, at, end);
      this.isComplete = this.#remaining === 0;
    } else {
      end = this.#decoder.decode(bytes, at, bytes.length, this.#sendChunk);
      if (end < 0) this.fault ??= 'bad_request';
      if (this.fault !== null) return bytes.length;
      if (this.#decoder.isDone) {
        this.#text += lastChunk(this.#decoder.trailers, this.#decoder.trailerKinds);
        this.isComplete = true;
      }
    }
    this.flush();
    return end;
  }

  /** Nothing more comes. Leaves a body of announced length incomplete when some of it is missing. */
  finish(trailers: readonly string[], kinds: readonly number[]): void {
    if (!this.#endsByWord) return;
    this.#text += lastChunk(trailers, kinds);
    this.isComplete = true;
    this.flush();
  }

  get goesOn(): boolean {
    return this.#goesOn;
  }

  flush(): void {
    if (this.#text === '') return;
    const text = this.#text;
    this.#text = '';
    this.#goesOn = this.#upstream!.writeText(text);
  }

  readonly #sendChunk = (bytes: Buffer, start: number, end: number): void => {
    if (this.fault !== null) return;
    this.#text += `${(end - start).toString(16)}\r\n`;
    this.#send(bytes, start, end);
    this.#text += '\r\n';
  };

  #send(bytes: Buffer, start: number, end: number): void {
    this.bytes += end - start;
    if (this.#limit > 0 && this.bytes > this.#limit) {
      this.fault = 'body_too_large';
      return;
    }
    this.hasSent = true;
    if (end - start <= MAX_JOINED) {
      this.#text += bytes.toString('latin1', start, end);
      if (this.#text.length > 2 * MAX_JOINED) this.flush();
      return;
    }
    this.flush();
    const isWhole = start === 0 && end === bytes.length;
    this.#goesOn = this.#upstream!.write(isWhole ? bytes : bytes.subarray(start, end));
  }
}
