import net from 'node:net';
import type { Endpoint, EndpointConnection } from '../endpoint.ts';
import type { Engine } from '../engine.ts';
import { MAX_JOINED, Outgoing } from '../outgoing.ts';
import { ownSilent, reset, type SocketOwner } from '../owned-socket.ts';
import { ReadBuffer } from '../read-buffer.ts';

/** Both sides of a stream find out by probes that the other machine is gone. */
export const KEEP_ALIVE_MS = 60_000;

/** The stream a connection to an instance belongs to. */
export interface StreamUser {
  onConnected(): void;
  /** Of which up to `MAX_JOINED` are only lent. True when nothing of them is kept. */
  fromUpstream(bytes: Buffer): boolean;
  onUpstreamDrain(): void;
  onUpstreamEnd(): void;
  onUpstreamError(): void;
  onUpstreamClose(): void;
  /** The instance takes no new work, and what it has may finish. */
  onDeparture(): void;
  /** The time to finish is over. */
  onDepartureEnd(): void;
}

/** The connection to an instance: one stream's, never used again. */
export class StreamUpstream implements Omit<SocketOwner, 'onData'>, EndpointConnection {
  readonly endpoint: Endpoint;
  readonly socket: net.Socket;
  readonly out: Outgoing;
  readonly #input: ReadBuffer;
  #user: StreamUser | null;

  constructor(endpoint: Endpoint, user: StreamUser, engine: Engine) {
    this.endpoint = endpoint;
    this.#user = user;
    endpoint.connections.add(this);
    const input = new ReadBuffer(engine.readBuffer);
    const socket = net.connect({
      host: endpoint.address,
      port: endpoint.port,
      noDelay: true,
      allowHalfOpen: true,
      keepAlive: true,
      keepAliveInitialDelay: KEEP_ALIVE_MS,
      onread: { buffer: () => input.next()!, callback: (length) => this.#onRead(length) },
    });
    this.socket = socket;
    this.out = new Outgoing(socket, engine.writes);
    this.#input = input;
    ownSilent(socket, this);
    socket.once('connect', onConnect);
  }

  onConnected(): void {
    this.#user?.onConnected();
  }

  #onRead(length: number): boolean {
    const isOver = this.#user?.fromUpstream(this.#input.take(length, MAX_JOINED));
    this.#input.settle(isOver !== true);
    return true;
  }

  onDrain(): void {
    this.#user?.onUpstreamDrain();
  }

  onEnd(): void {
    this.#user?.onUpstreamEnd();
  }

  onError(): void {
    this.#user?.onUpstreamError();
  }

  onClose(): void {
    const user = this.#user;
    this.destroy();
    user?.onUpstreamClose();
  }

  onDeparture(): void {
    this.#user?.onDeparture();
  }

  cut(): void {
    this.#user?.onDepartureEnd();
  }

  /** Abortive close: the instance must not take what it has for everything. */
  reset(): void {
    if (this.#user !== null) reset(this.socket);
    this.destroy();
  }

  /** Ends now, without telling the stream. */
  destroy(): void {
    if (this.#user === null) return;
    this.#user = null;
    this.endpoint.connections.delete(this);
    this.socket.destroy();
  }
}

/** Shared by all: no closure per connection. */
function onConnect(this: net.Socket): void {
  (this as net.Socket & { owner: StreamUpstream }).owner.onConnected();
}
