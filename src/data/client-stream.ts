import type { Engine, ListenerFacts } from './engine.ts';
import type { Peer } from './forwarded.ts';
import type { RequestHead, ResponseHead } from './http1/heads.ts';
import type { Reply } from './replies.ts';
import type { ConnectionTls } from './tls/connection-tls.ts';

/**
 * The client's side of one exchange: a connection with HTTP/1.1, where exchanges follow one another, or one stream of an
 * HTTP/2 connection.
 */
export interface ClientStream {
  readonly engine: Engine;
  readonly listener: ListenerFacts;
  readonly peer: Peer;
  /** Null without TLS. */
  readonly tls: ConnectionTls | null;
  /** When `Exchange.onClientLate` is due. */
  deadline: number;
  /** Nothing may follow this exchange on the connection. */
  readonly isLastRequest: boolean;
  /** Nothing is read for now: whoever is late, it is not the client. */
  readonly isPaused: boolean;
  pauseReading(): void;
  resumeReading(): void;
  /** Offers what was received already to the exchange, which takes bytes by now. */
  takeBody(): void;
  /** Bytes that were written may not have left. */
  readonly hasUnsent: boolean;
  /** True when the client has taken some of what is unsent since this was last asked. */
  hasProgressed(): boolean;
  /** Passes an interim answer on. */
  inform(head: ResponseHead, request: RequestHead): void;
  /** Begins the final answer. `hsts` is for a field of ours, or empty. */
  respond(head: ResponseHead, request: RequestHead, keepAlive: boolean, hsts: string): Relay;
  /** Agrees to the protocol that was asked for; `write` and `endWriting` carry it from then on. */
  switchProtocol(head: ResponseHead, asked: string): void;
  /** Sends a whole answer of our own. */
  reply(reply: Reply): void;
  /** False when the sender should pause; `Exchange.onClientDrain` follows. */
  write(bytes: Buffer): boolean;
  endWriting(): void;
  /** Ends such that the client cannot take what it has for complete. */
  abort(): void;
  /** The exchange is over; goes on with the next request or closes. `isClientDone`: the client has said that it sends no more. */
  exchangeDone(keepAlive: boolean, isClientDone?: boolean): void;
}

/** A final answer on its way to the client. */
export interface Relay {
  /** The client connection can go on after it. */
  readonly keepAlive: boolean;
  /** Payload bytes so far. */
  readonly bytes: number;
  /** False when the client takes no more at once; `Exchange.onClientDrain` follows. */
  write(bytes: Buffer, start: number, end: number): boolean;
  /** A read has been worked through: what was gathered leaves. */
  flush(): boolean;
  end(trailers: readonly string[], kinds: readonly number[]): void;
}
