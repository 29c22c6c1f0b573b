import type { Socket } from 'node:dgram';
import { lookup } from 'node:dns';
import { isIP } from 'node:net';
import { createDatagramSocket } from '../../shared/datagram-socket.ts';
import type { Endpoint } from '../endpoint.ts';

export interface DatagramUpstreamUser {
  /** Datagrams can be sent. */
  onUpstreamReady(): void;
  fromUpstream(bytes: Buffer): void;
  /** Nobody is there: ICMP said so, or the name has no address. */
  onUpstreamGone(): void;
  /** The system has no socket to spare. */
  onUpstreamImpossible(): void;
  /** One datagram was not taken, and that says nothing about the instance. */
  onUnsent(): void;
}

/** What the network says of an instance, rather than of us: refused is ICMP's "port unreachable". */
const GONE: ReadonlySet<string> = new Set(['ECONNREFUSED', 'EHOSTUNREACH', 'ENETUNREACH', 'EHOSTDOWN']);

/** A connected socket of one session: only its instance can answer, and what ICMP says of it arrives. */
export class DatagramUpstream {
  isConnected = false;
  readonly #user: DatagramUpstreamUser;
  #socket: Socket | null = null;
  #isClosed = false;

  constructor({ address, port }: Endpoint, user: DatagramUpstreamUser) {
    this.#user = user;
    const family = isIP(address);
    if (family === 0) this.#find(address, port);
    else this.#connect(address, family, port);
  }

  #find(name: string, port: number): void {
    lookup(name, (error, address, family) => {
      if (this.#isClosed) return;
      if (error === null) this.#connect(address, family, port);
      else this.#user.onUpstreamGone();
    });
  }

  #connect(address: string, family: number, port: number): void {
    const socket = createDatagramSocket(family === 6 ? 'udp6' : 'udp4');
    this.#socket = socket;
    socket.on('connect', () => {
      if (this.#isClosed) return;
      this.isConnected = true;
      this.#user.onUpstreamReady();
    });
    socket.on('message', (bytes) => {
      if (!this.#isClosed) this.#user.fromUpstream(bytes);
    });
    socket.on('error', (error) => this.#onError(error));
    // It may fail within the call, and its user does not have it yet.
    process.nextTick(() => {
      if (!this.#isClosed) socket.connect(port, address);
    });
  }

  send(bytes: Buffer): void {
    this.#socket!.send(bytes, this.#onSent);
  }

  readonly #onSent = (error: Error | null): void => {
    if (error !== null) this.#onError(error);
  };

  #onError({ code = '' }: NodeJS.ErrnoException): void {
    if (this.#isClosed) return;
    if (GONE.has(code)) this.#user.onUpstreamGone();
    else if (this.isConnected) this.#user.onUnsent();
    else this.#user.onUpstreamImpossible();
  }

  close(): void {
    this.#isClosed = true;
    this.#socket?.close();
    this.#socket = null;
  }
}
