import type net from 'node:net';
import type { ClientStream, Relay } from './client-stream.ts';
import type { Timed } from './deadlines.ts';
import type { Engine, ListenerFacts } from './engine.ts';
import { Exchange } from './exchange.ts';
import type { Peer } from './forwarded.ts';
import { responseHead, upgradeHead } from './head-writer.ts';
import { HeadReader } from './http1/head-reader.ts';
import {
  NO_BODY,
  type Refused,
  type RequestHead,
  type ResponseHead,
  readRequest,
  refusalOf,
} from './http1/heads.ts';
import { MAX_JOINED, Outgoing } from './outgoing.ts';
import { own, reset, type SocketOwner } from './owned-socket.ts';
import { type Reply, reasonOfRefusal, replyFor } from './replies.ts';
import { recordRefusal } from './request-record.ts';
import { ResponseRelay } from './response-relay.ts';
import type { ConnectionTls } from './tls/connection-tls.ts';

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
export class ClientConnection implements Timed, SocketOwner, ClientStream {
  deadline: number;
  deadlineIndex = -1;
  readonly listener: ListenerFacts;
  readonly engine: Engine;
  readonly peer: Peer;
  /** Null without TLS. */
  readonly tls: ConnectionTls | null;
  readonly #socket: net.Socket;
  readonly #out: Outgoing;
  #phase: number = Phase.idle;
  #exchange: Exchange | null = null;
  readonly #heads: HeadReader;
  /** Bytes nobody wanted yet. */
  #buffered: Buffer | null = null;
  #isReading = false;
  #requests = 0;
  #lingered = 0;

  constructor(
    socket: net.Socket,
    listener: ListenerFacts,
    peer: Peer,
    engine: Engine,
    tls: ConnectionTls | null,
  ) {
    this.tls = tls;
    this.listener = listener;
    this.engine = engine;
    this.#socket = socket;
    this.#out = new Outgoing(socket, engine.writes);
    this.#heads = new HeadReader('request', engine);
    this.peer = peer;
    // The first request has the head's time: a connection that never speaks is not keep-alive.
    this.deadline = engine.deadlines.now + engine.timeouts.headMs;
    engine.opened(this);
    engine.deadlines.add(this);
    own(socket, this);
  }

  /** `limits.requestsPerConnection` is reached; never, where it is 0. */
  get isLastRequest(): boolean {
    return this.#requests === this.engine.limits.requestsPerConnection;
  }

  get isClosed(): boolean {
    return this.#phase === Phase.closed;
  }

  /** Up to `MAX_JOINED` the bytes are only lent. */
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
    if (this.#phase === Phase.closed) return;
    if (this.#buffered !== null) return this.#keep(chunk);
    this.#read(chunk);
    const rest = this.#buffered as Buffer | null;
    if (rest !== null && chunk.length <= MAX_JOINED) this.#buffered = Buffer.from(rest);
  }

  /**
   * Reads requests until one has begun that is not over yet, the bytes are used up, or the client does not take its
   * answers. A loop, because a pipeline of requests that we answer ourselves would otherwise be a recursion.
   */
  #read(chunk: Buffer): void {
    this.#isReading = true;
    let bytes: Buffer | null = chunk;
    while (bytes !== null) {
      this.#readOne(bytes);
      if (this.#phase !== Phase.idle || this.#out.needsDrain) break;
      bytes = this.#buffered;
      this.#buffered = null;
    }
    this.#isReading = false;
  }

  #readOne(chunk: Buffer): void {
    const { engine } = this;
    const heads = this.#heads;
    const end = heads.read(chunk, 0);
    if (end < 0) return this.#refuse(refusalOf(heads.parser.fault!), heads.isRefusedHead ? 'HEAD' : '');
    if (end === 0) {
      if (this.#phase === Phase.head) return;
      this.#phase = Phase.head;
      this.deadline = engine.deadlines.now + engine.timeouts.headMs;
      return;
    }
    const head = readRequest(heads.parser, heads.text);
    if ('refused' in head)
      return this.#refuse(head, heads.text.startsWith('HEAD ', heads.parser.lineStart) ? 'HEAD' : '');

    this.#phase = Phase.exchange;
    this.deadline = Number.POSITIVE_INFINITY;
    if (end < chunk.length) this.#buffered = chunk.subarray(end);
    this.#requests++;
    this.#exchange = new Exchange(this, head);
    this.#exchange.start();
    this.takeBody();
  }

  /** Offers kept bytes to the exchange, if it takes them by now. */
  takeBody(): void {
    const exchange = this.#exchange;
    const bytes = this.#buffered;
    if (this.#phase !== Phase.exchange || exchange === null || !exchange.takesBytes) return;
    this.#buffered = null;
    // Before the bytes are offered, because the exchange may want a pause for them.
    this.resumeReading();
    if (bytes === null) return;
    const at = exchange.onClientBytes(bytes, 0);
    if (this.#exchange === exchange && at < bytes.length) this.#buffered = bytes.subarray(at);
  }

  #keep(chunk: Buffer): void {
    this.#buffered = Buffer.concat(this.#buffered === null ? [chunk] : [this.#buffered, chunk]);
    if (this.#buffered.length > MAX_BUFFERED) this.#socket.pause();
  }

  /** Nothing is read for now: whoever is late, it is not the client. */
  get isPaused(): boolean {
    return this.#socket.isPaused();
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
    return this.#out.writeText(text);
  }

  write(bytes: Buffer): boolean {
    return this.#out.write(bytes);
  }

  inform(head: ResponseHead, request: RequestHead): void {
    this.writeText(responseHead(head, NO_BODY, request, true));
  }

  respond(head: ResponseHead, request: RequestHead, keepAlive: boolean, hsts: string): Relay {
    return new ResponseRelay(this, request, head, keepAlive, hsts);
  }

  switchProtocol(head: ResponseHead, asked: string): void {
    this.writeText(upgradeHead(head, asked));
  }

  reply(reply: Reply): void {
    this.writeText(reply.text);
  }

  /** Half-close, in a tunnel. */
  endWriting(): void {
    this.#out.end();
  }

  get hasUnsent(): boolean {
    return this.#out.unsent > 0;
  }

  /** True when the client has taken some of what is unsent since this was last asked. */
  hasProgressed(): boolean {
    return this.#out.hasProgressed();
  }

  exchangeDone(keepAlive: boolean, isClientDone = false): void {
    if (this.#phase === Phase.closed) return;
    this.#exchange = null;
    if (isClientDone && this.#buffered === null) return this.#leave();
    if (!keepAlive || this.engine.isDraining) return this.#close();
    this.#phase = Phase.idle;
    this.deadline = this.engine.deadlines.now + this.engine.timeouts.idleMs;
    // A client that asks and does not listen must not fill our memory with answers: it waits for `onDrain`.
    if (this.#out.needsDrain) this.#socket.pause();
    else if (!this.#isReading) this.#goOn();
  }

  /** With what has been received already, or with whatever comes. */
  #goOn(): void {
    if (this.#socket.isPaused()) this.#socket.resume();
    const bytes = this.#buffered;
    if (bytes === null) return;
    this.#buffered = null;
    this.#read(bytes);
  }

  /** Nothing more will come, so nothing is waited for: a reset can only follow bytes that nobody reads. */
  #leave(): void {
    this.#phase = Phase.lingering;
    this.deadline = this.engine.deadlines.now + LINGER_MS;
    this.#out.flush();
    // Without TLS, whose end is a message, closing says it all.
    if (this.#out.unsent === 0 && this.tls === null) this.destroy();
    else this.#socket.destroySoon();
  }

  /** Ends orderly: what was written arrives, what still comes in is thrown away for a moment. */
  #close(): void {
    this.#phase = Phase.lingering;
    this.#buffered = null;
    this.#heads.forget();
    this.deadline = this.engine.deadlines.now + LINGER_MS;
    this.#out.end();
    if (this.#socket.isPaused()) this.#socket.resume();
  }

  #linger(bytes: number): void {
    this.#lingered += bytes;
    if (this.#lingered > LINGER_BYTES) this.destroy();
  }

  /** Answers what is no request and closes. */
  #refuse(refused: Refused, method: string): void {
    const reason = reasonOfRefusal(refused.status);
    const reply = replyFor(reason, { method, accept: '', keepAlive: false, minor: 1 }, refused.status);
    recordRefusal(this, reason, reply);
    this.writeText(reply.text);
    this.#close();
  }

  /** Shutdown: an idle connection ends now; one with a request, even a part of one, after its answer. */
  drain(): void {
    if (this.#phase === Phase.idle) this.#close();
  }

  expire(): void {
    switch (this.#phase) {
      case Phase.head:
        return this.#refuse({ refused: true, status: 408, fault: 'late' }, '');
      case Phase.exchange:
        return this.#exchange!.onClientLate();
      default:
        // What was written is still under way to a slow client.
        if (!this.hasProgressed()) return this.destroy();
        this.deadline = this.engine.deadlines.now + this.engine.timeouts.streamIdleMs;
    }
  }

  /** Closes such that the client cannot take what it has for complete. */
  abort(): void {
    if (this.#phase !== Phase.closed) reset(this.#socket);
    this.destroy();
  }

  destroy(): void {
    if (this.#phase === Phase.closed) return;
    this.#phase = Phase.closed;
    this.engine.deadlines.remove(this);
    this.engine.closed(this);
    this.#buffered = null;
    this.#heads.forget();
    const exchange = this.#exchange;
    this.#exchange = null;
    this.#socket.destroy();
    exchange?.onClientGone();
  }

  /**
   * The client sends no more. In a tunnel that is one direction; a client that waits for an answer has gone away: like
   * nginx and Go's server we do not let an upstream work for somebody who most likely hung up.
   */
  onEnd(): void {
    if (this.#phase === Phase.exchange) {
      if (this.#exchange!.onClientEnd()) return;
    } else if (this.hasUnsent) {
      if (this.#phase !== Phase.lingering) this.#close();
      return;
    }
    this.destroy();
  }

  onError(): void {
    this.destroy();
  }

  onClose(): void {
    this.destroy();
  }

  onDrain(): void {
    if (this.#phase === Phase.exchange) this.#exchange!.onClientDrain();
    else if (this.#phase === Phase.idle) this.#goOn();
  }
}
