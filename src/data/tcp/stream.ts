import type net from 'node:net';
import type { Ending } from '../../shared/endings.ts';
import type { Timed } from '../deadlines.ts';
import type { Endpoint } from '../endpoint.ts';
import type { Engine, ListenerFacts } from '../engine.ts';
import type { Peer } from '../forwarded.ts';
import { isDenied, type LiveRoute } from '../live-table.ts';
import { Outgoing } from '../outgoing.ts';
import { own, reset, type SocketOwner } from '../owned-socket.ts';
import type { GaveUp } from '../queue.ts';
import type { Arrival } from './arrival.ts';
import { opening, POSTGRES_YES } from './opening.ts';
import { StreamAttempts, type StreamAttemptsUser } from './stream-attempts.ts';
import { recordEnding } from './stream-record.ts';
import { KEEP_ALIVE_MS, StreamUpstream, type StreamUser } from './stream-upstream.ts';

/** What a client that waits may have sent beforehand: a first question, not a stream. */
const WAITING_BYTES = 16 * 1024;
const NOTHING = Buffer.alloc(0);

const Phase = { waiting: 0, connecting: 1, asking: 2, open: 3, over: 4 } as const;

/**
 * One connection that is passed on as it comes: client, instance, and the bytes between them. Nothing of the client is sent
 * before the instance is connected, so until then another instance can be tried. Each direction ends by itself, a
 * reset of one side resets the other, and the lease is given back when the instance's connection is closed.
 */
export class Stream implements Timed, SocketOwner, StreamUser, StreamAttemptsUser {
  deadline = Number.POSITIVE_INFINITY;
  deadlineIndex = -1;
  readonly listener: ListenerFacts;
  readonly peer: Peer;
  route: LiveRoute;
  readonly startedAt = performance.now();
  connectMs = -1;
  bytesIn = 0;
  bytesOut = 0;
  /** The endpoint asked last. */
  endpoint = '';
  readonly #socket: net.Socket;
  readonly #out: Outgoing;
  readonly #engine: Engine;
  /** Gone once the instance has been told what it must know. */
  #arrival: Arrival | null;
  /** What the log says of it. */
  readonly serverName: string;
  readonly protocol: 'tcp' | 'tls';
  #phase: number = Phase.waiting;
  #upstream: StreamUpstream | null = null;
  #attempts: StreamAttempts;
  /** Its pool went while it waited, and it found another: that happens once. */
  #hasMoved = false;
  /** What happened first. */
  #ending: Ending | null = null;
  #hasClientEnded = false;
  #hasUpstreamEnded = false;
  #isClientClosed = false;

  constructor(socket: net.Socket, arrival: Arrival, route: LiveRoute, engine: Engine) {
    this.listener = arrival.listener;
    this.peer = arrival.peer;
    this.route = route;
    this.serverName = arrival.hello?.serverName ?? '';
    this.protocol = arrival.hello === null ? 'tcp' : 'tls';
    this.#arrival = arrival;
    this.#socket = socket;
    this.#out = new Outgoing(socket, engine.writes);
    this.#engine = engine;
    own(socket, this);
    socket.pause();
    socket.setKeepAlive(true, KEEP_ALIVE_MS);
    engine.streamOpened(this);
    engine.deadlines.add(this);
    this.#attempts = new StreamAttempts(this, route, this.peer.address, engine);
    this.#attempt();
  }

  get #isTls(): boolean {
    return this.protocol === 'tls';
  }

  get retries(): number {
    return this.#attempts.retries;
  }

  #attempt(): void {
    this.#phase = Phase.waiting;
    this.deadline = Number.POSITIVE_INFINITY;
    // While it waits it is read from, or nobody would see that the client leaves.
    if (this.#attempts.next()) this.#readWaiting();
  }

  #readWaiting(): void {
    if ((this.#arrival!.received?.length ?? 0) < WAITING_BYTES) this.#socket.resume();
  }

  onEndpoint(endpoint: Endpoint): void {
    const { deadlines, timeouts } = this.#engine;
    this.#socket.pause();
    this.endpoint = endpoint.authority;
    this.#phase = Phase.connecting;
    this.deadline = deadlines.now + timeouts.connectMs;
    this.#upstream = new StreamUpstream(endpoint, this, this.#engine);
  }

  onGaveUp(reason: GaveUp): void {
    if (reason === 'pool_gone') return this.#move();
    // When nobody is left after a failure, the failure says more.
    this.#abort(reason === 'overloaded' ? reason : (this.#ending ?? reason));
  }

  /** The pool it waited for is gone: whoever has its port or name now may serve it, if it may go there. */
  #move(): void {
    const { tls } = this.route.options;
    // TLS that has ended here is a port's, whatever name it was for.
    const name = this.#isTls && tls === undefined ? this.serverName : null;
    const route = this.#hasMoved ? null : this.#engine.table.streamFor(this.listener, name);
    if (route === null || route.options.tls !== tls) return this.#abort('no_healthy_instance');
    if (isDenied(route, this.peer.address)) return this.#abort('denied');
    this.#hasMoved = true;
    this.route = route;
    this.#attempts = new StreamAttempts(this, route, this.peer.address, this.#engine);
    this.#attempt();
  }

  onConnected(): void {
    if (this.#phase !== Phase.connecting) return;
    if (this.connectMs < 0) this.connectMs = performance.now() - this.startedAt;
    const arrival = this.#arrival!;
    const { out } = this.#upstream!;
    this.#attempts.succeeded();
    const first = opening(arrival, this.route.options.proxy);
    if (first !== null) out.write(first);
    if (arrival.isPostgres) this.#phase = Phase.asking;
    else this.#open();
  }

  /** The instance is there and willing: from here on bytes go both ways. */
  #open(): void {
    this.#phase = Phase.open;
    this.#ending = null;
    const { received } = this.#arrival!;
    this.#touch();
    if (received !== null) {
      this.#arrival = null;
      this.bytesIn += received.length;
      this.#engine.recorder.streamBytes(received.length, 0);
      this.#upstream!.out.write(received);
    }
    if (this.#hasClientEnded) this.#upstream!.out.end();
    this.#socket.resume();
  }

  get #isFresh(): boolean {
    const { deadlines, timeouts } = this.#engine;
    return this.deadline - timeouts.tcpIdleMs + timeouts.connectMs > deadlines.now;
  }

  #touch(): void {
    this.deadline = this.#engine.deadlines.now + this.#engine.timeouts.tcpIdleMs;
  }

  onData(chunk: Buffer): void {
    if (this.#phase !== Phase.open) return this.#keep(chunk);
    this.bytesIn += chunk.length;
    this.#engine.recorder.streamBytes(chunk.length, 0);
    this.#touch();
    this.#upstream!.out.pass(chunk, this.#socket);
  }

  /** What comes before there is somebody to take it. */
  #keep(chunk: Buffer): void {
    if (this.#phase === Phase.over) return;
    const received = Buffer.concat([this.#arrival!.received ?? NOTHING, chunk]);
    this.#arrival = { ...this.#arrival!, received };
    if (received.length >= WAITING_BYTES) this.#socket.pause();
  }

  fromUpstream(chunk: Buffer): boolean {
    if (this.#phase === Phase.asking) return this.#answered(chunk);
    this.bytesOut += chunk.length;
    this.#engine.recorder.streamBytes(0, chunk.length);
    this.#touch();
    this.#out.pass(chunk, this.#upstream!.socket);
    return this.#out.unsent === 0;
  }

  /** More than the one byte could only be somebody's between us and the instance (CVE-2021-23222). */
  #answered(chunk: Buffer): true {
    if (chunk.length === 1 && chunk[0] === POSTGRES_YES) this.#open();
    else this.#attemptFailed('connect_failed');
    return true;
  }

  onDrain(): void {
    this.#upstream?.socket.resume();
  }

  onUpstreamDrain(): void {
    if (this.#phase === Phase.open) this.#socket.resume();
  }

  onEnd(): void {
    this.#hasClientEnded = true;
    if (this.#phase === Phase.open) {
      this.#ending ??= 'client_closed';
      this.#upstream?.out.end();
    } else if (this.#isTls || this.#arrival?.received === null) {
      // It has asked nothing yet, so it waits for nothing any more.
      this.#abort('client_closed');
    }
  }

  onUpstreamEnd(): void {
    if (this.#phase !== Phase.open) return this.#attemptFailed('connect_failed');
    this.#ending ??= 'upstream_closed';
    this.#hasUpstreamEnded = true;
    this.#out.end();
  }

  onError(): void {
    this.#abort('client_reset');
  }

  onUpstreamError(): void {
    if (this.#phase !== Phase.open) return this.#attemptFailed('connect_failed');
    // It hung up at once and nothing has passed in either direction: it is as good as never connected.
    if (this.bytesIn + this.bytesOut === 0 && !this.#hasClientEnded && this.#isFresh)
      return this.#attemptFailed('upstream_reset');
    this.#abort('upstream_reset');
  }

  /** The one place where another instance is tried: nothing of the client has been sent to this one. */
  #attemptFailed(failure: 'connect_failed' | 'connect_timeout' | 'upstream_reset'): void {
    this.#hangUp();
    const mayTry = this.#attempts.failed();
    this.#socket.pause();
    this.#ending = failure;
    if (mayTry) this.#attempt();
    else this.#abort(failure);
  }

  onClose(): void {
    this.#isClientClosed = true;
    if (!this.#hasClientEnded || !this.#hasUpstreamEnded) return this.#abort('client_reset');
    if (this.#upstream === null) this.#over();
  }

  onUpstreamClose(): void {
    this.#upstream = null;
    this.#attempts.release();
    if (!this.#hasClientEnded || !this.#hasUpstreamEnded) return this.#abort('upstream_reset');
    if (this.#isClientClosed) this.#over();
  }

  onDeparture(): void {
    if (this.route.options.departure !== 'close') return;
    if (this.#phase === Phase.open) return this.#abort('drained');
    // Nothing of the client is lost: another instance may have it, once the pool knows of the change.
    const upstream = this.#upstream;
    queueMicrotask(() => {
      if (this.#upstream === upstream && upstream !== null) this.#attemptFailed('connect_failed');
    });
  }

  onDepartureEnd(): void {
    this.#abort('drained');
  }

  /** The router stops, or the port is closed, and the time to finish is over. */
  cut(): void {
    this.#abort('drained');
  }

  expire(): void {
    if (this.#phase !== Phase.open) return this.#attemptFailed('connect_timeout');
    // Nothing comes, but somebody slow still takes what has come. Both are asked, to be compared the next time.
    const slow = [this.#out, this.#upstream?.out].filter((out) => out?.hasProgressed());
    if (slow.length > 0) return this.#touch();
    this.#ending ??= 'idle';
    this.#upstream?.socket.destroy();
    this.#socket.destroy();
    this.#over();
  }

  /** Ends such that neither side can take what it has for complete. */
  #abort(ending: Ending): void {
    if (this.#phase === Phase.over) return;
    if (this.#phase !== Phase.open) this.#ending = ending;
    this.#ending ??= ending;
    if (!this.#isClientClosed) reset(this.#socket);
    this.#over();
  }

  /** Every way out ends here, once. */
  #over(): void {
    if (this.#phase === Phase.over) return;
    this.#phase = Phase.over;
    this.#arrival = null;
    this.#hangUp();
    this.#attempts.release();
    this.#engine.deadlines.remove(this);
    this.#engine.streamClosed(this);
    recordEnding(this, this.#ending!, this.#engine);
  }

  #hangUp(): void {
    const upstream = this.#upstream;
    this.#upstream = null;
    upstream?.reset();
  }
}
