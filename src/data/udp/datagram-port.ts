import type { RemoteInfo, Socket } from 'node:dgram';
import { Family } from '../../shared/counters.ts';
import { createDatagramSocket, datagramType } from '../../shared/datagram-socket.ts';
import { portName } from '../../shared/messages.ts';
import { UDP_DROPS, type UdpDrop } from '../../shared/udp-drops.ts';
import type { Engine } from '../engine.ts';
import { type Peer, plainAddress } from '../forwarded.ts';
import { isDenied } from '../live-table.ts';
import { DatagramSession } from './datagram-session.ts';

/** For bursts; the kernel gives what `net.core.rmem_max` allows. */
const RECEIVE_BYTES = 4 * 1024 * 1024;

/**
 * One UDP port in one worker. Every worker has it (SO_REUSEPORT), and the kernel chooses among them by the addresses and
 * ports of both sides, so that a client stays with one worker as long as no worker comes or goes; a client that lands on
 * another one has a new session there.
 */
export class DatagramPort {
  readonly port: number;
  readonly name: string;
  readonly engine: Engine;
  readonly #socket: Socket;
  readonly #onFailed: (code: string) => void;
  /** By client: port and address. */
  readonly #sessions = new Map<string, DatagramSession>();
  #isBound = false;
  #isDraining = false;
  #isClosed = false;

  /** `onFailed` is told the system's code when it cannot be opened. */
  constructor(port: number, engine: Engine, onFailed: (code: string) => void) {
    this.port = port;
    this.name = portName('udp', port);
    this.engine = engine;
    this.#onFailed = onFailed;
    this.#socket = createDatagramSocket(datagramType(engine.setup.udp.host), {
      reusePort: true,
      recvBufferSize: RECEIVE_BYTES,
    });
  }

  bind(): void {
    const { host } = this.engine.setup.udp;
    const socket = this.#socket;
    socket.on('message', (bytes, from) => this.#onMessage(bytes, from));
    socket.on('listening', () => {
      this.#isBound = true;
    });
    socket.on('error', ({ code = 'UNKNOWN' }: NodeJS.ErrnoException) => {
      // Bound, it goes on: what one client's network says is nothing to the others.
      if (this.#isBound || this.#isClosed) return;
      this.close();
      this.#onFailed(code);
    });
    socket.bind({ port: this.port, exclusive: true, ...(host === '' ? {} : { address: host }) });
  }

  #onMessage(bytes: Buffer, from: RemoteInfo): void {
    this.engine.recorder.datagram('in');
    const client = `${from.port} ${from.address}`;
    const session = this.#sessions.get(client) ?? this.#open(client, from);
    session?.fromClient(bytes);
  }

  #open(client: string, { address: from, port }: RemoteInfo): DatagramSession | null {
    const { table, admission, trustedProxies, sessions, maxSessions } = this.engine;
    if (this.#isDraining) return this.drop('overloaded');
    const route = table.datagramsOnPort(this.port);
    if (route === null) return this.drop('no_route');
    const address = plainAddress(from);
    const peer: Peer = { address, isTrusted: trustedProxies.has(address) };
    if (isDenied(route, address)) return this.drop('denied');
    if (admission.refusalOf(peer) !== null) return this.drop('rate_limited');
    if (sessions.size >= maxSessions || admission.isHeapShort) return this.drop('overloaded');
    const session = new DatagramSession(this, { key: client, address: from, port, peer }, route);
    this.#sessions.set(client, session);
    return session;
  }

  /** Nobody is told: an answer could go to somebody who never asked. */
  drop(reason: UdpDrop): null {
    this.engine.recorder.add(Family.udpDropped, UDP_DROPS.indexOf(reason), 0, 1);
    return null;
  }

  /** To a client, from the port it asked. */
  answer(bytes: Buffer, port: number, address: string): void {
    if (this.#isClosed) return;
    this.engine.recorder.datagram('out');
    this.#socket.send(bytes, port, address);
  }

  forget(client: string): void {
    this.#sessions.delete(client);
  }

  drain(): void {
    this.#isDraining = true;
    for (const session of [...this.#sessions.values()]) session.drain();
  }

  close(): void {
    if (this.#isClosed) return;
    for (const session of [...this.#sessions.values()]) session.cut();
    this.#isClosed = true;
    this.#socket.close();
  }
}
