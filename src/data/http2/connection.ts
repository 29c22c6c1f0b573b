import {
  constants,
  performServerHandshake,
  type ServerHttp2Session,
  type ServerHttp2Stream,
  type ServerSessionOptions,
} from 'node:http2';
import type net from 'node:net';
import { Family } from '../../shared/counters.ts';
import { HTTP2_FLOODS, type Http2Flood } from '../../shared/http2-floods.ts';
import type { Timed } from '../deadlines.ts';
import type { Client, Engine, ListenerFacts } from '../engine.ts';
import type { Peer } from '../forwarded.ts';
import type { Refused } from '../http1/heads.ts';
import { reasonOfRefusal, replyFor } from '../replies.ts';
import { recordRefusal } from '../request-record.ts';
import type { ConnectionTls } from '../tls/connection-tls.ts';
import { Budget } from './budget.ts';
import { readHttp2Request } from './request-head.ts';
import { Http2Stream, sendReply } from './stream.ts';

/** How often a connection looks at its clock and its account. */
const LOOK_MS = 1_000;
/** RFC 9113, 6.8: between the first GOAWAY, which names no stream, and the one that does. */
const GOAWAY_MS = 500;
/** What a client still sends after its GOAWAY is thrown away for so long. */
const LINGER_MS = 1_000;
const MAX_STREAM_ID = 2 ** 31 - 1;
/** What a client may send ahead, for one stream and for all of a connection: also what it may make us keep. */
const STREAM_WINDOW = 256 * 1024;
const CONNECTION_WINDOW = 1024 * 1024;
/** Frames that bring no request: what well-behaved clients need many times over (gRPC measures its way by PINGs). */
const BUDGETS: Readonly<
  Record<Exclude<Http2Flood, 'overhead'>, readonly [burst: number, perSecond: number]>
> = {
  resets: [100, 20],
  pings: [100, 20],
  settings: [20, 1],
};
/** Bytes beside fields and payload: frame headers, window updates, padding, frames without content. */
const OVERHEAD_BURST = 256 * 1024;
const OVERHEAD_PER_SECOND = 64 * 1024;

/** One HTTP/2 connection of a client: hands each stream to an exchange, and bounds what may come besides. */
export class Http2Connection implements Timed, Client {
  deadline: number;
  deadlineIndex = -1;
  readonly engine: Engine;
  readonly listener: ListenerFacts;
  readonly peer: Peer;
  readonly tls: ConnectionTls | null;
  readonly #session: ServerHttp2Session;
  readonly #socket: net.Socket;
  readonly #streams = new Map<ServerHttp2Stream, Http2Stream>();
  readonly #ours = new WeakSet<ServerHttp2Stream>();
  readonly #budgets: Record<keyof typeof BUDGETS, Budget>;
  readonly #overhead: Budget;
  #requests = 0;
  #idleUntil: number;
  /** Fields and payload received, and how much of it has been accounted for. */
  #useful = 0;
  #accounted = 0;
  #bytesRead = 0;
  #bytesWritten = 0;
  #isRetiring = false;
  #isClosed = false;

  /** The socket has no owner; what was read of it already was given back by `unshift`. */
  constructor(
    socket: net.Socket,
    listener: ListenerFacts,
    peer: Peer,
    engine: Engine,
    tls: ConnectionTls | null,
  ) {
    this.listener = listener;
    this.peer = peer;
    this.engine = engine;
    this.tls = tls;
    this.#socket = socket;
    const { now } = engine.deadlines;
    // Like the first request of HTTP/1.1: a connection that never speaks is not idle.
    this.#idleUntil = now + engine.timeouts.headMs;
    this.deadline = now + LOOK_MS;
    this.#overhead = new Budget(OVERHEAD_BURST, OVERHEAD_PER_SECOND, now);
    this.#budgets = {
      resets: new Budget(...BUDGETS.resets, now),
      pings: new Budget(...BUDGETS.pings, now),
      settings: new Budget(...BUDGETS.settings, now),
    };
    engine.opened(this);
    engine.deadlines.add(this);
    this.#session = performServerHandshake(socket, optionsOf(engine));
    this.#listen(this.#session);
  }

  #listen(session: ServerHttp2Session): void {
    session.on('stream', (stream, _fields, flags, raw) => this.#onStream(stream, flags, raw));
    session.on('ping', () => this.#spend('pings'));
    session.on('remoteSettings', () => this.#spend('settings'));
    session.on('error', ignore);
    session.on('close', () => this.#onClose());
    // Sockets here are half-open; a client that sends no more cannot even open its windows.
    this.#socket.on('end', () => this.destroy());
    session.setLocalWindowSize(CONNECTION_WINDOW);
  }

  #onStream(stream: ServerHttp2Stream, flags: number, raw: readonly string[]): void {
    stream.on('error', ignore);
    for (const text of raw) this.#useful += text.length;
    stream.on('close', () => this.#streamClosed(stream));
    // It may have been reset in the same read; then nobody waits for anything.
    if (stream.destroyed || stream.closed || this.#isClosed) return;
    const { limits } = this.engine;
    this.#requests++;
    if (this.#requests === limits.requestsPerConnection) this.#retire();
    const hasEnded = (flags & constants.NGHTTP2_FLAG_END_STREAM) !== 0;
    const head = readHttp2Request(raw, hasEnded, limits);
    if ('refused' in head) return this.#refuse(stream, head, raw);
    const client = new Http2Stream(this, stream, head, hasEnded);
    this.#streams.set(stream, client);
    client.start();
  }

  /** A request that cannot be understood: on HTTP/2 that is the end of a stream, not of the connection. */
  #refuse(stream: ServerHttp2Stream, refused: Refused, raw: readonly string[]): void {
    const reason = reasonOfRefusal(refused.status);
    const method = raw[raw.indexOf(':method') + 1] ?? '';
    const reply = replyFor(reason, { method, accept: '', keepAlive: true, minor: 1 }, refused.status);
    recordRefusal(this, reason, reply, 'HTTP/2.0');
    this.#ours.add(stream);
    sendReply(stream, reply);
    stream.close(constants.NGHTTP2_NO_ERROR);
    if (!this.#budgets.resets.spend(1, this.engine.deadlines.now)) this.#calm('resets');
  }

  /** A reset that the client is not to blame for. */
  resetByUs(stream: ServerHttp2Stream): void {
    this.#ours.add(stream);
  }

  #streamClosed(stream: ServerHttp2Stream): void {
    if (stream.rstCode !== constants.NGHTTP2_NO_ERROR && !this.#ours.has(stream)) this.#spend('resets');
    const client = this.#streams.get(stream);
    if (client === undefined) return;
    this.#streams.delete(stream);
    this.#useful += client.received;
    client.closed();
    if (this.#streams.size === 0) this.#idleUntil = this.engine.deadlines.now + this.engine.timeouts.idleMs;
  }

  #spend(flood: keyof typeof BUDGETS): void {
    if (!this.#budgets[flood].spend(1, this.engine.deadlines.now)) this.#calm(flood);
  }

  /** RFC 9113, 10.5: the client is told why, and is gone. */
  #calm(flood: Http2Flood): void {
    if (this.#isClosed) return;
    const { recorder } = this.engine;
    recorder.add(Family.http2Floods, HTTP2_FLOODS.indexOf(flood), this.listener.index, 1);
    this.#end(constants.NGHTTP2_ENHANCE_YOUR_CALM);
  }

  /** Looks at the clock, and at what came beside fields and payload since the last time. */
  expire(now: number): void {
    this.deadline = now + LOOK_MS;
    if (this.#isOverheadTooLarge(now)) return this.#calm('overhead');
    if (this.#streams.size > 0 || now < this.#idleUntil) return;
    // Told what it is, then gone: an idle connection has nothing to finish.
    if (this.#isRetiring) return this.destroy();
    this.#retire();
  }

  #isOverheadTooLarge(now: number): boolean {
    let useful = this.#useful;
    for (const stream of this.#streams.values()) useful += stream.received + stream.waiting;
    const { bytesRead, bytesWritten } = this.#socket;
    const explained = Math.max(0, useful - this.#accounted);
    // Frame headers come with payload, window updates with what we send.
    const allowed = explained * 1.25 + (bytesWritten - this.#bytesWritten) / 16;
    const excess = Math.max(0, bytesRead - this.#bytesRead - allowed);
    this.#accounted = useful;
    this.#bytesRead = bytesRead;
    this.#bytesWritten = bytesWritten;
    return !this.#overhead.spend(excess, now);
  }

  /** Finishes what runs and takes nothing new: first said without naming a stream, because some may be under way to us. */
  #retire(): void {
    if (this.#isRetiring || this.#isClosed) return;
    this.#isRetiring = true;
    this.#idleUntil = this.engine.deadlines.now + GOAWAY_MS;
    this.#session.goaway(constants.NGHTTP2_NO_ERROR, MAX_STREAM_ID);
    setTimeout(() => {
      if (!this.#isClosed) this.#session.close();
    }, GOAWAY_MS).unref();
  }

  drain(): void {
    this.#retire();
  }

  #end(code: number): void {
    if (this.#isClosed) return;
    const session = this.#session;
    if (code !== constants.NGHTTP2_NO_ERROR) session.goaway(code);
    // Closed first, because then Node ends the socket instead of destroying it: a reset would eat the GOAWAY.
    session.close();
    session.destroy();
    setTimeout(() => this.#socket.destroy(), LINGER_MS).unref();
    this.#onClose();
  }

  destroy(): void {
    this.#end(constants.NGHTTP2_NO_ERROR);
  }

  #onClose(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.engine.deadlines.remove(this);
    this.engine.closed(this);
  }
}

/** Whatever it is, `close` follows. */
function ignore(): void {}

function optionsOf({ limits }: Engine): ServerSessionOptions {
  return {
    settings: {
      maxConcurrentStreams: limits.streams,
      maxHeaderListSize: limits.headBytes,
      initialWindowSize: STREAM_WINDOW,
      // RFC 8441: WebSocket over one stream.
      enableConnectProtocol: true,
      enablePush: false,
    },
    // With the pseudo-fields; beyond it the stream is refused before it is put together.
    maxHeaderListPairs: limits.fields + 5,
    maxSessionInvalidFrames: 50,
    maxSessionRejectedStreams: 20,
    maxSettings: 32,
    maxOutstandingPings: 10,
    maxSessionMemory: 10,
    // Ours are checked already, and upstreams may repeat what Node thinks is single.
    strictSingleValueFields: false,
    // Node would take such fields out and go on; we refuse the request.
    strictFieldWhitespaceValidation: false,
  } as ServerSessionOptions;
}
