import net from 'node:net';
import type { Endpoint, EndpointConnection } from '../endpoint.ts';
import { own, reset, type SocketOwner } from '../owned-socket.ts';

/** Both sides of a stream find out by probes that the other machine is gone. */
export const KEEP_ALIVE_MS = 60_000;

/** The stream a connection to an instance belongs to. */
export interface StreamUser {
  onConnected(): void;
  fromUpstream(bytes: Buffer): void;
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
export class StreamUpstream implements SocketOwner, EndpointConnection {
  readonly endpoint: Endpoint;
  readonly socket: net.Socket;
  #user: StreamUser | null;

  constructor(endpoint: Endpoint, user: StreamUser) {
    this.endpoint = endpoint;
    this.#user = user;
    endpoint.connections.add(this);
    const socket = net.connect({
      host: endpoint.address,
      port: endpoint.port,
      noDelay: true,
      allowHalfOpen: true,
      keepAlive: true,
      keepAliveInitialDelay: KEEP_ALIVE_MS,
    });
    this.socket = socket;
    own(socket, this);
    socket.once('connect', onConnect);
  }

  onConnected(): void {
    this.#user?.onConnected();
  }

  onData(chunk: Buffer): void {
    this.#user?.fromUpstream(chunk);
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
