import { Family, NO_ROUTE } from '../shared/counters.ts';
import type { Reason } from '../shared/reasons.ts';
import { REPLIES } from '../shared/reasons.ts';
import type { ClientConnection } from './client-connection.ts';
import { decide } from './decide.ts';
import {
  lastChunk,
  requestHead,
  responseFraming,
  responseHead,
  upgradeHead,
  valueOf,
  valueOfName,
} from './head-writer.ts';
import { ChunkedDecoder } from './http1/chunked.ts';
import { Field } from './http1/fields.ts';
import type { Framing, RequestHead, ResponseHead } from './http1/heads.ts';
import type { LiveRoute } from './live-table.ts';
import type { Endpoint } from './pools.ts';
import { type Reply, type ReplyContext, redirectTo, replyFor } from './replies.ts';
import { UpstreamConnection, type UpstreamFailure, type UpstreamUser } from './upstream.ts';

/** Attempts after the first, where a route does not say. */
const DEFAULT_RETRIES = 2;
/** RFC 9110 §9.2.2. */
const IDEMPOTENT: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'PUT', 'DELETE']);
/** Up to here head and body go out as one string; beyond, two buffers in one system call. */
const MAX_JOINED = 4096;

/** Status logged when the client left before it had its answer; nginx's number, known to every log reader. */
const CLIENT_GONE = 499;

/**
 * One request from its head to its last byte. Start reading at `start`; the steps follow in order: decide, take a lease,
 * connect or reuse, send, relay the answer, finish. There is no wait between the look-up and the lease, and every exit
 * passes `#finish`, which gives the lease back exactly once.
 */
export class Exchange implements UpstreamUser {
  /** The client's bytes belong to the request body (or the tunnel) and can be passed on now. */
  takesBytes = false;
  readonly #client: ClientConnection;
  readonly #head: RequestHead;
  readonly #startedAt = performance.now();
  readonly #requestId: string;
  readonly #clientAddress: string;
  #route: LiveRoute | null = null;
  #target: string;
  #strippedPrefix: string | null = null;
  #endpoint: Endpoint | null = null;
  #served: Endpoint | null = null;
  #upstream: UpstreamConnection | null = null;
  #tried: Endpoint[] | null = null;
  #retries = 0;
  #status = 0;
  #reason: Reason | '' = '';
  #keepAlive: boolean;
  #isRequestSent = false;
  #hasSentBody = false;
  #isOver = false;
  #decoder: ChunkedDecoder | null = null;
  #remaining = 0;
  #framing: Framing | null = null;
  /** Text that waits for the body bytes of the same read, so that head and small body leave in one write. */
  #toUpstream = '';
  #toClient = '';
  /** A kept connection failed: the next attempt dials. */
  #mustDial = false;
  #bytesIn = 0;
  #bytesOut = 0;
  #upstreamAt = 0;
  #upstreamMs = -1;
  #tunnelEnds = 0;

  constructor(client: ClientConnection, head: RequestHead) {
    this.#client = client;
    this.#head = head;
    this.#target = head.target;
    this.#keepAlive = head.keepAlive;
    const identity = client.identify(head);
    this.#clientAddress = identity.client;
    this.#requestId = identity.requestId;
    if (head.framing.kind === 'length') this.#remaining = head.framing.length;
    else if (head.framing.kind === 'chunked') this.#decoder = new ChunkedDecoder(client.engine.limits);
    client.engine.recorder.add(Family.requestsInFlight, 0, client.listener.index, 1);
  }

  start(): void {
    const { engine, listener } = this.#client;
    const decision = decide(this.#head, this.#clientAddress, this.#client.peer.isTrusted, listener, engine);
    if (decision.route !== null) this.#route = decision.route;
    switch (decision.kind) {
      case 'forward':
        this.#target = decision.target;
        this.#strippedPrefix = decision.strippedPrefix;
        return this.#attempt();
      case 'redirect':
        return this.#answer(redirectTo(decision.status, decision.location, this.#replyContext()));
      case 'refuse':
        return this.#refuse(decision.reason);
    }
  }

  /** Takes a lease and starts to send. */
  #attempt(): void {
    const { engine } = this.#client;
    const route = this.#route!;
    const ask = { random: Math.random, key: this.#hashKey(route), tried: this.#tried };
    const endpoint = route.live.pool?.acquire(ask, engine.deadlines.now) ?? null;
    if (endpoint === null) return this.#refuse(this.#reason || 'no_healthy_instance');
    this.#endpoint = endpoint;
    this.#served = endpoint;
    const kept = this.#mustDial ? undefined : endpoint.idle.pop();
    const upstream = kept ?? new UpstreamConnection(endpoint, engine);
    this.#upstream = upstream;
    upstream.begin(this, this.#head.method, route.options.timeoutMs ?? engine.timeouts.responseMs);
    if (kept) this.onConnected();
  }

  #hashKey(route: LiveRoute): string | null {
    const balance = route.live.pool?.balance;
    if (balance?.kind !== 'hash') return null;
    return balance.on === 'ip' ? this.#clientAddress : hashedValue(this.#head, balance.on, balance.name);
  }

  onConnected(): void {
    const { listener, peer } = this.#client;
    const { host } = this.#route!.options;
    const endpoint = this.#endpoint!;
    const authority =
      host === undefined ? this.#head.authority : host.kind === 'name' ? host.name : endpoint.authority;
    this.#upstreamAt = performance.now();
    this.#isRequestSent = this.#isBodyless;
    const text = requestHead(this.#head, this.#target, authority === '' ? endpoint.authority : authority, {
      peer: peer.address,
      isTrusted: peer.isTrusted,
      client: this.#clientAddress,
      scheme: listener.scheme,
      port: listener.port,
      requestId: this.#requestId,
      strippedPrefix: this.#strippedPrefix,
    });
    if (this.#isRequestSent) {
      this.#upstream!.writeText(text);
      this.#upstream!.requestSent();
      return;
    }
    this.#toUpstream = text;
    this.takesBytes = true;
    this.#client.takeBody();
    this.#flushRequest();
    if (!this.#isRequestSent && !this.#isOver) {
      this.#client.deadline = this.#client.engine.deadlines.now + this.#client.engine.timeouts.streamIdleMs;
    }
  }

  /** Body (or tunnel) bytes from the client. Returns where the body ended. */
  onClientBytes(bytes: Buffer, at: number): number {
    const { engine } = this.#client;
    if (this.#status === 101) return this.#tunnelBytes(bytes, at);
    this.#client.deadline = engine.deadlines.now + engine.timeouts.streamIdleMs;
    let end: number;
    if (this.#decoder !== null) {
      end = this.#decoder.decode(bytes, at, bytes.length, this.#sendChunk);
      if (end < 0) {
        this.#refuseMidBody('bad_request');
        return bytes.length;
      }
      if (this.#isOver) return bytes.length;
      if (this.#decoder.isDone) {
        this.#toUpstream += lastChunk(this.#decoder.trailers, this.#decoder.trailerKinds);
        this.#requestSent();
      } else {
        this.#flushRequest();
      }
    } else {
      end = Math.min(bytes.length, at + this.#remaining);
      this.#remaining -= end - at;
      this.#sendBytes(bytes, at, end);
      if (this.#remaining === 0) this.#requestSent();
    }
    return end;
  }

  #tunnelBytes(bytes: Buffer, at: number): number {
    this.#bytesIn += bytes.length - at;
    this.#touchTunnel();
    if (!this.#upstream!.write(at === 0 ? bytes : bytes.subarray(at))) this.#client.pauseReading();
    return bytes.length;
  }

  #sendBytes(bytes: Buffer, start: number, end: number): void {
    this.#hasSentBody = true;
    this.#bytesIn += end - start;
    const { bodyBytes } = this.#client.engine.limits;
    if (bodyBytes > 0 && this.#bytesIn > bodyBytes) return this.#refuseMidBody('body_too_large');
    const upstream = this.#upstream!;
    let goesOn: boolean;
    if (this.#toUpstream !== '' && end - start <= MAX_JOINED) {
      const text = this.#toUpstream + bytes.toString('latin1', start, end);
      this.#toUpstream = '';
      goesOn = upstream.writeText(text);
    } else {
      this.#flushRequest();
      goesOn = upstream.write(start === 0 && end === bytes.length ? bytes : bytes.subarray(start, end));
    }
    if (!goesOn) this.#client.pauseReading();
  }

  /** Each piece becomes a chunk of our own; the client's chunk sizes and extensions stay behind. */
  readonly #sendChunk = (bytes: Buffer, start: number, end: number): void => {
    if (this.#isOver) return;
    this.#toUpstream += `${(end - start).toString(16)}\r\n`;
    this.#sendBytes(bytes, start, end);
    this.#toUpstream = '\r\n';
  };

  #flushRequest(): void {
    if (this.#toUpstream === '' || this.#upstream === null) return;
    this.#upstream.writeText(this.#toUpstream);
    this.#toUpstream = '';
  }

  #requestSent(): void {
    if (this.#isOver) return;
    this.#flushRequest();
    this.takesBytes = false;
    this.#isRequestSent = true;
    this.#client.deadline = Number.POSITIVE_INFINITY;
    this.#upstream!.requestSent();
  }

  onUpstreamDrain(): void {
    if (this.takesBytes) this.#client.resumeReading();
  }

  onResponseHead(head: ResponseHead): void {
    if (this.#upstreamMs < 0) this.#upstreamMs = performance.now() - this.#upstreamAt;
    if (head.status === 101) return this.#startTunnel(head);
    if (head.status < 200) {
      // HTTP/1.0 knows no interim answers.
      if (this.#head.minor === 1) this.#client.writeText(responseHead(head, NONE, this.#clientTerms()));
      return;
    }
    // What the client sent after asking for an upgrade was meant for the other protocol.
    if (this.#head.upgrade !== null) this.#keepAlive = false;
    this.#endpoint!.succeeded();
    this.#status = head.status;
    const framing = responseFraming(head, this.#head.minor);
    // An early answer: the rest of the request body will not be read, so the connection cannot go on.
    if (!this.#isRequestSent) {
      this.#keepAlive = false;
      this.takesBytes = false;
    }
    if (framing.kind === 'close' || this.#client.engine.isDraining) this.#keepAlive = false;
    this.#framing = framing;
    this.#toClient = responseHead(head, framing, this.#clientTerms());
  }

  #clientTerms(): { minor: number; keepAlive: boolean; takesTrailers: boolean } {
    return {
      minor: this.#head.minor,
      keepAlive: this.#keepAlive,
      takesTrailers: this.#head.takesTrailers,
    };
  }

  onResponseBody(bytes: Buffer, start: number, end: number): void {
    const client = this.#client;
    this.#bytesOut += end - start;
    const isChunked = this.#framing!.kind === 'chunked';
    if (isChunked) this.#toClient += `${(end - start).toString(16)}\r\n`;
    let goesOn = true;
    if (end - start <= MAX_JOINED) {
      this.#toClient += bytes.toString('latin1', start, end);
      if (this.#toClient.length > 2 * MAX_JOINED) goesOn = this.#flushResponse();
    } else {
      client.cork();
      this.#flushResponse();
      goesOn = client.write(start === 0 && end === bytes.length ? bytes : bytes.subarray(start, end));
      client.uncork();
    }
    if (isChunked) this.#toClient += '\r\n';
    if (!goesOn) this.#holdUpstream();
  }

  onUpstreamBatchEnd(): void {
    if (this.#framing !== null && !this.#flushResponse()) this.#holdUpstream();
  }

  /** The client is slower than the upstream: the client must make progress now, the upstream may rest. */
  #holdUpstream(): void {
    const { engine } = this.#client;
    this.#upstream?.pause();
    this.#client.hasProgressed();
    this.#client.deadline = engine.deadlines.now + engine.timeouts.streamIdleMs;
  }

  #flushResponse(): boolean {
    if (this.#toClient === '') return true;
    const text = this.#toClient;
    this.#toClient = '';
    return this.#client.writeText(text);
  }

  onClientDrain(): void {
    if (this.#isOver) return;
    if (this.#isRequestSent) this.#client.deadline = Number.POSITIVE_INFINITY;
    this.#upstream?.resume();
  }

  onResponseEnd(trailers: readonly string[], kinds: Uint8Array): void {
    if (this.#framing!.kind === 'chunked') {
      this.#toClient += this.#head.takesTrailers ? lastChunk(trailers, kinds) : '0\r\n\r\n';
    }
    this.#flushResponse();
    const upstream = this.#upstream!;
    this.#upstream = null;
    upstream.release(this.#isRequestSent);
    this.#finish();
    this.#client.exchangeDone(this.#keepAlive);
  }

  onUpstreamFailed(failure: UpstreamFailure): void {
    const upstream = this.#upstream!;
    this.#upstream = null;
    this.takesBytes = false;
    this.#reason = failure;
    if (this.#framing !== null || this.#status === 101) {
      // The head has left: all that can still be said is that the answer is not complete.
      this.#finish();
      return this.#client.destroy();
    }
    this.#releaseLease();
    if (!this.#mayRetry(failure, upstream)) return this.#refuse(failure);
    // A kept connection that the instance has closed says nothing about the instance: it may be asked again, afresh.
    if (upstream.served > 0) this.#mustDial = true;
    else this.#tried = [...(this.#tried ?? []), upstream.endpoint];
    this.#retries++;
    this.#toUpstream = '';
    this.#client.engine.recorder.retry(this.#route!.slot);
    this.#attempt();
  }

  /** Only what was provably not processed, or may be processed twice and can be sent again as it was. */
  #mayRetry(failure: UpstreamFailure, upstream: UpstreamConnection): boolean {
    const limit = this.#route!.options.retry ?? DEFAULT_RETRIES;
    if (this.#retries >= limit || this.#hasSentBody) return false;
    if (failure === 'connect_failed' || failure === 'connect_timeout') return true;
    return (
      failure === 'upstream_reset' &&
      !upstream.hasAnswered &&
      this.#head.framing.kind === 'none' &&
      IDEMPOTENT.has(this.#head.method)
    );
  }

  #startTunnel(head: ResponseHead): void {
    const { upgrade } = this.#head;
    if (upgrade === null || !head.isUpgrade) {
      const upstream = this.#upstream!;
      this.#upstream = null;
      upstream.destroy();
      this.#releaseLease();
      return this.#refuse('bad_response');
    }
    this.#endpoint!.succeeded();
    this.#status = 101;
    this.#keepAlive = false;
    this.#client.writeText(upgradeHead(head, upgrade));
    this.takesBytes = true;
    this.#touchTunnel();
    this.#client.takeBody();
  }

  #touchTunnel(): void {
    const { engine } = this.#client;
    this.#client.deadline = engine.deadlines.now + engine.timeouts.tunnelIdleMs;
  }

  onTunnelBytes(bytes: Buffer): void {
    this.#bytesOut += bytes.length;
    this.#touchTunnel();
    if (!this.#client.write(bytes)) this.#upstream?.pause();
  }

  onTunnelEnd(): void {
    this.#client.endWriting();
    this.#endTunnelSide(TUNNEL_UPSTREAM_ENDED);
  }

  /** The client has sent its last byte. True when the exchange goes on all the same. */
  onClientEnd(): boolean {
    if (this.#status !== 101 || this.#upstream === null) return false;
    this.#upstream.end();
    this.#endTunnelSide(TUNNEL_CLIENT_ENDED);
    return true;
  }

  #endTunnelSide(side: number): void {
    this.#tunnelEnds |= side;
    if (this.#tunnelEnds !== (TUNNEL_CLIENT_ENDED | TUNNEL_UPSTREAM_ENDED)) return;
    const upstream = this.#upstream!;
    this.#upstream = null;
    upstream.finishSending();
    this.#finish();
    this.#client.exchangeDone(false);
  }

  /** The client left; whatever the upstream is doing for it is pointless. */
  onClientGone(): void {
    if (this.#isOver) return;
    if (this.#status === 0) this.#status = CLIENT_GONE;
    const upstream = this.#upstream;
    this.#upstream = null;
    if (upstream !== null) {
      if (this.#status === 101) upstream.reset();
      else upstream.destroy();
    }
    this.#finish();
  }

  /** The client's deadline has passed: its body does not come, or it does not take its answer. */
  onClientLate(): void {
    if (this.#framing === null && this.#status !== 101) return this.#refuseMidBody('request_timeout');
    if (this.#client.hasUnsent && this.#client.hasProgressed()) {
      const { engine } = this.#client;
      this.#client.deadline = engine.deadlines.now + engine.timeouts.streamIdleMs;
      return;
    }
    this.#client.destroy();
  }

  /** An error that shows while the body arrives: the upstream must not take what it has for complete. */
  #refuseMidBody(reason: Reason): void {
    const upstream = this.#upstream;
    this.#upstream = null;
    this.takesBytes = false;
    this.#keepAlive = false;
    upstream?.destroy();
    this.#releaseLease();
    if (this.#framing === null) return this.#refuse(reason);
    this.#reason = reason;
    this.#finish();
    this.#client.destroy();
  }

  #refuse(reason: Reason): void {
    this.#reason = reason;
    this.#client.engine.recorder.invented(reason, this.#client.listener.index);
    this.#answer(replyFor(reason, this.#replyContext(), REPLIES[reason].status));
  }

  #replyContext(): ReplyContext {
    // An unread body cannot be told from the next request.
    if (!this.#isBodyless || this.#client.engine.isDraining) this.#keepAlive = false;
    return {
      method: this.#head.method,
      accept: valueOf(this.#head, Field.accept),
      keepAlive: this.#keepAlive,
      minor: this.#head.minor,
    };
  }

  get #isBodyless(): boolean {
    const { framing } = this.#head;
    return framing.kind === 'none' || (framing.kind === 'length' && framing.length === 0);
  }

  #answer(reply: Reply): void {
    this.#status = reply.status;
    this.#bytesOut += reply.bodyBytes;
    this.#client.writeText(reply.text);
    this.#finish();
    this.#client.exchangeDone(this.#keepAlive);
  }

  #releaseLease(): void {
    const endpoint = this.#endpoint;
    this.#endpoint = null;
    if (endpoint === null) return;
    endpoint.release();
    if (endpoint.isDeparting) endpoint.onConnectionClosed?.();
  }

  #finish(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#releaseLease();
    const { engine, listener } = this.#client;
    const durationMs = performance.now() - this.#startedAt;
    const slot = this.#route?.slot ?? NO_ROUTE;
    engine.recorder.add(Family.requestsInFlight, 0, listener.index, -1);
    engine.recorder.request(
      slot,
      listener.index,
      this.#head.method,
      this.#status,
      durationMs / 1000,
      this.#upstreamMs < 0 ? -1 : this.#upstreamMs / 1000,
    );
    engine.accessLog?.write({
      id: this.#requestId,
      listener: listener.name,
      client: this.#clientAddress,
      method: this.#head.method,
      host: this.#head.authority,
      target: this.#head.target,
      minor: this.#head.minor,
      status: this.#status,
      reason: this.#reason,
      bytesIn: this.#bytesIn,
      bytesOut: this.#bytesOut,
      durationMs,
      upstreamMs: this.#upstreamMs,
      route: this.#route?.id ?? '',
      service: this.#route?.service ?? '',
      endpoint: this.#served?.authority ?? '',
      retries: this.#retries,
      userAgent: valueOf(this.#head, Field.userAgent),
      referer: valueOf(this.#head, Field.referer),
    });
  }

  /** A head that never became an exchange is counted and logged all the same. */
  static recordRefusal(client: ClientConnection, reason: Reason, reply: Reply): void {
    const { engine, listener, peer } = client;
    engine.recorder.invented(reason, listener.index);
    engine.recorder.request(NO_ROUTE, listener.index, 'other', reply.status, 0, -1);
    engine.accessLog?.write({
      id: '',
      listener: listener.name,
      client: peer.address,
      method: '',
      host: '',
      target: '',
      minor: 1,
      status: reply.status,
      reason,
      bytesIn: 0,
      bytesOut: reply.bodyBytes,
      durationMs: 0,
      upstreamMs: -1,
      route: '',
      service: '',
      endpoint: '',
      retries: 0,
      userAgent: '',
      referer: '',
    });
  }
}

const NONE: Framing = { kind: 'none' };
const TUNNEL_CLIENT_ENDED = 1;
const TUNNEL_UPSTREAM_ENDED = 2;

/** What a request is hashed by; null (no such header or cookie) falls back to least connections. */
function hashedValue(head: RequestHead, on: 'header' | 'cookie', name: string): string | null {
  if (on === 'header') return valueOfName(head, name.toLowerCase());
  const cookies = valueOf(head, Field.cookie);
  for (const part of cookies.split(';')) {
    const equals = part.indexOf('=');
    if (equals > 0 && part.slice(0, equals).trim() === name) return part.slice(equals + 1).trim();
  }
  return null;
}
