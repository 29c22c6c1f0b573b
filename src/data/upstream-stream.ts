import type { Reason } from '../shared/reasons.ts';
import type { Framing } from './http1/heads.ts';
import type { ResponseSink } from './http1/response-reader.ts';

/** Ways an upstream lets an exchange down. */
export type UpstreamFailure = Extract<
  Reason,
  'connect_failed' | 'connect_timeout' | 'upstream_reset' | 'bad_response' | 'upstream_timeout'
>;

/** The exchange an upstream works for. */
export interface UpstreamUser extends ResponseSink {
  onConnected(): void;
  onResponseEnd(trailers: readonly string[], kinds: readonly number[]): void;
  /** A whole read has been handled: time to flush what was gathered. */
  onUpstreamBatchEnd(): void;
  /** Bytes that were handed over may still be needed. */
  readonly holdsBytes: boolean;
  onUpstreamDrain(): void;
  onUpstreamFailed(failure: UpstreamFailure): void;
  onTunnelBytes(bytes: Buffer): void;
  onTunnelEnd(): void;
}

/** The upstream's side of one attempt: a connection with HTTP/1.1, or one stream of an HTTP/2 connection. */
export interface UpstreamStream {
  /** A request can be written; else `onConnected` follows. */
  readonly isConnected: boolean;
  /** Something of a response has arrived. */
  readonly hasAnswered: boolean;
  /** A connection from earlier exchanges is gone: that says nothing about the instance. */
  readonly isStale: boolean;
  /** The instance has certainly done nothing with the request, whatever its method. */
  readonly isUntouched: boolean;
  /** Null where another protocol cannot take over. */
  readonly tunnel: TunnelSide | null;
  /** Starts to work for an exchange. `responseMs` counts from the end of the request. */
  begin(user: UpstreamUser, method: string, responseMs: number): void;
  /** Sends a request without a body. `head` is as HTTP/1.1 has it. */
  sendHead(head: string): void;
  /** The same where a body follows; the head may wait for its first bytes. */
  beginBody(head: string, framing: Framing): BodySink;
  /** The request is complete: the time for the response head starts. */
  requestSent(): void;
  /** True when the peer has taken some of what is unsent since this was last asked. */
  hasProgressed(): boolean;
  pause(): void;
  resume(): void;
  /** The exchange is over; the connection may serve another one. */
  release(isReusable: boolean): void;
  /** Ends now, without telling the exchange. What was sent is not to be taken for a complete request. */
  destroy(): void;
}

/** Where the body of a request goes. */
export interface BodySink {
  /** Payload. Small pieces may wait for `flush`. */
  write(bytes: Buffer, start: number, end: number): void;
  /** All of it has been written. Trailers only come where no length was announced. */
  end(trailers: readonly string[], kinds: readonly number[]): void;
  /** False when the sender should pause; `onUpstreamDrain` follows. */
  flush(): boolean;
}

/** The upstream's side once another protocol is spoken. */
export interface TunnelSide {
  /** False when the sender should pause; `onUpstreamDrain` follows. */
  write(bytes: Buffer): boolean;
  pause(): void;
  /** Half-close. */
  end(): void;
  /** Both sides have ended: what is still unsent goes out, then the connection closes. */
  finishSending(): void;
  /** Abortive close. */
  reset(): void;
}
