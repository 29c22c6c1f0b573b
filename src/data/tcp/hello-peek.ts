import type net from 'node:net';
import { readClientHello } from '../../../tls/client-hello.ts';
import type { Ending } from '../../shared/endings.ts';
import type { Timed } from '../deadlines.ts';
import type { Engine } from '../engine.ts';
import { Farewell } from '../farewell.ts';
import { own, type SocketOwner } from '../owned-socket.ts';
import type { Arrival } from './arrival.ts';
import { POSTGRES_GSS_REQUEST, POSTGRES_NO, POSTGRES_SSL_REQUEST, POSTGRES_YES } from './opening.ts';
import { recordRefusedStream } from './stream-record.ts';

/** Takes a connection that has been looked at, its socket paused; or says why nobody does. */
export type HelloTaker = (arrival: Arrival) => Ending | null;

/** RFC 8446 §6: a fatal alert, in a record that every version reads: unrecognized_name. */
const UNRECOGNIZED_NAME = '\x15\x03\x03\x00\x02\x02\x70';
const FIRST_BYTES = 1024;

/**
 * A connection until its ClientHello is known, within the time for a head and a bound in bytes. PostgreSQL's clients first
 * ask whether TLS is welcome; they are told yes, and the instance is asked the same later.
 */
export class HelloPeek implements Timed, SocketOwner {
  deadline: number;
  deadlineIndex = -1;
  readonly #socket: net.Socket;
  readonly #arrival: Arrival;
  readonly #engine: Engine;
  readonly #taker: HelloTaker;
  readonly #startedAt = performance.now();
  /** Grows by doubling: a hello in single bytes must not be copied anew for each. */
  #bytes: Buffer = Buffer.alloc(0);
  #length = 0;
  /** Another look is worth its cost once so many are here. */
  #atLeast = 0;
  #isPostgres = false;

  constructor(socket: net.Socket, arrival: Arrival, engine: Engine, taker: HelloTaker) {
    this.#socket = socket;
    this.#arrival = arrival;
    this.#engine = engine;
    this.#taker = taker;
    this.deadline = engine.deadlines.now + engine.timeouts.headMs;
    engine.peeks.add(this);
    engine.deadlines.add(this);
    own(socket, this);
    if (arrival.received !== null) this.onData(arrival.received);
    if (engine.peeks.has(this)) socket.resume();
  }

  onData(chunk: Buffer): void {
    if (!this.#engine.peeks.has(this)) return;
    this.#append(chunk);
    if (!this.#isPostgres && this.#readsPostgres()) return;
    if (this.#length < this.#atLeast) return;
    const read = readClientHello(this.#bytes.subarray(0, this.#length));
    switch (read.kind) {
      case 'need-more':
        this.#atLeast = read.atLeast;
        return;
      case 'not-tls':
        return this.#refuse('not_tls');
      case 'malformed':
        return this.#refuse('bad_hello');
      case 'hello':
        return this.#hand({ serverName: read.serverName, alpn: read.alpn });
    }
  }

  #append(chunk: Buffer): void {
    const length = this.#length + chunk.length;
    if (length > this.#bytes.length) {
      const grown = Buffer.allocUnsafeSlow(Math.max(FIRST_BYTES, length, this.#bytes.length * 2));
      this.#bytes.copy(grown, 0, 0, this.#length);
      this.#bytes = grown;
    }
    chunk.copy(this.#bytes, this.#length);
    this.#length = length;
  }

  /** True when what is here may still become a request of PostgreSQL's, or has been answered as one. */
  #readsPostgres(): boolean {
    const bytes = this.#bytes.subarray(0, this.#length);
    const isSsl = startsAlike(bytes, POSTGRES_SSL_REQUEST);
    const isGss = startsAlike(bytes, POSTGRES_GSS_REQUEST);
    if (!isSsl && !isGss) return false;
    if (bytes.length < POSTGRES_SSL_REQUEST.length) return true;
    // What follows at once was not meant for an answer that the client has not seen.
    if (bytes.length > POSTGRES_SSL_REQUEST.length) {
      this.#refuse('bad_hello');
      return true;
    }
    this.#length = 0;
    this.#isPostgres = isSsl;
    this.#socket.write(Buffer.from([isSsl ? POSTGRES_YES : POSTGRES_NO]));
    return true;
  }

  #hand(hello: NonNullable<Arrival['hello']>): void {
    this.#leave();
    this.#socket.pause();
    const arrival = { ...this.#arrival, hello, received: this.#received(), isPostgres: this.#isPostgres };
    const ending = this.#taker(arrival);
    if (ending === null) return;
    this.#record(ending, hello.serverName);
    new Farewell(this.#socket, UNRECOGNIZED_NAME, this.#engine);
    this.#socket.resume();
  }

  #received(): Buffer {
    return Buffer.from(this.#bytes.subarray(0, this.#length));
  }

  #refuse(ending: Ending): void {
    this.#leave();
    this.#record(ending, null);
    this.#socket.destroy();
  }

  #record(ending: Ending, serverName: string | null): void {
    const { listener, peer } = this.#arrival;
    const facts = { listener, peer, startedAt: this.#startedAt, bytesIn: this.#length };
    const protocol = serverName === null ? 'tcp' : 'tls';
    const tls = { protocol, serverName: serverName ?? '' } as const;
    recordRefusedStream({ ...facts, ...tls }, ending, this.#engine);
  }

  onDrain(): void {}

  /** Whoever only looks whether somebody is there is no fault. */
  onEnd(): void {
    if (this.#length > 0) this.#refuse('bad_hello');
    else this.destroy();
  }

  onError(): void {
    this.destroy();
  }

  onClose(): void {
    this.destroy();
  }

  expire(): void {
    this.#refuse('hello_timeout');
  }

  #leave(): void {
    this.#engine.peeks.delete(this);
    this.#engine.deadlines.remove(this);
  }

  destroy(): void {
    if (!this.#engine.peeks.has(this)) return;
    this.#leave();
    this.#socket.destroy();
  }
}

function startsAlike(bytes: Buffer, wanted: Buffer): boolean {
  const length = Math.min(bytes.length, wanted.length);
  return bytes.compare(wanted, 0, length, 0, length) === 0;
}
