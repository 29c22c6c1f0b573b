import { type ClientHttp2Stream, constants } from 'node:http2';
import type { Timed } from '../deadlines.ts';
import { kindOfText } from '../http1/fields.ts';
import type { Framing } from '../http1/heads.ts';
import { kept } from '../outgoing.ts';
import type { BodySink, UpstreamFailure, UpstreamStream, UpstreamUser } from '../upstream-stream.ts';
import { requestFields } from './request-fields.ts';
import { trailerFields } from './response-fields.ts';
import { readHttp2Response } from './response-head.ts';
import type { UpstreamSession } from './upstream-session.ts';

/** One stream of an HTTP/2 connection to an endpoint, as an exchange knows its upstream. */
export class Http2UpstreamStream implements UpstreamStream, BodySink, Timed {
  deadline = Number.POSITIVE_INFINITY;
  deadlineIndex = -1;
  hasAnswered = false;
  isUntouched = false;
  /** RFC 8441 would be a stream of its own kind; instances with HTTP/2 are asked without. */
  readonly tunnel = null;
  readonly #session: UpstreamSession;
  #user: UpstreamUser | null = null;
  #stream: ClientHttp2Stream | null = null;
  #method = '';
  #responseMs = 0;
  #isInBody = false;
  #hasEnded = false;
  /** The request is complete, and may say so. */
  #isSent = false;
  #requestTrailers: Record<string, string | string[] | number> = {};
  #trailers: readonly string[] = [];
  #goesOn = true;
  #unsent = 0;
  /** Bytes of this turn of the event loop wait for what follows them. */
  #isGathering = false;

  constructor(session: UpstreamSession) {
    this.#session = session;
    session.context.deadlines.add(this);
  }

  get isConnected(): boolean {
    return this.#session.isOpen;
  }

  get isStale(): boolean {
    return this.#session.isOver && (this.#session.served > 0 || this.isUntouched);
  }

  begin(user: UpstreamUser, method: string, responseMs: number): void {
    this.#user = user;
    this.#method = method;
    this.#responseMs = responseMs;
  }

  connected(): void {
    this.#user?.onConnected();
  }

  sendHead(head: string): void {
    this.#open(head, { endStream: true });
    this.requestSent();
  }

  beginBody(head: string, { kind }: Framing): BodySink {
    // Node ends a body before it resets the stream: without a length, one that was cut would look complete. An end that
    // waits for trailers never comes then.
    this.#open(head, { endStream: false, waitForTrailers: kind === 'chunked' });
    return this;
  }

  #open(head: string, options: { endStream: boolean; waitForTrailers?: boolean }): void {
    const { http2, scheme } = this.#session;
    let stream: ClientHttp2Stream;
    try {
      stream = http2!.request(requestFields(head, scheme) as never, options);
    } catch {
      // It has just been told to go away, or has had all the streams there are numbers for. The caller is not done yet.
      this.isUntouched = true;
      this.#session.onDeparture();
      setImmediate(() => this.fail('upstream_reset'));
      return;
    }
    this.#stream = stream;
    stream.on('headers', (_fields, _flags, raw?: readonly string[]) => this.#onHead(raw ?? [], false));
    stream.on('response', (_fields, flags, raw?: readonly string[]) =>
      this.#onHead(raw ?? [], (flags & constants.NGHTTP2_FLAG_END_STREAM) !== 0),
    );
    stream.on('trailers', (_fields, _flags, raw?: readonly string[]) => {
      this.#trailers = raw ?? [];
    });
    stream.on('wantTrailers', () => {
      if (this.#isSent && !stream.destroyed && !stream.closed) stream.sendTrailers(this.#requestTrailers);
    });
    stream.on('drain', () => this.#user?.onUpstreamDrain());
    // Whatever it is, `close` follows.
    stream.on('error', () => {});
    stream.on('close', () => this.#onClose(stream));
  }

  write(bytes: Buffer, start: number, end: number): void {
    const stream = this.#stream;
    if (stream === null || !stream.writable) return;
    this.#touch();
    this.#goesOn = stream.write(kept(bytes.subarray(start, end)));
  }

  end(trailers: readonly string[], kinds: readonly number[]): void {
    this.#isSent = true;
    this.#requestTrailers = trailerFields(trailers, kinds);
    this.#stream?.end();
  }

  flush(): boolean {
    const goesOn = this.#goesOn;
    this.#goesOn = true;
    return goesOn;
  }

  requestSent(): void {
    if (this.#isInBody || this.#user === null) return;
    this.deadline = this.#session.context.deadlines.now + this.#responseMs;
  }

  #onHead(raw: readonly string[], isEnded: boolean): void {
    const user = this.#user;
    // Fields in the midst of a body that do not end it mean nothing.
    if (user === null || this.#isInBody) return;
    this.hasAnswered = true;
    const head = readHttp2Response(raw, this.#method, isEnded, this.#session.context.limits);
    if (head === null) return this.#refuse();
    if (head.status < 200) return user.onResponseHead(head);
    this.#isInBody = true;
    user.onResponseHead(head);
    if (this.#user !== user) return;
    if (isEnded) return this.#onEnd();
    const stream = this.#stream!;
    stream.on('data', (chunk: Buffer) => this.#onData(chunk));
    stream.on('end', () => this.#onEnd());
    this.#touch();
    this.#gather();
  }

  #onData(chunk: Buffer): void {
    if (this.#user === null) return;
    this.#touch();
    this.#user.onResponseBody(chunk, 0, chunk.length);
    this.#gather();
  }

  /** Head, body and end of a small answer come one after the other in one read, and leave together. */
  #gather(): void {
    if (this.#isGathering) return;
    this.#isGathering = true;
    setImmediate(() => {
      this.#isGathering = false;
      this.#user?.onUpstreamBatchEnd();
    });
  }

  #onEnd(): void {
    const user = this.#user;
    // A reset ends the bytes as well; `close` says so.
    if (user === null || this.#hasEnded || this.#stream!.rstCode !== constants.NGHTTP2_NO_ERROR) return;
    this.#hasEnded = true;
    this.deadline = Number.POSITIVE_INFINITY;
    const kinds: number[] = [];
    for (let f = 0; f < this.#trailers.length; f += 2) kinds.push(kindOfText(this.#trailers[f]!));
    user.onResponseEnd(this.#trailers, kinds);
  }

  hasProgressed(): boolean {
    const unsent = this.#stream?.bufferSize ?? 0;
    const hasProgressed = unsent > 0 && unsent !== this.#unsent;
    this.#unsent = unsent;
    return hasProgressed;
  }

  pause(): void {
    this.#stream?.pause();
    // The peer cannot be late while we do not listen.
    this.deadline = Number.POSITIVE_INFINITY;
  }

  resume(): void {
    if (!this.#stream?.isPaused()) return;
    this.#stream.resume();
    this.#touch();
  }

  /** Something moved; while the body of a response is under way that is all that is asked for. */
  #touch(): void {
    if (!this.#isInBody || this.#stream?.isPaused()) return;
    const { deadlines, timeouts } = this.#session.context;
    this.deadline = deadlines.now + timeouts.streamIdleMs;
  }

  release(isReusable: boolean): void {
    this.#session.served++;
    this.#leave();
    // RFC 9113, 8.1: an answer may come before the request has ended; the rest of it is not wanted.
    if (!isReusable) this.#cancel();
  }

  destroy(): void {
    this.#leave();
    this.#cancel();
  }

  #leave(): void {
    this.#user = null;
    this.#session.context.deadlines.remove(this);
    if (this.#stream === null || this.#stream.destroyed) this.#session.streamClosed(this);
  }

  #cancel(): void {
    const stream = this.#stream;
    if (stream !== null && !stream.closed) stream.close(constants.NGHTTP2_CANCEL);
    // What has come already is thrown away; unread, it would keep the stream from closing.
    stream?.resume();
  }

  expire(): void {
    this.#session.suspect();
    this.#cancel();
    this.fail('upstream_timeout');
  }

  #refuse(): void {
    this.#cancel();
    this.fail('bad_response');
  }

  fail(failure: UpstreamFailure): void {
    const user = this.#user;
    if (!this.hasAnswered) {
      this.isUntouched ||= this.#stream === null || this.#session.isBeyondLast(this.#stream.id);
    }
    this.#leave();
    user?.onUpstreamFailed(failure);
  }

  #onClose(stream: ClientHttp2Stream): void {
    this.#session.streamClosed(this);
    if (this.#user === null) return;
    const { rstCode } = stream;
    this.isUntouched = rstCode === constants.NGHTTP2_REFUSED_STREAM && !this.hasAnswered;
    this.fail(rstCode === constants.NGHTTP2_PROTOCOL_ERROR ? 'bad_response' : 'upstream_reset');
  }
}
