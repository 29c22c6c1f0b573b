import { type ClientHttp2Session, type ClientSessionOptions, connect, constants } from 'node:http2';
import type net from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { Timed } from '../deadlines.ts';
import { dial } from '../dial.ts';
import type { Endpoint, EndpointConnection } from '../endpoint.ts';
import type { UpstreamContext } from '../upstream.ts';
import type { UpstreamFailure, UpstreamStream } from '../upstream-stream.ts';
import { Http2UpstreamStream } from './upstream-stream.ts';

/** Streams until the peer's SETTINGS say otherwise: what RFC 9113, 6.5.2 advises peers to allow at least. */
const FIRST_STREAMS = 100;
/** More than this on one connection wait for each other's bytes, whatever the peer allows. */
const MOST_STREAMS = 1_000;
/** What an instance may send ahead, for one stream and for all of a connection. */
const STREAM_WINDOW = 256 * 1024;
const CONNECTION_WINDOW = 4 * 1024 * 1024;

const Phase = { connecting: 0, open: 1, leaving: 2, closed: 3 } as const;

/** A stream to the endpoint: on the first connection with room, or on a new one. */
export function openStream(endpoint: Endpoint, context: UpstreamContext): UpstreamStream {
  const session = endpoint.sessions.find(({ hasRoom }) => hasRoom) ?? new UpstreamSession(endpoint, context);
  return session.open();
}

/** One HTTP/2 connection to an endpoint, which owns it for life. */
export class UpstreamSession implements Timed, EndpointConnection {
  deadline: number;
  deadlineIndex = -1;
  readonly endpoint: Endpoint;
  readonly context: UpstreamContext;
  /** Exchanges that ended in order. */
  served = 0;
  readonly #socket: net.Socket;
  readonly #streams = new Set<Http2UpstreamStream>();
  #session: ClientHttp2Session | null = null;
  #phase: number = Phase.connecting;
  #limit = FIRST_STREAMS;
  /** It owes an answer to a PING, after a stream that got none. */
  #isSuspect = false;
  /** Of its streams, later ones have certainly not been processed (GOAWAY). */
  #lastStream = Number.POSITIVE_INFINITY;

  constructor(endpoint: Endpoint, context: UpstreamContext) {
    this.endpoint = endpoint;
    this.context = context;
    endpoint.connections.add(this);
    endpoint.sessions.push(this);
    context.deadlines.add(this);
    this.deadline = context.deadlines.now + context.timeouts.connectMs;
    const socket = dial(endpoint, context.upstreamHandshakes, 'h2', () => this.#connected());
    this.#socket = socket;
    socket.on('error', (error) => {
      context.upstreamFaults.socketFailed(endpoint, socket, error, this.#phase === Phase.connecting);
      this.#lost();
    });
    // Half-open sockets: without this an instance that has gone would look like a silent one.
    socket.on('end', () => this.#lost());
    socket.on('close', () => this.#lost());
  }

  get isOpen(): boolean {
    return this.#phase === Phase.open || this.#phase === Phase.leaving;
  }

  get hasRoom(): boolean {
    return this.#phase <= Phase.open && this.#streams.size < this.#limit && !this.#isSuspect;
  }

  get isIdle(): boolean {
    return this.#phase === Phase.open && this.#streams.size === 0;
  }

  /** It takes no new streams, of its own accord or because it is gone. */
  get isOver(): boolean {
    return this.#phase >= Phase.leaving;
  }

  get scheme(): 'http' | 'https' {
    return this.endpoint.tls === null ? 'http' : 'https';
  }

  /** The connection while it is open; null before and after. */
  get http2(): ClientHttp2Session | null {
    return this.isOpen ? this.#session : null;
  }

  isBeyondLast(stream: number | undefined): boolean {
    return stream !== undefined && stream > this.#lastStream;
  }

  open(): Http2UpstreamStream {
    const stream = new Http2UpstreamStream(this);
    this.#streams.add(stream);
    if (this.#phase === Phase.open) this.deadline = Number.POSITIVE_INFINITY;
    return stream;
  }

  #connected(): void {
    if (this.#phase !== Phase.connecting) return;
    const { endpoint, context } = this;
    if (endpoint.tls !== null && (this.#socket as TLSSocket).alpnProtocol !== 'h2') {
      context.upstreamFaults.tell(endpoint, 'protocol', 'it does not choose HTTP/2 (ALPN h2)');
      return this.#fail('connect_failed');
    }
    // Its endpoint may have left the pool meanwhile.
    this.#phase = endpoint.sessions.includes(this) ? Phase.open : Phase.leaving;
    this.deadline = Number.POSITIVE_INFINITY;
    this.#session = connect(`${this.scheme}://${endpoint.authority}`, this.#options());
    this.#listen(this.#session);
    for (const stream of [...this.#streams]) stream.connected();
    if (this.isIdle) this.#rest();
  }

  #options(): ClientSessionOptions {
    const { limits } = this.context;
    return {
      createConnection: () => this.#socket,
      settings: {
        enablePush: false,
        initialWindowSize: STREAM_WINDOW,
        maxHeaderListSize: limits.headBytes,
      },
      // With `:status`; beyond it the stream is refused before it is put together.
      maxHeaderListPairs: limits.fields + 1,
      maxReservedRemoteStreams: 0,
      maxSessionInvalidFrames: 50,
      maxSettings: 32,
      maxSessionMemory: 64,
      // Clients may repeat what Node thinks is single; heads are checked where they are read.
      strictSingleValueFields: false,
    } as ClientSessionOptions;
  }

  #listen(session: ClientHttp2Session): void {
    // Whatever it is, `close` follows.
    session.on('error', () => {});
    session.on('close', () => this.#lost());
    session.on('goaway', (_code, lastStream) => {
      this.#lastStream = lastStream;
      this.#leave();
    });
    session.on('remoteSettings', ({ maxConcurrentStreams = MOST_STREAMS }) => {
      this.#limit = Math.min(MOST_STREAMS, maxConcurrentStreams);
    });
    session.once('connect', () => session.setLocalWindowSize(CONNECTION_WINDOW));
  }

  /** The stream is over on both sides, or never began. */
  streamClosed(stream: Http2UpstreamStream): void {
    if (!this.#streams.delete(stream) || this.#streams.size > 0) return;
    if (this.#phase === Phase.leaving) this.destroy();
    else if (this.#phase === Phase.open) this.#rest();
  }

  #rest(): void {
    if (this.#isSuspect) return;
    const { deadlines, timeouts } = this.context;
    this.deadline = deadlines.now + timeouts.upstreamIdleMs;
  }

  /** A stream got no answer in time: until the peer has answered a PING, the whole connection may be dead. */
  suspect(): void {
    if (this.#isSuspect || this.#phase !== Phase.open) return;
    this.#isSuspect = true;
    this.deadline = this.context.deadlines.now + this.context.timeouts.connectMs;
    this.#session!.ping(() => {
      if (this.#phase !== Phase.open) return;
      this.#isSuspect = false;
      this.deadline = Number.POSITIVE_INFINITY;
      if (this.#streams.size === 0) this.#rest();
    });
  }

  /** Finishes what runs and takes nothing new. */
  #leave(): void {
    if (this.isOver) return;
    if (this.#phase === Phase.open) this.#phase = Phase.leaving;
    this.#unlist();
    if (this.#streams.size === 0) this.destroy();
  }

  #unlist(): void {
    const at = this.endpoint.sessions.indexOf(this);
    if (at >= 0) this.endpoint.sessions.splice(at, 1);
  }

  onDeparture(): void {
    this.#leave();
  }

  expire(): void {
    if (this.#phase === Phase.connecting) return this.#fail('connect_timeout');
    if (this.#isSuspect) return this.#lost();
    this.destroy();
  }

  #lost(): void {
    this.#fail(this.#phase === Phase.connecting ? 'connect_failed' : 'upstream_reset');
  }

  /** The endpoint's time is over; the exchanges are told. */
  cut(): void {
    this.#fail('upstream_reset');
  }

  #fail(failure: UpstreamFailure): void {
    if (this.#phase === Phase.closed) return;
    if (this.#phase === Phase.connecting) this.endpoint.failed('connect', this.context.deadlines.now);
    const streams = [...this.#streams];
    this.#close();
    for (const stream of streams) stream.fail(failure);
    this.endpoint.onConnectionClosed?.();
  }

  /** Ends now, without telling the exchanges. */
  destroy(): void {
    if (this.#phase === Phase.closed) return;
    const streams = [...this.#streams];
    this.#close();
    for (const stream of streams) stream.destroy();
    this.endpoint.onConnectionClosed?.();
  }

  #close(): void {
    this.#phase = Phase.closed;
    this.context.deadlines.remove(this);
    this.endpoint.connections.delete(this);
    this.#unlist();
    this.#session?.destroy(undefined, constants.NGHTTP2_NO_ERROR);
    this.#socket.destroy();
  }
}
