import type net from 'node:net';
import { Family } from '../shared/counters.ts';
import type { Engine, ListenerFacts } from './engine.ts';
import { FirstBytes } from './first-bytes.ts';
import { type ProxyHeader, readProxyHeader } from './proxy-protocol.ts';

/** Called once the header is here, with what followed it. The socket then waits for its next owner. */
export type OnHeader = (header: ProxyHeader, rest: Buffer) => void;

/**
 * A connection of a trusted proxy until its PROXY header has come. What comes instead of a header, or a header that does
 * not end, closes it.
 */
export class Preface extends FirstBytes {
  readonly #listener: ListenerFacts;
  readonly #engine: Engine;
  readonly #onHeader: OnHeader;
  /** At most one header: `readProxyHeader` bounds what may still need more. */
  #bytes: Buffer | null = null;

  constructor(socket: net.Socket, listener: ListenerFacts, engine: Engine, onHeader: OnHeader) {
    super(socket, engine);
    this.#listener = listener;
    this.#engine = engine;
    this.#onHeader = onHeader;
  }

  override onData(chunk: Buffer): void {
    const bytes = this.#bytes === null ? chunk : Buffer.concat([this.#bytes, chunk]);
    const read = readProxyHeader(bytes);
    if (read === 'bad') return this.#refuse();
    // The chunk is only lent.
    this.#bytes = bytes === chunk ? Buffer.from(bytes) : bytes;
    if (read === 'more') return;
    this.leave();
    this.#onHeader(read, this.#bytes.subarray(read.length));
  }

  /** Balancers look whether we are there by connecting and leaving: only part of a header is a fault. */
  override onEnd(): void {
    if (this.#bytes === null) this.destroy();
    else this.#refuse();
  }

  override expire(): void {
    this.#refuse();
  }

  #refuse(): void {
    refuseConnection(this.#listener, this.#engine);
    this.destroy();
  }
}

/** Counts a connection that is closed without an answer. */
export function refuseConnection(listener: ListenerFacts, engine: Engine): void {
  engine.recorder.add(Family.refused, listener.tcpPort, listener.index, 1);
}
