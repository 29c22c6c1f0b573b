import type { ClientStream } from './client-stream.ts';
import { type Forward, hashKey } from './decide.ts';
import { requestHead } from './head-writer.ts';
import type { RequestHead } from './http1/heads.ts';
import type { Member } from './pools.ts';
import type { RequestBody } from './request-body.ts';
import type { RequestRecord } from './request-record.ts';
import { UpstreamConnection, type UpstreamFailure, type UpstreamUser } from './upstream.ts';

/** Attempts after the first, where a route does not say. */
const DEFAULT_RETRIES = 2;
/** RFC 9110 §9.2.2. */
const IDEMPOTENT: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'PUT', 'DELETE']);

/** Whom a request is sent to: one endpoint after the other until one answers or no further attempt is safe. */
export class Attempts {
  readonly #client: ClientStream;
  readonly #head: RequestHead;
  readonly #record: RequestRecord;
  readonly #forward: Forward;
  /** Leased now. */
  #member: Member | null = null;
  #tried: Member[] | null = null;
  /** A kept connection failed: the next attempt dials. */
  #mustDial = false;

  constructor(client: ClientStream, head: RequestHead, record: RequestRecord, forward: Forward) {
    this.#client = client;
    this.#head = head;
    this.#record = record;
    this.#forward = forward;
  }

  /** Takes a lease and a connection that works for `user` from now on; null when nobody is left to ask. */
  next(user: UpstreamUser): UpstreamConnection | null {
    const { engine } = this.#client;
    const { live, options } = this.#forward.route;
    const key = hashKey(this.#head, this.#record.client, live.pool);
    const ask = { random: Math.random, key, tried: this.#tried };
    const member = live.pool?.acquire(ask, engine.deadlines.now) ?? null;
    if (member === null) return null;
    if (this.#record.retries === 0) live.pool!.budget.earn();
    this.#member = member;
    const { endpoint } = member;
    this.#record.endpoint = endpoint.authority;
    const kept = this.#mustDial ? undefined : endpoint.idle.pop();
    const upstream = kept ?? new UpstreamConnection(endpoint, engine);
    upstream.begin(user, this.#head.method, options.timeoutMs ?? engine.timeouts.responseMs);
    return upstream;
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
  failed(failure: UpstreamFailure, upstream: UpstreamConnection, body: RequestBody | null): boolean {
    const member = this.#member!;
    this.release();
    const record = this.#record;
    const { engine } = this.#client;
    const { live, options, slot } = this.#forward.route;
    const isConnectFailure = failure === 'connect_failed' || failure === 'connect_timeout';
    // A kept connection that the instance has closed says nothing about the instance.
    const isStale = failure === 'upstream_reset' && upstream.served > 0;
    if (!isConnectFailure && !isStale) live.pool?.answerFailed(member.endpoint, engine.deadlines.now);
    if (record.retries >= (options.retry ?? DEFAULT_RETRIES) || body?.hasSent) return false;
    if (!isConnectFailure) {
      const isRepeatable = body === null && IDEMPOTENT.has(this.#head.method);
      if (failure !== 'upstream_reset' || upstream.hasAnswered || !isRepeatable) return false;
    }
    if (live.pool?.budget.spend() === false) return false;
    if (isStale) this.#mustDial = true;
    else this.#tried = [...(this.#tried ?? []), member];
    record.retries++;
    engine.recorder.retry(slot);
    return true;
  }

  /** Gives the lease back; once is enough, more does no harm. */
  release(): void {
    const endpoint = this.#member?.endpoint;
    this.#member = null;
    if (endpoint === undefined) return;
    endpoint.release();
    if (endpoint.isDeparting) endpoint.onConnectionClosed?.();
  }
}
