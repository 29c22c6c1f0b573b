import { ChunkedDecoder } from './chunked.ts';
import { Field } from './fields.ts';
import { HeadReader, type SharedParser } from './head-reader.ts';
import { type ResponseHead, readResponse } from './heads.ts';

/** Receives the pieces of a response. It may stop the reader from within. */
export interface ResponseSink {
  /** Interim heads (1xx) come through here too. */
  onResponseHead(head: ResponseHead): void;
  /** `bytes` may be lent, when they are no more than `MAX_JOINED`: what is kept is copied. */
  onResponseBody(bytes: Buffer, start: number, end: number): void;
}

const State = { head: 0, body: 1, done: 2, tunnel: 3, stopped: 4 } as const;

/**
 * Reads the responses of one upstream connection, as strictly as requests are read. It knows how a body ends and nothing
 * of sockets.
 */
export class ResponseReader {
  /** Of the present response: the connection may serve another exchange. */
  keepAlive = false;
  /** How long the peer says it keeps an idle connection; Infinity when it does not say. */
  peerIdleMs = Number.POSITIVE_INFINITY;
  readonly #shared: SharedParser;
  readonly #heads: HeadReader;
  #state: number = State.head;
  #method = '';
  #decoder: ChunkedDecoder | null = null;
  /** Body bytes still to come; -1 until the connection ends. */
  #remaining = 0;

  constructor(shared: SharedParser) {
    this.#shared = shared;
    this.#heads = new HeadReader('response', shared);
  }

  begin(method: string): void {
    this.#method = method;
    this.#state = State.head;
    this.#decoder = null;
  }

  /** The final head has been read, the body not yet. */
  get isInBody(): boolean {
    return this.#state === State.body;
  }

  get isDone(): boolean {
    return this.#state === State.done;
  }

  /** A 101 has been read: what follows is another protocol. */
  get isTunnel(): boolean {
    return this.#state === State.tunnel;
  }

  get trailers(): readonly string[] {
    return this.#decoder?.trailers ?? [];
  }

  get trailerKinds(): readonly number[] {
    return this.#decoder?.trailerKinds ?? NO_KINDS;
  }

  /** Nothing more is delivered, not even of the bytes at hand. */
  stop(): void {
    this.#state = State.stopped;
    this.#heads.forget();
  }

  /** Returns how far the response went in `chunk`; -1 when it must not be believed. */
  read(chunk: Buffer, sink: ResponseSink): number {
    let at = 0;
    while (at < chunk.length) {
      if (this.#state === State.head) at = this.#readHead(chunk, at, sink);
      else if (this.#state === State.body) at = this.#readBody(chunk, at, sink);
      else return at;
      if (at < 0) return -1;
    }
    return at;
  }

  /** The connection has ended. True when that is how the body ends. */
  end(): boolean {
    if (this.#state !== State.body || this.#remaining >= 0) return false;
    this.keepAlive = false;
    this.#state = State.done;
    return true;
  }

  #readHead(chunk: Buffer, at: number, sink: ResponseSink): number {
    const end = this.#heads.read(chunk, at);
    if (end === 0) return chunk.length;
    if (end < 0) return -1;
    const head = readResponse(this.#heads.parser, this.#heads.text, this.#method);
    if (head === null) return -1;
    if (head.status === 101) this.#state = State.tunnel;
    else if (head.status >= 200) this.#takeFinal(head);
    sink.onResponseHead(head);
    if (this.#state === State.body && this.#remaining === 0 && this.#decoder === null) {
      this.#state = State.done;
    }
    return end;
  }

  #takeFinal(head: ResponseHead): void {
    const { framing } = head;
    this.#state = State.body;
    this.keepAlive = head.keepAlive;
    if (head.keepAlive) this.peerIdleMs = peerIdleMs(head);
    this.#remaining = framing.kind === 'length' ? framing.length : framing.kind === 'close' ? -1 : 0;
    this.#decoder = framing.kind === 'chunked' ? new ChunkedDecoder(this.#shared.limits) : null;
  }

  #readBody(chunk: Buffer, at: number, sink: ResponseSink): number {
    if (this.#decoder !== null) {
      const end = this.#decoder.decode(chunk, at, chunk.length, (bytes, start, to) => {
        if (this.#state === State.body) sink.onResponseBody(bytes, start, to);
      });
      if (end >= 0 && this.#state === State.body && this.#decoder.isDone) this.#state = State.done;
      return end;
    }
    const end = this.#remaining < 0 ? chunk.length : Math.min(chunk.length, at + this.#remaining);
    if (this.#remaining > 0) this.#remaining -= end - at;
    sink.onResponseBody(chunk, at, end);
    if (this.#remaining === 0 && this.#state === State.body) this.#state = State.done;
    return end;
  }
}

const NO_KINDS: readonly number[] = [];

/** `Keep-Alive: timeout=5`: the peer closes then, and a request on its way would be lost. */
function peerIdleMs(head: ResponseHead): number {
  for (let f = 0; f < head.kinds.length; f++) {
    if (head.kinds[f] !== Field.keepAlive) continue;
    const seconds = /(?:^|[\s,])timeout=(\d{1,6})(?:$|[\s,])/i.exec(head.fields[f * 2 + 1]!)?.[1];
    if (seconds !== undefined) return Number(seconds) * 1000;
  }
  return Number.POSITIVE_INFINITY;
}
