import type net from 'node:net';
import type { Ending } from '../../shared/endings.ts';
import type { Handshake } from '../../shared/handshakes.ts';
import type { Engine } from '../engine.ts';
import type { LiveRoute } from '../live-table.ts';
import { Opening } from '../tls/opening.ts';
import type { Arrival } from './arrival.ts';
import { recordRefusedStream } from './stream-record.ts';

/** Takes a connection whose handshake is done. */
export type SecureTaker = (secure: net.Socket, arrival: Arrival) => void;

/** What the log says of a handshake that came to nothing. */
const ENDINGS: Readonly<Partial<Record<Handshake, Ending>>> = {
  plaintext: 'not_tls',
  bad_hello: 'bad_hello',
  unknown_name: 'handshake_failed',
  no_protocol: 'handshake_failed',
  client_certificate: 'handshake_failed',
  failed: 'handshake_failed',
  timeout: 'hello_timeout',
  gone: 'client_closed',
};

/** TLS of a client ends here (`tls=terminate`), with the certificates and rules of https listeners. */
export function terminate(
  socket: net.Socket,
  arrival: Arrival,
  route: LiveRoute,
  engine: Engine,
  taker: SecureTaker,
): void {
  const { listener, peer } = arrival;
  const startedAt = performance.now();
  const opening = new Opening(socket, listener, engine, {
    onHello: () => false,
    onResult(result) {
      const ending = ENDINGS[result];
      if (ending === undefined) return;
      recordRefusedStream({ listener, peer, route, protocol: 'tls', startedAt }, ending, engine);
    },
    onSecure: (secure, { serverName }) =>
      taker(secure, { ...arrival, received: null, hello: { serverName, alpn: [] } }),
    onPlain: (plain) => plain.destroy(),
  });
  // In this order: once it has a whole hello, the socket is TLS's.
  socket.resume();
  if (arrival.received !== null) opening.onData(arrival.received);
}
