import type { ServerHttp2Stream } from 'node:http2';
import type { Relay } from '../client-stream.ts';
import type { RequestHead, ResponseHead } from '../http1/heads.ts';
import { kept } from '../outgoing.ts';
import { responseFields, trailerFields } from './response-fields.ts';

/**
 * A final answer on an HTTP/2 stream. The head waits for the first bytes or the end, and the latest bytes for what comes
 * after them, so that an answer that arrives in one read needs no frame of its own for its end.
 */
export class Http2Relay implements Relay {
  readonly keepAlive: boolean;
  bytes = 0;
  readonly #stream: ServerHttp2Stream;
  readonly #sendsTrailers: boolean;
  /**
   * The end of the body is a step of its own. Node finishes the body of a stream before it resets it, so without a length
   * an answer that was cut would look complete; an end that waits for trailers never comes then.
   */
  readonly #endsByWord: boolean;
  /** Null once it has left. */
  #fields: string[] | null;
  #latest: Buffer | null = null;

  constructor(
    stream: ServerHttp2Stream,
    request: RequestHead,
    head: ResponseHead,
    keepAlive: boolean,
    hsts: string,
  ) {
    this.#stream = stream;
    this.keepAlive = keepAlive;
    const { kind } = head.framing;
    this.#sendsTrailers = request.takesTrailers && kind === 'chunked';
    this.#endsByWord = kind === 'chunked' || kind === 'close';
    this.#fields = responseFields(head, this.#sendsTrailers, hsts);
  }

  write(bytes: Buffer, start: number, end: number): boolean {
    this.bytes += end - start;
    const goesOn = this.flush();
    this.#latest = kept(bytes.subarray(start, end));
    return goesOn;
  }

  flush(): boolean {
    this.#respond(false);
    const latest = this.#latest;
    this.#latest = null;
    if (latest === null || !this.#stream.writable) return true;
    return this.#stream.write(latest);
  }

  end(trailers: readonly string[], kinds: readonly number[]): void {
    const latest = this.#latest;
    this.#latest = null;
    const fields = this.#sendsTrailers ? trailerFields(trailers, kinds) : {};
    const hasTrailers = Object.keys(fields).length > 0;
    const isEmpty = latest === null && !hasTrailers && this.#fields !== null;
    this.#respond(isEmpty);
    const stream = this.#stream;
    if (isEmpty || !stream.writable) return;
    if (this.#endsByWord) {
      stream.once('wantTrailers', () => {
        if (!stream.destroyed && !stream.closed) stream.sendTrailers(fields);
      });
    }
    if (latest === null) stream.end();
    else stream.end(latest);
  }

  #respond(endStream: boolean): void {
    const fields = this.#fields;
    this.#fields = null;
    if (fields === null || this.#stream.destroyed || this.#stream.closed) return;
    this.#stream.respond(
      fields as unknown as [],
      {
        endStream,
        waitForTrailers: this.#endsByWord && !endStream,
        sendDate: false,
      } as object,
    );
  }
}
