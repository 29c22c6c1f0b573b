import type { ClientConnection } from './client-connection.ts';
import type { Relay } from './client-stream.ts';
import { EMPTY_LAST_CHUNK, lastChunk, responseFraming, responseHead } from './head-writer.ts';
import type { RequestHead, ResponseHead } from './http1/heads.ts';
import { MAX_JOINED } from './outgoing.ts';

/** A final response on its way to the client: the head as we write it, then the body in our own framing. */
export class ResponseRelay implements Relay {
  /** The client connection can go on after it. */
  readonly keepAlive: boolean;
  /** Payload bytes so far. */
  bytes = 0;
  readonly #client: ClientConnection;
  readonly #isChunked: boolean;
  readonly #takesTrailers: boolean;
  /** Gathered while a read is worked through, so that a small response leaves in one write. */
  #text: string;

  constructor(
    client: ClientConnection,
    request: RequestHead,
    head: ResponseHead,
    keepAlive: boolean,
    hsts: string,
  ) {
    const framing = responseFraming(head, request.minor);
    this.#client = client;
    this.#isChunked = framing.kind === 'chunked';
    this.#takesTrailers = request.takesTrailers;
    this.keepAlive = keepAlive && framing.kind !== 'close';
    this.#text = responseHead(head, framing, request, this.keepAlive, hsts);
  }

  /** False when the client takes no more at once; `onClientDrain` follows. */
  write(bytes: Buffer, start: number, end: number): boolean {
    const client = this.#client;
    this.bytes += end - start;
    if (this.#isChunked) this.#text += `${(end - start).toString(16)}\r\n`;
    let goesOn = true;
    if (end - start <= MAX_JOINED) {
      this.#text += bytes.toString('latin1', start, end);
      if (this.#text.length > 2 * MAX_JOINED) goesOn = this.flush();
    } else {
      this.flush();
      goesOn = client.write(start === 0 && end === bytes.length ? bytes : bytes.subarray(start, end));
    }
    if (this.#isChunked) this.#text += '\r\n';
    return goesOn;
  }

  flush(): boolean {
    if (this.#text === '') return true;
    const text = this.#text;
    this.#text = '';
    return this.#client.writeText(text);
  }

  end(trailers: readonly string[], kinds: readonly number[]): void {
    if (this.#isChunked) this.#text += this.#takesTrailers ? lastChunk(trailers, kinds) : EMPTY_LAST_CHUNK;
    this.flush();
  }
}
