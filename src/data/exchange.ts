import { Family } from '../shared/counters.ts';
import type { Reason } from '../shared/reasons.ts';
import { Attempts, type AttemptsUser } from './attempts.ts';
import type { ClientStream, Relay } from './client-stream.ts';
import { ClientTurn } from './client-turn.ts';
import { decide } from './decide.ts';
import { hasBody, type RequestHead, type ResponseHead } from './http1/heads.ts';
import { identityOf } from './identity.ts';
import { challengeReply, contextOf, type Reply, type ReplyContext, redirectTo, replyFor } from './replies.ts';
import { RequestBody } from './request-body.ts';
import { RequestRecord } from './request-record.ts';
import { Tunnel } from './tunnel.ts';
import type { UpstreamFailure, UpstreamStream } from './upstream-stream.ts';

/**
 * One request from its head to its last byte. Start reading at `start`; the steps follow in order: decide, take a lease,
 * connect or reuse, send, relay the answer, finish. Between the look-up and the lease it waits only while every endpoint is
 * full, and every exit passes `#finish`, which gives the lease back exactly once.
 */
export class Exchange implements AttemptsUser {
  /** The client's bytes belong to the request body (or the tunnel) and can be passed on now. */
  takesBytes = false;
  readonly #client: ClientStream;
  readonly #head: RequestHead;
  readonly #record: RequestRecord;
  /** Null when the request has none. */
  readonly #body: RequestBody | null;
  readonly #turn: ClientTurn;
  /** Null until the request is to be forwarded. */
  #attempts: Attempts | null = null;
  #upstream: UpstreamStream | null = null;
  /** The final head has been written. */
  #response: Relay | null = null;
  #tunnel: Tunnel | null = null;
  #keepAlive: boolean;
  #isOver = false;

  constructor(client: ClientStream, head: RequestHead) {
    const { engine, listener } = client;
    this.#client = client;
    this.#head = head;
    this.#keepAlive = head.keepAlive && !client.isLastRequest;
    this.#body = hasBody(head.framing) ? new RequestBody(head.framing, engine.limits, head.isHttp2) : null;
    this.#turn = new ClientTurn(client, this.#body, head.expectsContinue);
    const identity = identityOf(head, client);
    this.#record = new RequestRecord(identity.requestId, identity.client);
    engine.recorder.add(Family.requestsInFlight, 0, listener.index, 1);
  }

  start(): void {
    const decision = decide(this.#head, this.#record.client, this.#client);
    this.#record.route = decision.route;
    switch (decision.kind) {
      case 'forward':
        this.#attempts = new Attempts(this, this.#client, this.#head, this.#record, decision);
        return this.#attempts.next();
      case 'redirect':
        return this.#answer(redirectTo(decision.status, decision.location, this.#replyContext()));
      case 'challenge':
        return this.#answer(challengeReply(decision.keyAuthorization, this.#replyContext()));
      case 'refuse':
        return this.#refuse(decision.reason);
    }
  }

  onNobody(reason: Reason): void {
    this.#refuse(reason);
  }

  onPoolGone(): void {
    this.start();
  }

  onUpstream(upstream: UpstreamStream): void {
    this.#upstream = upstream;
    if (upstream.isConnected) this.onConnected();
  }

  onConnected(): void {
    const upstream = this.#upstream!;
    this.#record.upstreamStarted();
    const text = this.#attempts!.requestHead();
    if (this.#body === null) return upstream.sendHead(text);
    this.#body.begin(upstream.beginBody(text, this.#head.framing));
    this.takesBytes = true;
    this.#turn.begin();
    this.#client.takeBody();
    if (this.takesBytes) this.#body.flush();
  }

  get #isRequestSent(): boolean {
    return this.#body === null || this.#body.isComplete;
  }

  /** Another protocol is spoken. */
  get isTunnel(): boolean {
    return this.#tunnel !== null;
  }

  /** Body (or tunnel) bytes from the client. Returns where the body ended. */
  onClientBytes(bytes: Buffer, at: number): number {
    if (this.#tunnel !== null) {
      this.#tunnel.fromClient(at === 0 ? bytes : bytes.subarray(at));
      return bytes.length;
    }
    const body = this.#body!;
    // Once the answer is under way, the upstream's clock measures silence in both directions.
    if (this.#response === null) this.#turn.touch();
    const end = body.take(bytes, at);
    if (body.fault !== null) {
      this.#refuseUpstream(body.fault);
      return bytes.length;
    }
    if (body.isComplete) this.#bodySent();
    else if (!body.goesOn) {
      this.#turn.excuse();
      this.#client.pauseReading();
    }
    return end;
  }

  /** The body has ended, where its own bytes do not tell. Trailers may have come with the end. */
  onClientBodyEnd(trailers: readonly string[], kinds: readonly number[]): void {
    const body = this.#body!;
    body.finish(trailers, kinds);
    if (body.isComplete) this.#bodySent();
    else this.#refuseUpstream('bad_request');
  }

  #bodySent(): void {
    this.takesBytes = false;
    this.#turn.end();
    this.#upstream!.requestSent();
  }

  onUpstreamDrain(): void {
    // Also when the body is complete: a connection that is not read does not tell that the client has left.
    this.#client.resumeReading();
  }

  onResponseHead(head: ResponseHead): void {
    this.#record.upstreamAnswered();
    if (head.status === 101) return this.#startTunnel(head);
    if (head.status < 200) {
      this.#turn.goAhead();
      // HTTP/1.0 knows no interim answers.
      if (this.#head.minor === 1) this.#client.inform(head, this.#head);
      return;
    }
    this.#record.status = head.status;
    this.#record.reason = '';
    // What the client sent after asking for an upgrade was meant for the other protocol.
    if (this.#head.upgrade !== null) this.#keepAlive = false;
    if (this.#client.engine.isDraining) this.#keepAlive = false;
    if (!this.#isRequestSent) {
      // An application that streams gets the rest of the body; an error or a redirect does not want it.
      if (head.status >= 300) this.takesBytes = false;
      this.#keepAlive = false;
      this.#turn.end();
    }
    this.#response = this.#client.respond(head, this.#head, this.#keepAlive, this.#hsts);
    this.#keepAlive = this.#response.keepAlive;
  }

  onResponseBody(bytes: Buffer, start: number, end: number): void {
    if (!this.#response!.write(bytes, start, end)) this.#holdUpstream();
  }

  get holdsBytes(): boolean {
    return this.#client.hasUnsent;
  }

  onUpstreamBatchEnd(): void {
    if (this.#response !== null && !this.#response.flush()) this.#holdUpstream();
  }

  /** The client is slower than the upstream: the client must make progress now, the upstream may rest. */
  #holdUpstream(): void {
    this.#upstream?.pause();
    this.#client.hasProgressed();
    this.#turn.touch();
  }

  onClientDrain(): void {
    if (this.#isOver) return;
    if (this.#tunnel !== null) this.#tunnel.touch();
    else if (this.#isRequestSent || this.#response !== null) this.#turn.end();
    this.#upstream?.resume();
  }

  onResponseEnd(trailers: readonly string[], kinds: readonly number[]): void {
    this.#response!.end(trailers, kinds);
    this.takesBytes = false;
    this.#upstream!.release(this.#isRequestSent);
    this.#upstream = null;
    this.#finish();
    this.#client.exchangeDone(this.#keepAlive, this.#isRequestSent && !this.#head.keepAlive);
  }

  onUpstreamFailed(failure: UpstreamFailure): void {
    const upstream = this.#upstream!;
    this.#upstream = null;
    this.takesBytes = false;
    this.#turn.end();
    this.#record.reason = failure;
    if (this.#hasAnswered) return this.#client.abort();
    if (this.#attempts!.failed(failure, upstream, this.#body)) this.#attempts!.next();
    else this.#refuse(failure);
  }

  /** The final head (or a 101) has left: all that can still be said is that the answer is not complete. */
  get #hasAnswered(): boolean {
    return this.#response !== null || this.#tunnel !== null;
  }

  #startTunnel(head: ResponseHead): void {
    const { upgrade } = this.#head;
    const { tunnel } = this.#upstream!;
    if (upgrade === null || !head.isUpgrade || tunnel === null) return this.#refuseUpstream('bad_response');
    this.#attempts!.answered();
    this.#record.status = 101;
    this.#record.reason = '';
    this.#keepAlive = false;
    this.#client.switchProtocol(head, upgrade);
    this.#turn.end();
    this.#tunnel = new Tunnel(this.#client, tunnel);
    this.takesBytes = true;
    this.#client.takeBody();
  }

  onTunnelBytes(bytes: Buffer): void {
    this.#tunnel!.fromUpstream(bytes);
  }

  onTunnelEnd(): void {
    this.#tunnel!.upstreamEnded();
    this.#endTunnel();
  }

  /** The client has sent its last byte. True when the exchange goes on all the same. */
  onClientEnd(): boolean {
    if (this.#tunnel === null || this.#upstream === null) return false;
    this.#tunnel.clientEnded();
    this.#endTunnel();
    return true;
  }

  #endTunnel(): void {
    if (!this.#tunnel!.isOver) return;
    this.#tunnel!.finish();
    this.#upstream = null;
    this.#finish();
    this.#client.exchangeDone(false);
  }

  /** The client left; whatever the upstream is doing for it is pointless. */
  onClientGone(): void {
    if (this.#isOver) return;
    this.#record.clientLeft();
    if (this.#tunnel !== null) this.#tunnel.reset();
    else this.#upstream?.destroy();
    this.#upstream = null;
    this.#finish();
  }

  /** The client's deadline has passed: its body does not come, or it does not take its answer. */
  onClientLate(): void {
    if (this.#hasAnswered) {
      if (!this.#client.hasProgressed()) return this.#client.abort();
      return this.#turn.touch();
    }
    if (this.#turn.isTooSlow()) return this.#refuseUpstream('request_timeout');
    if (this.#turn.isSilent && !this.#upstream!.hasProgressed()) {
      // It is not the client that is late: the upstream does not take what is there.
      return this.#refuseUpstream('upstream_timeout');
    }
    this.#turn.goOn();
  }

  /** The upstream must not take what it has for a complete request. */
  #refuseUpstream(reason: Reason): void {
    this.takesBytes = false;
    this.#keepAlive = false;
    this.#upstream?.destroy();
    this.#upstream = null;
    this.#attempts?.release();
    if (!this.#hasAnswered) return this.#refuse(reason);
    this.#record.reason = reason;
    this.#client.abort();
  }

  #refuse(reason: Reason): void {
    const { engine, listener } = this.#client;
    this.#record.reason = reason;
    if (reason === 'bad_request') this.#keepAlive = false;
    engine.recorder.invented(reason, listener.index);
    this.#answer(replyFor(reason, this.#replyContext()));
  }

  #replyContext(): ReplyContext {
    // An unread body, or bytes of another protocol, cannot be told from the next request.
    const { upgrade } = this.#head;
    if (this.#body !== null || upgrade !== null || this.#client.engine.isDraining) this.#keepAlive = false;
    return contextOf(this.#head, this.#keepAlive, this.#hsts);
  }

  /** Only routes that are served with TLS alone may bind browsers to it. */
  get #hsts(): string {
    const isBound = this.#record.route?.options.https !== undefined && this.#client.tls !== null;
    return isBound ? this.#client.engine.setup.tls.hsts : '';
  }

  #answer(reply: Reply): void {
    this.#record.status = reply.status;
    this.#record.bytesOut = reply.bodyBytes;
    this.#client.reply(reply);
    this.#finish();
    this.#client.exchangeDone(this.#keepAlive);
  }

  #finish(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#attempts?.release();
    this.#record.bytesIn = this.#tunnel?.bytesIn ?? this.#body?.bytes ?? 0;
    this.#record.bytesOut += this.#tunnel?.bytesOut ?? this.#response?.bytes ?? 0;
    this.#record.write(this.#client, this.#head);
  }
}
