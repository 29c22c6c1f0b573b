import type net from 'node:net';
import type { Hello } from '../../../tls/client-hello.ts';
import type { ListenerFacts } from '../engine.ts';
import { type Peer, plainAddress } from '../forwarded.ts';
import type { ProxyHeader } from '../proxy-protocol.ts';

export interface Place {
  readonly address: string;
  readonly port: number;
}

/** What is known of a connection when it is decided where it goes. */
export interface Arrival {
  readonly listener: ListenerFacts;
  /** Who comes, behind the balancers that sent PROXY headers. */
  readonly peer: Peer;
  readonly clientPort: number;
  /** Where the client meant to connect to. */
  readonly local: Place;
  /** For a route by server name. */
  readonly hello: Hello | null;
  /** What has been read from the client already: it goes to the instance first. */
  readonly received: Buffer | null;
  /** The client asked for TLS in PostgreSQL's way and was told yes: the instance is asked the same. */
  readonly isPostgres: boolean;
}

/** A connection of which nothing has been read but a PROXY header, if that. */
export function arrivalOf(
  socket: net.Socket,
  listener: ListenerFacts,
  peer: Peer,
  header: ProxyHeader | null,
  received: Buffer | null,
): Arrival {
  return {
    listener,
    peer,
    clientPort: header?.source?.port ?? socket.remotePort ?? 0,
    local: header?.destination ?? {
      address: plainAddress(socket.localAddress ?? ''),
      port: socket.localPort ?? 0,
    },
    hello: null,
    received: received !== null && received.length > 0 ? received : null,
    isPostgres: false,
  };
}
