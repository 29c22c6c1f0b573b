import type { Ask } from '../../router/balancers.ts';
import type { Reason } from '../shared/reasons.ts';
import type { ClientStream } from './client-stream.ts';
import { type Forward, hashKey } from './decide.ts';
import type { Endpoint } from './endpoint.ts';
import { requestHead } from './head-writer.ts';
import type { RequestHead } from './http1/heads.ts';
import { openStream } from './http2/upstream-session.ts';
import type { Member } from './pools.ts';
import type { GaveUp, PoolQueue, Waiter } from './queue.ts';
import type { RequestBody } from './request-body.ts';
import type { RequestRecord } from './request-record.ts';
import { UpstreamConnection } from './upstream.ts';
import type { UpstreamFailure, UpstreamStream, UpstreamUser } from './upstream-stream.ts';

/** Attempts after the first, where a route does not say. */
const DEFAULT_RETRIES = 2;
const FIRST_ASK: Ask = { random: Math.random, key: null, tried: null };
/** RFC 9110 §9.2.2. */
const IDEMPOTENT: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'PUT', 'DELETE']);

/** The exchange that asks. Each `next` is answered by one of these, at once or when its turn has come. */
export interface AttemptsUser extends UpstreamUser {
  /** Here is a connection; it works for the user from now on. */
  onUpstream(upstream: UpstreamStream): void;
  onNobody(reason: Reason): void;
  /** The pool is gone: the route is to be looked up anew. */
  onPoolGone(): void;
}

/** Whom a request is sent to: one endpoint after the other until one answers or no further attempt is safe. */
export class Attempts implements Waiter {
  /** Whom it wants, as of the last attempt. */
  ask: Ask = FIRST_ASK;
  readonly #client: ClientStream;
  readonly #head: RequestHead;
  readonly #record: RequestRecord;
  readonly #forward: Forward;
  readonly #user: AttemptsUser;
  /** Leased now. */
  #member: Member | null = null;
  #tried: Member[] | null = null;
  /** A kept connection failed: the next attempt dials. */
  #mustDial = false;
  /** Where it waits for a lease. */
  #queue: PoolQueue | null = null;

  constructor(
    user: AttemptsUser,
    client: ClientStream,
    head: RequestHead,
    record: RequestRecord,
    forward: Forward,
  ) {
    this.#user = user;
    this.#client = client;
    this.#head = head;
    this.#record = record;
    this.#forward = forward;
  }

  /** Takes a lease and a connection; waits for its turn while every endpoint is full. */
  next(): void {
    const { pool } = this.#forward.route.live;
    if (pool === null) return this.onGaveUp('no_healthy_instance');
    const key = hashKey(this.#head, this.#record.client, pool);
    this.ask = { random: Math.random, key, tried: this.#tried };
    const member = pool.acquire(this.ask, this.#client.engine.deadlines.now);
    if (member !== null) return this.onTurn(member);
    const refusal = pool.queue.enter(this);
    if (refusal === null) this.#queue = pool.queue;
    else this.onGaveUp(refusal);
  }

  onTurn(member: Member): void {
    const { engine } = this.#client;
    const { live, options } = this.#forward.route;
    this.#queue = null;
    if (this.#record.retries === 0) live.pool!.budget.earn();
    this.#member = member;
    const { endpoint } = member;
    this.#record.endpoint = endpoint.authority;
    // An instance with HTTP/2 does not follow an upgrade (RFC 9113, 8.6).
    if (endpoint.isHttp2 && this.#head.upgrade !== null) {
      this.release();
      return this.#user.onNobody('not_implemented');
    }
    const upstream = endpoint.isHttp2 ? openStream(endpoint, engine) : this.#connection(endpoint);
    upstream.begin(this.#user, this.#head.method, options.timeoutMs ?? engine.timeouts.responseMs);
    this.#user.onUpstream(upstream);
  }

  #connection(endpoint: Endpoint): UpstreamConnection {
    const kept = this.#mustDial ? undefined : endpoint.idle.pop();
    return kept ?? new UpstreamConnection(endpoint, this.#client.engine);
  }

  onGaveUp(reason: GaveUp): void {
    this.#queue = null;
    if (reason === 'pool_gone') this.#user.onPoolGone();
    // When nobody is left after a failure, the failure says more.
    else this.#user.onNobody(reason === 'overloaded' ? reason : this.#record.reason || reason);
  }

  /** The request head for the endpoint that is leased now. */
  requestHead(): string {
    const { listener, peer, tls } = this.#client;
    const { route, target, strippedPrefix } = this.#forward;
    const { host } = route.options;
    const instance = this.#member!.endpoint.authority;
    const received = this.#head.authority === '' ? instance : this.#head.authority;
    const authority = host === undefined ? received : host.kind === 'name' ? host.name : instance;
    return requestHead(this.#head, target, authority, {
      peer: peer.address,
      isTrusted: peer.isTrusted,
      client: this.#record.client,
      scheme: listener.scheme,
      port: listener.port,
      requestId: this.#record.id,
      clientFields: tls === null ? '' : tls.clientFields,
      strippedPrefix,
    });
  }

  /** A final head has come from the endpoint that is leased now. */
  answered(): void {
    this.#member!.endpoint.succeeded();
  }

  /**
   * True when another attempt may follow this failure: only for what was provably not processed, or may be processed
   * twice and can be sent again as it was.
   */
  failed(failure: UpstreamFailure, upstream: UpstreamStream, body: RequestBody | null): boolean {
    const member = this.#member!;
    this.release();
    const record = this.#record;
    const { engine } = this.#client;
    const { live, options, slot } = this.#forward.route;
    const isConnectFailure = failure === 'connect_failed' || failure === 'connect_timeout';
    const isStale = failure === 'upstream_reset' && upstream.isStale;
    if (!isConnectFailure && !isStale && !upstream.isUntouched)
      live.pool?.answerFailed(member.endpoint, engine.deadlines.now);
    if (record.retries >= (options.retry ?? DEFAULT_RETRIES) || body?.hasSent) return false;
    if (!isConnectFailure) {
      const isRepeatable = upstream.isUntouched || (body === null && IDEMPOTENT.has(this.#head.method));
      if (failure !== 'upstream_reset' || upstream.hasAnswered || !isRepeatable) return false;
    }
    if (live.pool?.budget.spend() === false) return false;
    if (isStale) this.#mustDial = true;
    else this.#tried = [...(this.#tried ?? []), member];
    record.retries++;
    engine.recorder.retry(slot);
    return true;
  }

  /** Gives the lease back, or the place in the queue; once is enough, more does no harm. */
  release(): void {
    this.#queue?.leave(this);
    this.#queue = null;
    const member = this.#member;
    this.#member = null;
    member?.endpoint.release();
  }
}
