import type net from 'node:net';
import type { Timed } from '../deadlines.ts';
import type { Engine } from '../engine.ts';
import { own, type SocketOwner } from '../owned-socket.ts';

/** RFC 9113, 3.4: what an HTTP/2 client begins with, made so that HTTP/1.1 cannot. */
const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');

/** A connection without TLS, on a listener that speaks both, until its first bytes show which. */
export class PriorKnowledge implements Timed, SocketOwner {
  deadline: number;
  deadlineIndex = -1;
  readonly #socket: net.Socket;
  readonly #engine: Engine;
  readonly #onKnown: (isHttp2: boolean, bytes: Buffer) => void;
  #bytes: Buffer | null = null;

  constructor(socket: net.Socket, engine: Engine, onKnown: (isHttp2: boolean, bytes: Buffer) => void) {
    this.#socket = socket;
    this.#engine = engine;
    this.#onKnown = onKnown;
    this.deadline = engine.deadlines.now + engine.timeouts.headMs;
    engine.prefaces.add(this);
    engine.deadlines.add(this);
    own(socket, this);
  }

  onData(chunk: Buffer): void {
    const bytes = this.#bytes === null ? chunk : Buffer.concat([this.#bytes, chunk]);
    const length = Math.min(bytes.length, PREFACE.length);
    const isAlike = PREFACE.compare(bytes, 0, length, 0, length) === 0;
    this.#bytes = bytes;
    if (isAlike && length < PREFACE.length) return;
    this.#leave();
    this.#onKnown(isAlike, bytes);
  }

  onDrain(): void {}

  onEnd(): void {
    this.destroy();
  }

  onError(): void {
    this.destroy();
  }

  onClose(): void {
    this.destroy();
  }

  /** Nothing, or the beginning of a preface: there is nobody yet who would understand an answer. */
  expire(): void {
    this.destroy();
  }

  #leave(): void {
    this.#engine.prefaces.delete(this);
    this.#engine.deadlines.remove(this);
  }

  destroy(): void {
    if (!this.#engine.prefaces.has(this)) return;
    this.#leave();
    this.#socket.destroy();
  }
}
