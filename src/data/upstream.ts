import net from 'node:net';
import type { Limits, Timeouts } from '../config/config.ts';
import type { Reason } from '../shared/reasons.ts';
import type { Deadlines, Timed } from './deadlines.ts';
import { ChunkedDecoder } from './http1/chunked.ts';
import { HeadParser } from './http1/head-parser.ts';
import { type ResponseHead, readResponse } from './http1/heads.ts';
import type { Endpoint } from './pools.ts';

/** Ways an upstream connection lets an exchange down. */
export type UpstreamFailure = Extract<
  Reason,
  'connect_failed' | 'connect_timeout' | 'upstream_reset' | 'bad_response' | 'upstream_timeout'
>;

/** The exchange a connection works for. */
export interface UpstreamUser {
  onConnected(): void;
  /** Interim heads (1xx) come through here too. */
  onResponseHead(head: ResponseHead): void;
  onResponseBody(bytes: Buffer, start: number, end: number): void;
  onResponseEnd(trailers: readonly string[], kinds: Uint8Array): void;
  /** A whole read has been handled: time to flush what was gathered. */
  onUpstreamBatchEnd(): void;
  onUpstreamDrain(): void;
  onUpstreamFailed(failure: UpstreamFailure): void;
  onTunnelBytes(bytes: Buffer): void;
  onTunnelEnd(): void;
}

export interface UpstreamContext {
  readonly deadlines: Deadlines;
  readonly timeouts: Timeouts;
  readonly limits: Limits;
  /** Serves heads that arrive whole. */
  parser: HeadParser;
}

const MAX_IDLE_PER_ENDPOINT = 512;

const Phase = { connecting: 0, head: 1, body: 2, idle: 3, tunnel: 4, ending: 5, closed: 6 } as const;

/**
 * One connection to an endpoint, owned by that endpoint for life: an address that is reused by another service gets new
 * connections. It parses responses as strictly as requests are parsed; on doubt the connection is destroyed.
 */
export class UpstreamConnection implements Timed {
  deadline = Number.POSITIVE_INFINITY;
  deadlineIndex = -1;
  /** Exchanges served, so that a failure on a kept connection can be told from one on a fresh connection. */
  served = 0;
  /** Bytes of a response have arrived for the present exchange. */
  hasAnswered = false;
  readonly endpoint: Endpoint;
  readonly #context: UpstreamContext;
  readonly #socket: net.Socket;
  #phase: number = Phase.connecting;
  #user: UpstreamUser | null = null;
  #method = '';
  #responseMs = 0;
  #keepAlive = false;
  #isEnding = false;
  #parser: HeadParser | null = null;
  #pending: Buffer | null = null;
  #decoder: ChunkedDecoder | null = null;
  /** Body bytes still to come; -1 until the connection closes. */
  #remaining = 0;

  constructor(endpoint: Endpoint, context: UpstreamContext) {
    this.endpoint = endpoint;
    this.#context = context;
    endpoint.connections.add(this);
    context.deadlines.add(this);
    this.deadline = context.deadlines.now + context.timeouts.connectMs;
    const socket = net.connect({
      host: endpoint.address,
      port: endpoint.port,
      noDelay: true,
      allowHalfOpen: true,
      keepAlive: true,
      keepAliveInitialDelay: 60_000,
    }) as OwnedSocket;
    socket.owner = this;
    socket.on('connect', onConnect);
    socket.on('data', onData);
    socket.on('end', onEnd);
    socket.on('drain', onDrain);
    socket.on('error', onError);
    socket.on('close', onClose);
    this.#socket = socket;
  }

  get isConnected(): boolean {
    return this.#phase !== Phase.connecting && this.#phase !== Phase.closed;
  }

  get isClosed(): boolean {
    return this.#phase === Phase.closed;
  }

  /** Starts to work for an exchange. `responseMs` counts from the end of the request. */
  begin(user: UpstreamUser, method: string, responseMs: number): void {
    this.#user = user;
    this.#method = method;
    this.#responseMs = responseMs;
    this.hasAnswered = false;
    if (this.#phase === Phase.idle) this.#awaitHead();
  }

  #awaitHead(): void {
    this.#phase = Phase.head;
    this.deadline = Number.POSITIVE_INFINITY;
  }

  /** The request is complete: the time for the response head starts. */
  requestSent(): void {
    if (this.#phase === Phase.head) this.deadline = this.#context.deadlines.now + this.#responseMs;
  }

  /** False when the receiver should pause; `onUpstreamDrain` follows. */
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
  end(): void {
    this.#socket.end();
  }

  /** Both sides of a tunnel have ended: what is still unsent goes out, then the connection closes. */
  finishSending(): void {
    if (this.#phase === Phase.closed) return;
    this.#user = null;
    this.#phase = Phase.ending;
    this.deadline = this.#context.deadlines.now + this.#context.timeouts.connectMs;
    this.#socket.end();
  }

  pause(): void {
    this.#socket.pause();
    // The peer cannot be late while we do not listen.
    this.deadline = Number.POSITIVE_INFINITY;
  }

  resume(): void {
    this.#touch();
    this.#socket.resume();
  }

  /** The exchange is over: keep the connection for the next one, or close it. */
  release(isReusable: boolean): void {
    this.#user = null;
    const { endpoint } = this;
    if (!isReusable || !this.#keepAlive || this.#phase !== Phase.idle || endpoint.isDeparting)
      return this.destroy();
    if (endpoint.idle.length >= MAX_IDLE_PER_ENDPOINT) return this.destroy();
    this.served++;
    this.deadline = this.#context.deadlines.now + this.#context.timeouts.upstreamIdleMs;
    if (this.#socket.isPaused()) this.#socket.resume();
    endpoint.idle.push(this);
  }

  /** Ends now, without telling the exchange. */
  destroy(): void {
    if (this.#phase === Phase.closed) return;
    this.#phase = Phase.closed;
    this.#user = null;
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

  /** Abortive close, in a tunnel whose other side was reset. */
  reset(): void {
    if (this.#phase !== Phase.closed) this.#socket.resetAndDestroy();
    this.destroy();
  }

  expire(): void {
    switch (this.#phase) {
      case Phase.connecting:
        return this.#fail('connect_timeout');
      case Phase.head:
        return this.#fail('upstream_timeout');
      case Phase.idle:
      case Phase.ending:
        return this.destroy();
      default:
        return this.#fail('upstream_reset');
    }
  }

  #fail(failure: UpstreamFailure): void {
    const user = this.#user;
    if (this.#phase === Phase.connecting) this.endpoint.failed(this.#context.deadlines.now);
    this.destroy();
    user?.onUpstreamFailed(failure);
  }

  #touch(): void {
    const { deadlines, timeouts } = this.#context;
    if (this.#phase === Phase.body) this.deadline = deadlines.now + timeouts.streamIdleMs;
  }

  /** Moves to tunnel mode after a 101; bytes that followed the head belong to the tunnel. */
  #enterTunnel(): void {
    this.#phase = Phase.tunnel;
    // One side's clock is enough for both directions, and it is the client's.
    this.deadline = Number.POSITIVE_INFINITY;
  }

  onConnect(): void {
    if (this.#phase !== Phase.connecting) return;
    this.#awaitHead();
    this.endpoint.succeeded();
    if (this.#user) this.#user.onConnected();
    else this.destroy();
  }

  onData(chunk: Buffer): void {
    const user = this.#user;
    // Bytes on an idle connection answer a question nobody asked; keeping it would hand them to the next client.
    if (user === null || this.#phase === Phase.idle) return this.destroy();
    this.hasAnswered = true;
    if (this.#phase === Phase.tunnel) {
      return user.onTunnelBytes(chunk);
    }
    let at = 0;
    while (at < chunk.length && this.#user === user) {
      if (this.#phase === Phase.head) at = this.#readHead(chunk, at);
      else if (this.#phase === Phase.body) at = this.#readBody(chunk, at);
      else if (this.#phase === Phase.tunnel) {
        user.onTunnelBytes(at === 0 ? chunk : chunk.subarray(at));
        return;
      } else {
        // More than was announced: the response stands, the connection does not.
        this.#keepAlive = false;
        break;
      }
      if (at < 0) return this.#fail('bad_response');
    }
    if (this.#user !== user) return;
    if (this.#isEnding) this.#respond(user);
    else user.onUpstreamBatchEnd();
  }

  /** The response is complete, and everything that came with it has been looked at. */
  #respond(user: UpstreamUser): void {
    this.#isEnding = false;
    const trailers = this.#decoder?.trailers ?? [];
    const kinds = this.#decoder?.trailerKinds ?? NO_KINDS;
    this.#decoder = null;
    user.onResponseEnd(trailers, kinds);
  }

  /** Returns where the head ended, or -1. */
  #readHead(chunk: Buffer, at: number): number {
    const context = this.#context;
    let bytes = chunk;
    let base = at;
    let before = 0;
    let parser = this.#parser;
    if (parser === null) {
      parser = context.parser;
      parser.reset('response');
    } else {
      before = this.#pending!.length;
      bytes = Buffer.concat([this.#pending!, at === 0 ? chunk : chunk.subarray(at)]);
      base = 0;
    }
    const length = parser.parse(bytes, base, bytes.length);
    if (length < 0) return -1;
    if (length === 0) {
      if (this.#parser === null) {
        this.#parser = parser;
        context.parser = new HeadParser(context.limits);
      }
      this.#pending = bytes.subarray(base);
      return chunk.length;
    }
    const head = readResponse(parser, bytes.toString('latin1', base, base + length), this.#method);
    this.#parser = null;
    this.#pending = null;
    if (head === null) return -1;
    this.#takeHead(head);
    return at + length - before;
  }

  #takeHead(head: ResponseHead): void {
    if (head.status < 200) {
      if (head.status === 101) this.#enterTunnel();
      this.#user!.onResponseHead(head);
      return;
    }
    this.#keepAlive = head.keepAlive;
    this.#phase = Phase.body;
    this.#touch();
    const { framing } = head;
    this.#remaining = framing.kind === 'length' ? framing.length : framing.kind === 'close' ? -1 : 0;
    if (framing.kind === 'chunked') this.#decoder = new ChunkedDecoder(this.#context.limits);
    const user = this.#user!;
    user.onResponseHead(head);
    if (
      this.#user === user &&
      (framing.kind === 'none' || (framing.kind === 'length' && framing.length === 0))
    ) {
      this.#endBody();
    }
  }

  #readBody(chunk: Buffer, at: number): number {
    this.#touch();
    const user = this.#user!;
    if (this.#decoder !== null) {
      const end = this.#decoder.decode(chunk, at, chunk.length, (bytes, start, to) => {
        if (this.#user === user) user.onResponseBody(bytes, start, to);
      });
      if (end >= 0 && this.#decoder?.isDone) this.#endBody();
      return end;
    }
    const end = this.#remaining < 0 ? chunk.length : Math.min(chunk.length, at + this.#remaining);
    if (this.#remaining > 0) this.#remaining -= end - at;
    user.onResponseBody(chunk, at, end);
    if (this.#remaining === 0 && this.#user === user) this.#endBody();
    return end;
  }

  #endBody(): void {
    this.#phase = Phase.idle;
    this.#isEnding = true;
    this.deadline = Number.POSITIVE_INFINITY;
  }

  onEnd(): void {
    const user = this.#user;
    if (user === null) return this.destroy();
    if (this.#phase === Phase.tunnel) return user.onTunnelEnd();
    if (this.#phase === Phase.body && this.#remaining < 0) {
      this.#keepAlive = false;
      this.#endBody();
      return this.#respond(user);
    }
    // The response is complete and the exchange still sends its request.
    if (this.#phase === Phase.idle) {
      this.#keepAlive = false;
      return;
    }
    this.#fail('upstream_reset');
  }

  onError(): void {
    this.#fail(this.#phase === Phase.connecting ? 'connect_failed' : 'upstream_reset');
  }

  onClose(): void {
    if (this.#phase !== Phase.closed) this.onError();
  }

  onDrain(): void {
    this.#user?.onUpstreamDrain();
  }
}

const NO_KINDS = new Uint8Array(0);

/** Listeners are shared functions; the socket knows its connection. One closure less per connection and event. */
interface OwnedSocket extends net.Socket {
  owner: UpstreamConnection;
}

function onConnect(this: OwnedSocket): void {
  this.owner.onConnect();
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
  this.owner.onError();
}

function onClose(this: OwnedSocket): void {
  this.owner.onClose();
}
