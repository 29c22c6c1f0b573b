import type net from 'node:net';
import type { Engine } from '../engine.ts';
import { FirstBytes } from '../first-bytes.ts';

/** RFC 9113, 3.4: what an HTTP/2 client begins with, made so that HTTP/1.1 cannot. */
const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');

/** A connection without TLS, on a listener that speaks both, until its first bytes show which. */
export class PriorKnowledge extends FirstBytes {
  readonly #onKnown: (isHttp2: boolean, bytes: Buffer) => void;
  #bytes: Buffer | null = null;

  constructor(socket: net.Socket, engine: Engine, onKnown: (isHttp2: boolean, bytes: Buffer) => void) {
    super(socket, engine);
    this.#onKnown = onKnown;
  }

  override onData(chunk: Buffer): void {
    const bytes = this.#bytes === null ? chunk : Buffer.concat([this.#bytes, chunk]);
    const length = Math.min(bytes.length, PREFACE.length);
    const isAlike = PREFACE.compare(bytes, 0, length, 0, length) === 0;
    this.#bytes = bytes;
    if (isAlike && length < PREFACE.length) return;
    this.leave();
    this.#onKnown(isAlike, bytes);
  }
}
