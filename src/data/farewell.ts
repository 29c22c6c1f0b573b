import type net from 'node:net';
import type { Timed } from './deadlines.ts';
import type { Engine } from './engine.ts';
import { own, type SocketOwner } from './owned-socket.ts';

/** What the client has sent already is thrown away for so long, so that a reset does not eat the answer. */
const LINGER_MS = 1_000;
const LINGER_BYTES = 256 * 1024;
/** Each holds a descriptor that we are short of; further ones are closed as soon as they have their answer. */
const MAX_LINGERING = 64;

/** A connection that was not let in: it gets its answer, whatever it asks, and ends. */
export class Farewell implements Timed, SocketOwner {
  deadline: number;
  deadlineIndex = -1;
  readonly #socket: net.Socket;
  readonly #engine: Engine;
  #received = 0;

  constructor(socket: net.Socket, answer: string, engine: Engine) {
    this.#socket = socket;
    this.#engine = engine;
    const isShort = engine.farewells.size >= MAX_LINGERING;
    this.deadline = engine.deadlines.now + LINGER_MS;
    engine.farewells.add(this);
    engine.deadlines.add(this);
    own(socket, this);
    socket.end(answer, 'latin1', () => {
      if (isShort) this.destroy();
    });
  }

  onData(chunk: Buffer): void {
    this.#received += chunk.length;
    if (this.#received > LINGER_BYTES) this.destroy();
  }

  onDrain(): void {}

  onEnd(): void {
    // The client has nothing more to say; what it is told still leaves.
    if (this.#socket.writableFinished) this.destroy();
  }

  onError(): void {
    this.destroy();
  }

  onClose(): void {
    this.destroy();
  }

  expire(): void {
    this.destroy();
  }

  destroy(): void {
    if (!this.#engine.farewells.delete(this)) return;
    this.#engine.deadlines.remove(this);
    this.#socket.destroy();
  }
}
