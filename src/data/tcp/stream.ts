import type net from 'node:net';
import type { Ending } from '../../shared/endings.ts';
import type { Timed } from '../deadlines.ts';
import type { Engine, ListenerFacts } from '../engine.ts';
import type { Peer } from '../forwarded.ts';
import type { LiveRoute } from '../live-table.ts';
import { own, reset, type SocketOwner } from '../owned-socket.ts';
import type { Member } from '../pools.ts';
import type { Arrival } from './arrival.ts';
import { opening, POSTGRES_YES } from './opening.ts';
import { recordEnding } from './stream-record.ts';
import { KEEP_ALIVE_MS, StreamUpstream, type StreamUser } from './stream-upstream.ts';

/** Attempts after the first, where a route does not say. */
const DEFAULT_RETRIES = 2;

const Phase = { connecting: 0, asking: 1, open: 2, over: 3 } as const;

/**
 * One connection that is passed on as it comes: client, instance, and the bytes between them. Nothing is read from the
 * client before the instance is connected, so until then another instance can be tried. Each direction ends by itself, a
 * reset of one side resets the other, and the lease is given back when the instance's connection is closed.
 */
export class Stream implements Timed, SocketOwner, StreamUser {
  deadline = Number.POSITIVE_INFINITY;
  deadlineIndex = -1;
  readonly listener: ListenerFacts;
  readonly peer: Peer;
  readonly route: LiveRoute;
  readonly startedAt = performance.now();
  connectMs = -1;
  bytesIn = 0;
  bytesOut = 0;
  retries = 0;
  /** The endpoint asked last. */
  endpoint = '';
  readonly #socket: net.Socket;
  readonly #engine: Engine;
  /** Gone once the instance has been told what it must know. */
  #arrival: Arrival | null;
  /** What the log says of it: server name and whether it is TLS. */
  readonly serverName: string;
  readonly isTls: boolean;
  #phase: number = Phase.connecting;
  #upstream: StreamUpstream | null = null;
  /** Leased now. */
  #member: Member | null = null;
  #tried: Member[] | null = null;
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
    this.isTls = arrival.hello !== null;
    this.#arrival = arrival;
    this.#socket = socket;
    this.#engine = engine;
    own(socket, this);
    socket.pause();
    socket.setKeepAlive(true, KEEP_ALIVE_MS);
    engine.streamOpened(this);
    engine.deadlines.add(this);
    this.#attempt();
  }

  #attempt(): void {
    const { deadlines, timeouts } = this.#engine;
    const { pool } = this.route.live;
    const key = pool?.balance.kind === 'hash' ? this.peer.address : null;
    const member = pool?.acquire({ random: Math.random, key, tried: this.#tried }, deadlines.now) ?? null;
    if (member === null) return this.#abort(this.#ending ?? 'no_healthy_instance');
    if (this.#tried === null) pool!.budget.earn();
    else this.#retried();
    this.#member = member;
    this.endpoint = member.endpoint.authority;
    this.#phase = Phase.connecting;
    this.deadline = deadlines.now + timeouts.connectMs;
    this.#upstream = new StreamUpstream(member.endpoint, this);
  }

  onConnected(): void {
    if (this.#phase !== Phase.connecting) return;
    if (this.connectMs < 0) this.connectMs = performance.now() - this.startedAt;
    const arrival = this.#arrival!;
    const { socket, endpoint } = this.#upstream!;
    endpoint.succeeded();
    const first = opening(arrival, this.route.options.proxy);
    if (first !== null) socket.write(first);
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
      this.#upstream!.socket.write(received);
    }
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
    if (this.#phase !== Phase.open) return;
    this.bytesIn += chunk.length;
    this.#engine.recorder.streamBytes(chunk.length, 0);
    this.#touch();
    if (!this.#upstream!.socket.write(chunk)) this.#socket.pause();
  }

  fromUpstream(chunk: Buffer): void {
    if (this.#phase === Phase.asking) return this.#answered(chunk);
    this.bytesOut += chunk.length;
    this.#engine.recorder.streamBytes(0, chunk.length);
    this.#touch();
    if (!this.#socket.write(chunk)) this.#upstream!.socket.pause();
  }

  /** More than the one byte could only be somebody's between us and the instance (CVE-2021-23222). */
  #answered(chunk: Buffer): void {
    if (chunk.length === 1 && chunk[0] === POSTGRES_YES) this.#open();
    else this.#attemptFailed('connect_failed');
  }

  onDrain(): void {
    this.#upstream?.socket.resume();
  }

  onUpstreamDrain(): void {
    if (this.#phase === Phase.open) this.#socket.resume();
  }

  onEnd(): void {
    this.#ending ??= 'client_closed';
    this.#hasClientEnded = true;
    this.#upstream?.socket.end();
  }

  onUpstreamEnd(): void {
    if (this.#phase !== Phase.open) return this.#attemptFailed('connect_failed');
    this.#ending ??= 'upstream_closed';
    this.#hasUpstreamEnded = true;
    this.#socket.end();
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
    const { live, options } = this.route;
    const member = this.#member!;
    member.endpoint.failed('connect', this.#engine.deadlines.now);
    this.#dropUpstream();
    this.#socket.pause();
    this.#ending = failure;
    const mayTry = this.retries < (options.retry ?? DEFAULT_RETRIES) && live.pool?.budget.spend() !== false;
    if (!mayTry) return this.#abort(failure);
    this.#tried = [...(this.#tried ?? []), member];
    this.#attempt();
  }

  #retried(): void {
    this.retries++;
    this.#engine.recorder.retry(this.route.slot);
  }

  onClose(): void {
    this.#isClientClosed = true;
    if (!this.#hasClientEnded || !this.#hasUpstreamEnded) return this.#abort('client_reset');
    if (this.#upstream === null) this.#over();
  }

  onUpstreamClose(): void {
    this.#upstream = null;
    this.#release();
    if (!this.#hasClientEnded || !this.#hasUpstreamEnded) return this.#abort('upstream_reset');
    if (this.#isClientClosed) this.#over();
  }

  onDeparture(): void {
    if (this.route.options.departure === 'close') this.#abort('drained');
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
    this.#dropUpstream();
    this.#engine.deadlines.remove(this);
    this.#engine.streamClosed(this);
    recordEnding(this, this.#ending!, this.#engine);
  }

  #dropUpstream(): void {
    const upstream = this.#upstream;
    this.#upstream = null;
    upstream?.reset();
    this.#release();
  }

  #release(): void {
    const endpoint = this.#member?.endpoint;
    this.#member = null;
    if (endpoint === undefined) return;
    endpoint.release();
    if (endpoint.isDeparting) endpoint.onConnectionClosed?.();
  }
}
