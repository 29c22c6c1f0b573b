import type net from 'node:net';
import type { Reason } from '../shared/reasons.ts';
import type { Timed } from './deadlines.ts';
import type { Engine, ListenerFacts } from './engine.ts';
import { Exchange } from './exchange.ts';
import { clientOf, type Peer, plainAddress } from './forwarded.ts';
import { chainOf, valueOf } from './head-writer.ts';
import { Field } from './http1/fields.ts';
import { HeadParser } from './http1/head-parser.ts';
import { type Refused, type RequestHead, readRequest, refusalOf } from './http1/heads.ts';
import { replyFor } from './replies.ts';

/** Received but not yet wanted: pipelined requests, or a body whose upstream is still being connected. */
const MAX_BUFFERED = 64 * 1024;
/** After an error answer the rest of the request is read and thrown away, so that a reset does not eat the answer. */
const LINGER_MS = 1_000;
const LINGER_BYTES = 256 * 1024;

const Phase = { idle: 0, head: 1, exchange: 2, lingering: 3, closed: 4 } as const;

/**
 * One client connection: reads heads one after the other and lets an `Exchange` do each request. Pipelined requests wait
 * for their turn in the buffer.
 */
export class ClientConnection implements Timed {
  deadline: number;
  deadlineIndex = -1;
  readonly listener: ListenerFacts;
  readonly engine: Engine;
  readonly peer: Peer;
  readonly #socket: net.Socket;
  #phase: number = Phase.idle;
  #exchange: Exchange | null = null;
  #parser: HeadParser | null = null;
  /** The incomplete head while `#parser` is set, otherwise bytes nobody wanted yet. */
  #buffered: Buffer | null = null;
  #isReading = false;
  #lingered = 0;
  #unsent = 0;

  constructor(socket: net.Socket, listener: ListenerFacts, engine: Engine) {
    this.listener = listener;
    this.engine = engine;
    this.#socket = socket;
    const address = plainAddress(socket.remoteAddress ?? '');
    this.peer = { address, isTrusted: engine.trustedProxies.has(address) };
    // The first request has the head's time: a connection that never speaks is not keep-alive.
    this.deadline = engine.deadlines.now + engine.timeouts.headMs;
    engine.opened(this);
    engine.deadlines.add(this);
    const owned = socket as OwnedSocket;
    owned.owner = this;
    owned.on('data', onData);
    owned.on('end', onEnd);
    owned.on('drain', onDrain);
    owned.on('error', onError);
    owned.on('close', onClose);
  }

  get isClosed(): boolean {
    return this.#phase === Phase.closed;
  }

  /** Who asks, and under which id: from the connection, or from the fields of a trusted proxy. */
  identify(head: RequestHead): { client: string; requestId: string } {
    const { engine, peer } = this;
    if (!peer.isTrusted) return { client: peer.address, requestId: engine.newRequestId() };
    const given = valueOf(head, Field.requestId);
    return {
      client: clientOf(peer, chainOf(head), engine.trustedProxies),
      requestId: /^[\w.:/+=-]{1,128}$/.test(given) ? given : engine.newRequestId(),
    };
  }

  onData(chunk: Buffer): void {
    if (this.#phase === Phase.exchange) {
      const exchange = this.#exchange!;
      if (this.#buffered !== null || !exchange.takesBytes) return this.#keep(chunk);
      const at = exchange.onClientBytes(chunk, 0);
      if (at < chunk.length && this.#phase === Phase.exchange)
        this.#keep(at === 0 ? chunk : chunk.subarray(at));
      return;
    }
    if (this.#phase === Phase.lingering) return this.#linger(chunk.length);
    if (this.#phase !== Phase.closed) this.#read(chunk, 0);
  }

  /** Reads requests from `chunk[at..]` until one has begun that is not over yet, or the bytes are used up. */
  #read(chunk: Buffer, at: number): void {
    // A loop, because a pipeline of requests that we answer ourselves would otherwise be a recursion.
    this.#isReading = true;
    let bytes: Buffer | null = chunk;
    let from = at;
    while (bytes !== null) {
      this.#readOne(bytes, from);
      if (this.#phase !== Phase.idle) break;
      bytes = this.#buffered;
      from = 0;
      this.#buffered = null;
    }
    this.#isReading = false;
  }

  #readOne(chunk: Buffer, at: number): void {
    const { engine } = this;
    let bytes = chunk;
    let base = at;
    let before = 0;
    let parser = this.#parser;
    if (parser === null) {
      parser = engine.parser;
      parser.reset('request');
    } else {
      before = this.#buffered!.length;
      bytes = Buffer.concat([this.#buffered!, at === 0 ? chunk : chunk.subarray(at)]);
      base = 0;
    }
    const length = parser.parse(bytes, base, bytes.length);
    if (length === 0) return this.#awaitMore(parser, bytes, base);
    this.#parser = null;
    this.#buffered = null;
    if (length < 0) return this.#refuse(refusalOf(parser.fault!));
    const head = readRequest(parser, bytes.toString('latin1', base, base + length));
    if ('refused' in head) return this.#refuse(head);

    const end = at + length - before;
    this.#phase = Phase.exchange;
    this.deadline = Number.POSITIVE_INFINITY;
    if (end < chunk.length) this.#buffered = chunk.subarray(end);
    this.#exchange = new Exchange(this, head);
    this.#exchange.start();
    this.takeBody();
  }

  #awaitMore(parser: HeadParser, bytes: Buffer, base: number): void {
    const { engine } = this;
    if (this.#parser === null) {
      this.#parser = parser;
      engine.parser = new HeadParser(engine.limits);
    }
    if (this.#phase !== Phase.head) {
      this.#phase = Phase.head;
      this.deadline = engine.deadlines.now + engine.timeouts.headMs;
    }
    this.#buffered = base === 0 ? bytes : bytes.subarray(base);
  }

  /** Offers kept bytes to the exchange, if it takes them by now. */
  takeBody(): void {
    const exchange = this.#exchange;
    const bytes = this.#buffered;
    if (this.#phase !== Phase.exchange || exchange === null || !exchange.takesBytes) return;
    this.#buffered = null;
    if (bytes !== null) {
      const at = exchange.onClientBytes(bytes, 0);
      if (this.#exchange !== exchange) return;
      if (at < bytes.length) this.#buffered = bytes.subarray(at);
    }
    if (exchange.takesBytes) this.resumeReading();
  }

  #keep(chunk: Buffer): void {
    this.#buffered = this.#buffered === null ? chunk : Buffer.concat([this.#buffered, chunk]);
    if (this.#buffered.length > MAX_BUFFERED) this.#socket.pause();
  }

  pauseReading(): void {
    this.#socket.pause();
  }

  resumeReading(): void {
    if (this.#socket.isPaused() && (this.#buffered === null || this.#buffered.length <= MAX_BUFFERED)) {
      this.#socket.resume();
    }
  }

  /** False when the sender should pause; `Exchange.onClientDrain` follows. */
  writeText(text: string): boolean {
    return this.#socket.write(text, 'latin1');
  }

  write(bytes: Buffer): boolean {
    return this.#socket.write(bytes);
  }

  cork(): void {
    this.#socket.cork();
  }

  uncork(): void {
    this.#socket.uncork();
  }

  /** Half-close, in a tunnel. */
  endWriting(): void {
    this.#socket.end();
  }

  get hasUnsent(): boolean {
    return this.#socket.writableLength > 0;
  }

  /** True when the client has taken some of what is unsent since this was last asked. */
  hasProgressed(): boolean {
    const unsent = this.#socket.writableLength;
    const hasProgressed = unsent > 0 && unsent !== this.#unsent;
    this.#unsent = unsent;
    return hasProgressed;
  }

  /** The exchange is over; goes on with the next request or closes. */
  exchangeDone(keepAlive: boolean): void {
    if (this.#phase === Phase.closed) return;
    this.#exchange = null;
    if (!keepAlive || this.engine.isDraining) return this.#close();
    this.#phase = Phase.idle;
    this.deadline = this.engine.deadlines.now + this.engine.timeouts.idleMs;
    if (this.#socket.isPaused()) this.#socket.resume();
    if (this.#isReading || this.#buffered === null) return;
    const bytes = this.#buffered;
    this.#buffered = null;
    this.#read(bytes, 0);
  }

  /** Ends orderly: what was written arrives, what still comes in is thrown away for a moment. */
  #close(): void {
    this.#phase = Phase.lingering;
    this.#buffered = null;
    this.deadline = this.engine.deadlines.now + LINGER_MS;
    this.#socket.end();
    if (this.#socket.isPaused()) this.#socket.resume();
  }

  #linger(bytes: number): void {
    this.#lingered += bytes;
    if (this.#lingered > LINGER_BYTES) this.destroy();
  }

  /** Answers a head that is no request and closes. */
  #refuse(refused: Refused): void {
    const reason = reasonOf(refused.status);
    const reply = replyFor(reason, { method: '', accept: '', keepAlive: false, minor: 1 }, refused.status);
    Exchange.recordRefusal(this, reason, reply);
    this.writeText(reply.text);
    this.#close();
  }

  /** Shutdown: an idle connection ends now; a busy one after its answer (`exchangeDone`). */
  drain(): void {
    if (this.#phase === Phase.idle || this.#phase === Phase.head) this.#close();
  }

  expire(): void {
    if (this.#phase === Phase.head) {
      const reply = replyFor('request_timeout', { method: '', accept: '', keepAlive: false, minor: 1 });
      Exchange.recordRefusal(this, 'request_timeout', reply);
      this.writeText(reply.text);
      return this.#close();
    }
    if (this.#phase === Phase.exchange) return this.#exchange!.onClientLate();
    if (this.#phase === Phase.lingering && this.hasProgressed()) {
      this.deadline = this.engine.deadlines.now + this.engine.timeouts.streamIdleMs;
      return;
    }
    this.destroy();
  }

  destroy(): void {
    if (this.#phase === Phase.closed) return;
    this.#phase = Phase.closed;
    this.engine.deadlines.remove(this);
    this.engine.closed(this);
    this.#buffered = null;
    this.#parser = null;
    const exchange = this.#exchange;
    this.#exchange = null;
    this.#socket.destroy();
    exchange?.onClientGone();
  }

  onEnd(): void {
    if (this.#phase === Phase.exchange) {
      if (this.#exchange!.onClientEnd()) return;
    } else if (this.#phase === Phase.lingering && this.hasUnsent) {
      return;
    }
    this.destroy();
  }

  onDrain(): void {
    this.#exchange?.onClientDrain();
  }
}

function reasonOf(status: Refused['status']): Reason {
  switch (status) {
    case 413:
      return 'body_too_large';
    case 414:
      return 'uri_too_long';
    case 431:
      return 'headers_too_large';
    case 501:
      return 'not_implemented';
    default:
      return 'bad_request';
  }
}

/** Listeners are shared functions; the socket knows its connection. */
interface OwnedSocket extends net.Socket {
  owner: ClientConnection;
}

function onData(this: OwnedSocket, chunk: Buffer): void {
  this.owner.onData(chunk);
}

function onEnd(this: OwnedSocket): void {
  this.owner.onEnd();
}

function onDrain(this: OwnedSocket): void {
  this.owner.onDrain();
}

function onError(this: OwnedSocket): void {
  this.owner.destroy();
}

function onClose(this: OwnedSocket): void {
  this.owner.destroy();
}
