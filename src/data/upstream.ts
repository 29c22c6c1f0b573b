import type net from 'node:net';
import type { UpstreamHandshakes } from '../../tls/upstream.ts';
import type { Limits, Timeouts } from '../config/config.ts';
import type { Deadlines, Timed } from './deadlines.ts';
import { dial } from './dial.ts';
import type { Endpoint } from './endpoint.ts';
import { BodyWriter } from './http1/body-writer.ts';
import type { SharedParser } from './http1/head-reader.ts';
import type { Framing } from './http1/heads.ts';
import { ResponseReader } from './http1/response-reader.ts';
import { MAX_JOINED, Outgoing, type WriteBatch } from './outgoing.ts';
import { ownSilent, reset, type SocketOwner } from './owned-socket.ts';
import { ReadBuffer } from './read-buffer.ts';
import type { UpstreamFaults } from './upstream-faults.ts';
import type {
  BodySink,
  TunnelSide,
  UpstreamFailure,
  UpstreamStream,
  UpstreamUser,
} from './upstream-stream.ts';

export interface UpstreamContext extends SharedParser {
  readonly deadlines: Deadlines;
  readonly writes: WriteBatch;
  readonly timeouts: Timeouts;
  readonly limits: Limits;
  readonly readBuffer: Buffer;
  readonly upstreamHandshakes: UpstreamHandshakes;
  readonly upstreamFaults: UpstreamFaults;
}

const MAX_IDLE_PER_ENDPOINT = 512;
/** A connection is given up this long before the peer has announced to close it. */
const PEER_IDLE_MARGIN_MS = 1_000;

const Phase = { connecting: 0, busy: 1, idle: 2, tunnel: 3, ending: 4, closed: 5 } as const;

/**
 * One connection to an endpoint, owned by that endpoint for life: an address that is reused by another service gets new
 * connections. On any doubt about what the peer sends, the connection is destroyed.
 */
export class UpstreamConnection implements UpstreamStream, TunnelSide, Timed, Omit<SocketOwner, 'onData'> {
  deadline = Number.POSITIVE_INFINITY;
  deadlineIndex = -1;
  /** It has served an exchange. */
  isStale = false;
  hasAnswered = false;
  /** What a peer has done with bytes that were sent is anybody's guess. */
  readonly isUntouched = false;
  readonly tunnel = this;
  readonly endpoint: Endpoint;
  readonly #context: UpstreamContext;
  readonly #reader: ResponseReader;
  readonly #socket: net.Socket;
  readonly #out: Outgoing;
  readonly #input: ReadBuffer;
  #phase: number = Phase.connecting;
  #user: UpstreamUser | null = null;
  #responseMs = 0;

  constructor(endpoint: Endpoint, context: UpstreamContext) {
    this.endpoint = endpoint;
    this.#context = context;
    this.#reader = new ResponseReader(context);
    endpoint.connections.add(this);
    context.deadlines.add(this);
    this.deadline = context.deadlines.now + context.timeouts.connectMs;
    const input = new ReadBuffer(context.readBuffer);
    const socket = dial(endpoint, context.upstreamHandshakes, 'http/1.1', () => this.#connected(), {
      buffer: () => input.next()!,
      callback: (length) => this.#onRead(length),
    });
    ownSilent(socket, this);
    this.#socket = socket;
    this.#input = input;
    this.#out = new Outgoing(socket, context.writes);
  }

  get isConnected(): boolean {
    return this.#phase === Phase.busy;
  }

  begin(user: UpstreamUser, method: string, responseMs: number): void {
    this.#user = user;
    this.#responseMs = responseMs;
    this.hasAnswered = false;
    this.#reader.begin(method);
    if (this.#phase === Phase.idle) this.#awaitHead();
  }

  #awaitHead(): void {
    this.#phase = Phase.busy;
    this.deadline = Number.POSITIVE_INFINITY;
  }

  sendHead(head: string): void {
    this.writeText(head);
    this.requestSent();
  }

  beginBody(head: string, framing: Framing): BodySink {
    return new BodyWriter(this, head, framing.kind === 'chunked');
  }

  requestSent(): void {
    if (this.#phase === Phase.busy && !this.#reader.isInBody) {
      this.deadline = this.#context.deadlines.now + this.#responseMs;
    }
  }

  /** False when the sender should pause; `onUpstreamDrain` follows. */
  writeText(text: string): boolean {
    this.#touch();
    return this.#out.writeText(text);
  }

  write(bytes: Buffer): boolean {
    this.#touch();
    return this.#out.write(bytes);
  }

  hasProgressed(): boolean {
    return this.#out.hasProgressed();
  }

  end(): void {
    this.#out.end();
  }

  finishSending(): void {
    if (this.#phase === Phase.closed) return;
    this.#user = null;
    this.#phase = Phase.ending;
    this.deadline = this.#context.deadlines.now + this.#context.timeouts.connectMs;
    this.#out.end();
  }

  pause(): void {
    this.#socket.pause();
    // The peer cannot be late while we do not listen.
    this.deadline = Number.POSITIVE_INFINITY;
  }

  resume(): void {
    if (!this.#socket.isPaused()) return;
    this.#socket.resume();
    this.#touch();
  }

  release(isReusable: boolean): void {
    this.#user = null;
    const { endpoint } = this;
    const { deadlines, timeouts } = this.#context;
    if (!isReusable || !this.#reader.keepAlive || this.#phase !== Phase.idle || endpoint.isDeparting)
      return this.destroy();
    if (endpoint.idle.length >= MAX_IDLE_PER_ENDPOINT) return this.destroy();
    const idleMs = Math.min(timeouts.upstreamIdleMs, this.#reader.peerIdleMs - PEER_IDLE_MARGIN_MS);
    if (idleMs <= 0) return this.destroy();
    this.isStale = true;
    this.deadline = deadlines.now + idleMs;
    if (this.#socket.isPaused()) this.#socket.resume();
    endpoint.idle.push(this);
  }

  destroy(): void {
    if (this.#phase === Phase.closed) return;
    this.#phase = Phase.closed;
    this.#user = null;
    this.#reader.stop();
    this.#context.deadlines.remove(this);
    this.endpoint.connections.delete(this);
    const idleAt = this.endpoint.idle.indexOf(this);
    if (idleAt >= 0) this.endpoint.idle.splice(idleAt, 1);
    this.#socket.destroy();
    this.endpoint.onConnectionClosed?.();
  }

  /** Ends now because the endpoint's time is over; the exchange is told. */
  cut(): void {
    this.#fail('upstream_reset');
  }

  /** Abortive close, in a tunnel whose other side was reset. With TLS any close without a word is one (RFC 8446, 6.1). */
  reset(): void {
    if (this.#phase !== Phase.closed && this.endpoint.tls === null) reset(this.#socket);
    this.destroy();
  }

  expire(): void {
    switch (this.#phase) {
      case Phase.connecting:
        return this.#fail('connect_timeout');
      case Phase.busy:
        return this.#fail('upstream_timeout');
      default:
        return this.destroy();
    }
  }

  #fail(failure: UpstreamFailure): void {
    const user = this.#user;
    if (failure === 'connect_failed' || failure === 'connect_timeout') {
      this.endpoint.failed('connect', this.#context.deadlines.now);
    }
    this.destroy();
    user?.onUpstreamFailed(failure);
  }

  /** Something moved; while the body of a response is under way that is all that is asked for. */
  #touch(): void {
    if (this.#phase !== Phase.busy || !this.#reader.isInBody || this.#socket.isPaused()) return;
    this.deadline = this.#context.deadlines.now + this.#context.timeouts.streamIdleMs;
  }

  #connected(): void {
    if (this.#phase !== Phase.connecting) return;
    this.#awaitHead();
    if (this.#user) this.#user.onConnected();
    else this.destroy();
  }

  #onRead(length: number): boolean {
    const user = this.#user;
    this.#onData(this.#input.take(length, MAX_JOINED));
    this.#input.settle(user?.holdsBytes ?? true);
    return true;
  }

  #onData(chunk: Buffer): void {
    const user = this.#user;
    // Bytes on an idle connection answer a question nobody asked; keeping it would hand them to the next client.
    if (user === null) return this.destroy();
    this.hasAnswered = true;
    if (this.#phase === Phase.tunnel) return user.onTunnelBytes(chunk);
    const reader = this.#reader;
    const at = reader.read(chunk, user);
    if (this.#user !== user) return;
    if (at < 0) return this.#fail('bad_response');
    if (reader.isTunnel) return this.#enterTunnel(user, at < chunk.length ? chunk.subarray(at) : null);
    if (!reader.isDone) {
      this.#touch();
      return user.onUpstreamBatchEnd();
    }
    // More than was announced: the response stands, the connection does not.
    if (at < chunk.length) reader.keepAlive = false;
    this.#respond(user);
  }

  #enterTunnel(user: UpstreamUser, rest: Buffer | null): void {
    this.#phase = Phase.tunnel;
    // One side's clock is enough for both directions, and it is the client's.
    this.deadline = Number.POSITIVE_INFINITY;
    if (rest !== null) user.onTunnelBytes(rest);
  }

  /** The response is complete, and everything that came with it has been looked at. */
  #respond(user: UpstreamUser): void {
    this.#phase = Phase.idle;
    this.deadline = Number.POSITIVE_INFINITY;
    user.onResponseEnd(this.#reader.trailers, this.#reader.trailerKinds);
  }

  onEnd(): void {
    // In the middle of a handshake; the error that says so follows.
    if (this.#phase === Phase.connecting) return;
    const user = this.#user;
    if (user === null) {
      if (this.#phase !== Phase.ending) this.destroy();
    } else if (this.#phase === Phase.tunnel) user.onTunnelEnd();
    else if (this.#reader.end()) this.#respond(user);
    else this.#fail('upstream_reset');
  }

  onError(error?: Error): void {
    const isConnecting = this.#phase === Phase.connecting;
    this.#context.upstreamFaults.socketFailed(this.endpoint, this.#socket, error, isConnecting);
    this.#fail(isConnecting ? 'connect_failed' : 'upstream_reset');
  }

  onClose(): void {
    if (this.#phase !== Phase.closed) this.onError();
  }

  onDrain(): void {
    this.#user?.onUpstreamDrain();
  }
}
