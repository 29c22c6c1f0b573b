import { constants, type ServerHttp2Stream } from 'node:http2';
import type { ClientStream, Relay } from '../client-stream.ts';
import type { Timed } from '../deadlines.ts';
import type { Engine, ListenerFacts } from '../engine.ts';
import { Exchange } from '../exchange.ts';
import type { Peer } from '../forwarded.ts';
import { kindOfText } from '../http1/fields.ts';
import type { RequestHead, ResponseHead } from '../http1/heads.ts';
import { kept } from '../outgoing.ts';
import type { Reply } from '../replies.ts';
import type { ConnectionTls } from '../tls/connection-tls.ts';
import type { Http2Connection } from './connection.ts';
import { Http2Relay } from './relay.ts';
import { isPadded } from './request-head.ts';
import { interimFields, replyFields, tunnelFields } from './response-fields.ts';

/** One stream of an HTTP/2 connection as an exchange knows its client. */
export class Http2Stream implements ClientStream, Timed {
  deadline = Number.POSITIVE_INFINITY;
  deadlineIndex = -1;
  readonly engine: Engine;
  readonly listener: ListenerFacts;
  readonly peer: Peer;
  readonly tls: ConnectionTls | null;
  readonly isLastRequest = false;
  /** The session writes later. */
  readonly hasUnsent = true;
  /** Payload bytes that came in, for the connection's account. */
  received = 0;
  readonly #connection: Http2Connection;
  readonly #stream: ServerHttp2Stream;
  /** Null once it is over. */
  #exchange: Exchange | null;
  #isReading = false;
  /** Bytes that came while the exchange took none. */
  #kept: Buffer | null = null;
  #hasEnded: boolean;
  #trailers: readonly string[] = [];
  #unsent = 0;

  constructor(connection: Http2Connection, stream: ServerHttp2Stream, head: RequestHead, hasEnded: boolean) {
    const { engine, listener, peer, tls } = connection;
    this.engine = engine;
    this.listener = listener;
    this.peer = peer;
    this.tls = tls;
    this.#connection = connection;
    this.#stream = stream;
    this.#hasEnded = hasEnded;
    engine.deadlines.add(this);
    stream.on('drain', () => this.#exchange?.onClientDrain());
    this.#exchange = new Exchange(this, head);
    if (hasEnded) return;
    stream.on('trailers', (_fields, _flags, raw?: readonly string[]) => {
      this.#trailers = raw ?? [];
      // The head is under way already: nothing can be answered but the end.
      if (this.#trailers.some(isPadded)) stream.close(constants.NGHTTP2_PROTOCOL_ERROR);
    });
  }

  start(): void {
    this.#exchange!.start();
    this.takeBody();
  }

  get isPaused(): boolean {
    return this.#stream.isPaused();
  }

  pauseReading(): void {
    this.#stream.pause();
  }

  resumeReading(): void {
    if (this.#stream.isPaused()) this.#stream.resume();
  }

  /** Nothing is read before somebody wants it: until then the client has its window, and no more. */
  takeBody(): void {
    if (this.#exchange === null || !this.#exchange.takesBytes) return;
    if (!this.#isReading) {
      this.#isReading = true;
      const stream = this.#stream;
      stream.on('data', (chunk: Buffer) => this.#onData(chunk));
      stream.on('end', () => this.#onEnd());
      return;
    }
    const kept = this.#kept;
    this.#kept = null;
    this.resumeReading();
    if (kept !== null) this.#exchange.onClientBytes(kept, 0);
  }

  #onData(chunk: Buffer): void {
    this.received += chunk.length;
    const exchange = this.#exchange;
    // What comes after the answer is thrown away: it still counts against the client's window.
    if (exchange === null) return;
    if (exchange.takesBytes) return void exchange.onClientBytes(chunk, 0);
    // The first upstream refused before any of it was sent; the next one gets it.
    this.#kept = this.#kept === null ? chunk : Buffer.concat([this.#kept, chunk]);
    this.#stream.pause();
  }

  #onEnd(): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    const exchange = this.#exchange;
    if (exchange === null) return;
    if (exchange.isTunnel) {
      if (!exchange.onClientEnd()) this.abort();
      return;
    }
    if (!exchange.takesBytes) return;
    const kinds: number[] = [];
    for (let f = 0; f < this.#trailers.length; f += 2) kinds.push(kindOfText(this.#trailers[f]!));
    exchange.onClientBodyEnd(this.#trailers, kinds);
  }

  hasProgressed(): boolean {
    const unsent = this.#stream.bufferSize;
    const hasProgressed = unsent > 0 && unsent !== this.#unsent;
    this.#unsent = unsent;
    return hasProgressed;
  }

  inform(head: ResponseHead): void {
    const stream = this.#stream;
    if (!stream.destroyed && !stream.closed && !stream.headersSent) {
      stream.additionalHeaders(interimFields(head));
    }
  }

  respond(head: ResponseHead, request: RequestHead, keepAlive: boolean, hsts: string): Relay {
    return new Http2Relay(this.#stream, request, head, keepAlive, hsts);
  }

  switchProtocol(head: ResponseHead): void {
    if (this.#stream.destroyed || this.#stream.closed) return;
    this.#stream.respond(tunnelFields(head) as unknown as [], { sendDate: false } as object);
  }

  reply(reply: Reply): void {
    sendReply(this.#stream, reply);
  }

  write(bytes: Buffer): boolean {
    return this.#stream.writable ? this.#stream.write(kept(bytes)) : true;
  }

  endWriting(): void {
    this.#stream.end();
  }

  abort(): void {
    this.#connection.resetByUs(this.#stream);
    this.#stream.close(constants.NGHTTP2_INTERNAL_ERROR);
  }

  exchangeDone(): void {
    this.#exchange = null;
    this.#kept = null;
    // The answer may still be under way to a slow client.
    this.deadline = this.engine.deadlines.now + this.engine.timeouts.streamIdleMs;
    // RFC 9113, 8.1: after the whole answer, a client is asked without an error to stop sending. Waits for the answer.
    if (!this.#hasEnded) this.#stream.close(constants.NGHTTP2_NO_ERROR);
  }

  expire(): void {
    if (this.#exchange !== null) return this.#exchange.onClientLate();
    if (!this.hasProgressed()) return this.abort();
    this.deadline = this.engine.deadlines.now + this.engine.timeouts.streamIdleMs;
  }

  /** Bytes received that nobody has taken yet. */
  get waiting(): number {
    return this.#stream.readableLength;
  }

  /** Of the stream nothing comes any more. */
  closed(): void {
    const exchange = this.#exchange;
    this.#exchange = null;
    this.#kept = null;
    this.engine.deadlines.remove(this);
    exchange?.onClientGone();
  }
}

/** A whole answer of our own. */
export function sendReply(stream: ServerHttp2Stream, reply: Reply): void {
  if (stream.destroyed || stream.closed) return;
  const endStream = reply.body === '';
  stream.respond(replyFields(reply) as unknown as [], { endStream, sendDate: false } as object);
  if (!endStream && stream.writable) stream.end(reply.body, 'latin1');
}
