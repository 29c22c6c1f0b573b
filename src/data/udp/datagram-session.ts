import type { Ending } from '../../shared/endings.ts';
import type { Timed } from '../deadlines.ts';
import type { Endpoint, EndpointConnection } from '../endpoint.ts';
import type { Peer } from '../forwarded.ts';
import type { LiveRoute } from '../live-table.ts';
import type { GaveUp } from '../queue.ts';
import { StreamAttempts, type StreamAttemptsUser } from '../tcp/stream-attempts.ts';
import { recordEnding } from '../tcp/stream-record.ts';
import type { DatagramPort } from './datagram-port.ts';
import { DatagramUpstream, type DatagramUpstreamUser } from './datagram-upstream.ts';

/** The other end of a session. */
export interface DatagramClient {
  /** In the port's table of sessions. */
  readonly key: string;
  /** As the system writes it; `peer.address` is the plain form. */
  readonly address: string;
  readonly port: number;
  readonly peer: Peer;
}

/** What may wait for an instance in one session: one datagram of the largest size, or many small ones. */
const PENDING_BYTES = 65_536;
/** A question beyond this size is not kept until its answer. */
const REPEATABLE_BYTES = 2048;
/** How long a stopping router waits for an answer that is due. */
const LAST_ANSWER_MS = 1_000;

/**
 * The datagrams between one client's address and port and one instance, with a lease and a socket of its own, so that answers
 * find their way back. Nobody says when it is over: it ends when nothing has come for `timeouts.udpIdle`. An instance
 * that turns out not to be there (ICMP) is left for another one, with the question that it has provably not taken.
 */
export class DatagramSession implements Timed, EndpointConnection, StreamAttemptsUser, DatagramUpstreamUser {
  deadline = Number.POSITIVE_INFINITY;
  deadlineIndex = -1;
  readonly peer: Peer;
  readonly route: LiveRoute;
  readonly startedAt = performance.now();
  readonly protocol = 'udp';
  readonly serverName = '';
  /** Until the first answer. */
  connectMs = -1;
  bytesIn = 0;
  bytesOut = 0;
  endpoint = '';
  readonly #port: DatagramPort;
  readonly #client: DatagramClient;
  readonly #attempts: StreamAttempts;
  #upstream: DatagramUpstream | null = null;
  #leased: Endpoint | null = null;
  /** What came before there was somebody to take it. */
  #pending: Buffer[] = [];
  #pendingBytes = 0;
  /** Datagrams sent to the instance since it last answered, and the first of them while it is the only one. */
  #unanswered = 0;
  #question: Buffer | null = null;
  #hasBegun = false;
  #isDraining = false;
  #isOver = false;

  constructor(port: DatagramPort, client: DatagramClient, route: LiveRoute) {
    const { engine } = port;
    this.#port = port;
    this.#client = client;
    this.peer = client.peer;
    this.route = route;
    engine.sessionOpened(this);
    engine.deadlines.add(this);
    this.#attempts = new StreamAttempts(this, route, this.peer.address, engine);
  }

  get listener(): DatagramPort {
    return this.#port;
  }

  get retries(): number {
    return this.#attempts.retries;
  }

  fromClient(bytes: Buffer): void {
    this.bytesIn += bytes.length;
    if (this.#upstream?.isConnected) {
      this.#touch();
      this.#send(bytes);
      return;
    }
    if (this.#pendingBytes + bytes.length > PENDING_BYTES) return void this.#port.drop('overloaded');
    this.#pending.push(bytes);
    this.#pendingBytes += bytes.length;
    if (this.#hasBegun) return;
    this.#hasBegun = true;
    this.#attempts.next();
  }

  onEndpoint(endpoint: Endpoint): void {
    const { deadlines, timeouts } = this.#port.engine;
    this.endpoint = endpoint.authority;
    this.#leased = endpoint;
    endpoint.connections.add(this);
    this.deadline = deadlines.now + timeouts.connectMs;
    this.#upstream = new DatagramUpstream(endpoint, this);
  }

  onGaveUp(reason: GaveUp): void {
    this.#end(reason === 'overloaded' ? 'overloaded' : 'no_healthy_instance');
  }

  onUpstreamReady(): void {
    this.#touch();
    const pending = this.#pending;
    this.#pending = [];
    this.#pendingBytes = 0;
    for (const bytes of pending) this.#send(bytes);
  }

  #send(bytes: Buffer): void {
    this.#unanswered++;
    this.#question = this.#unanswered === 1 && bytes.length <= REPEATABLE_BYTES ? bytes : null;
    this.#upstream!.send(bytes);
  }

  fromUpstream(bytes: Buffer): void {
    if (this.connectMs < 0) this.connectMs = performance.now() - this.startedAt;
    if (this.#unanswered > 0) this.#attempts.succeeded();
    this.#unanswered = 0;
    this.#question = null;
    this.bytesOut += bytes.length;
    this.#touch();
    this.#port.answer(bytes, this.#client.port, this.#client.address);
    if (this.#isDraining) this.#end('drained');
  }

  onUnsent(): void {
    this.#port.drop('unsent');
  }

  /** Nothing of ours failed: a socket is wanting here. */
  onUpstreamImpossible(): void {
    this.#end('overloaded');
  }

  onUpstreamGone(): void {
    this.#attemptFailed('connect_failed');
  }

  #attemptFailed(failure: Ending): void {
    if (this.#question !== null) {
      this.#pending.unshift(this.#question);
      this.#pendingBytes += this.#question.length;
    }
    this.#unanswered = 0;
    this.#question = null;
    this.#hangUp();
    if (!this.#attempts.failed()) return this.#end(failure);
    this.deadline = Number.POSITIVE_INFINITY;
    this.#attempts.next();
  }

  #touch(): void {
    if (this.#isDraining) return;
    const { deadlines, timeouts } = this.#port.engine;
    this.deadline = deadlines.now + timeouts.udpIdleMs;
  }

  expire(): void {
    if (this.#isDraining) this.#end('drained');
    else if (this.#upstream?.isConnected) this.#end('idle');
    else this.#attemptFailed('connect_timeout');
  }

  /** The router stops. */
  drain(): void {
    if (this.#unanswered + this.#pending.length === 0) return this.#end('drained');
    this.#isDraining = true;
    this.deadline = this.#port.engine.deadlines.now + LAST_ANSWER_MS;
  }

  onDeparture(): void {
    if (this.route.options.departure === 'close') this.#end('drained');
  }

  cut(): void {
    this.#end('drained');
  }

  destroy(): void {
    this.#end('drained');
  }

  /** Every way out ends here, once. */
  #end(ending: Ending): void {
    if (this.#isOver) return;
    this.#isOver = true;
    const { engine } = this.#port;
    const drop = ending === 'no_healthy_instance' ? ending : 'overloaded';
    for (let i = 0; i < this.#pending.length; i++) this.#port.drop(drop);
    this.#hangUp();
    this.#attempts.release();
    this.#port.forget(this.#client.key);
    engine.deadlines.remove(this);
    engine.sessionClosed(this);
    recordEnding(this, ending, engine);
  }

  #hangUp(): void {
    this.#leased?.connections.delete(this);
    this.#leased = null;
    this.#upstream?.close();
    this.#upstream = null;
  }
}
