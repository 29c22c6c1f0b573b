import type net from 'node:net';
import type { Timed } from './deadlines.ts';
import type { Engine } from './engine.ts';
import { own, type SocketOwner } from './owned-socket.ts';

/**
 * A connection until its first bytes have shown what it is, within the time for a head. Nobody is there yet who could
 * answer: whatever ends it just closes it.
 */
export abstract class FirstBytes implements Timed, SocketOwner {
  deadline: number;
  deadlineIndex = -1;
  readonly #socket: net.Socket;
  readonly #engine: Engine;

  constructor(socket: net.Socket, engine: Engine) {
    this.#socket = socket;
    this.#engine = engine;
    this.deadline = engine.deadlines.now + engine.timeouts.headMs;
    engine.prefaces.add(this);
    engine.deadlines.add(this);
    own(socket, this);
  }

  abstract onData(chunk: Buffer): void;

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

  expire(): void {
    this.destroy();
  }

  /** It is known: the socket waits for its next owner. */
  protected leave(): void {
    this.#engine.prefaces.delete(this);
    this.#engine.deadlines.remove(this);
  }

  destroy(): void {
    if (!this.#engine.prefaces.has(this)) return;
    this.leave();
    this.#socket.destroy();
  }
}
