import type net from 'node:net';
import type { Ending } from '../../shared/endings.ts';
import type { Engine, ListenerFacts } from '../engine.ts';
import { type Peer, plainAddress } from '../forwarded.ts';
import { isDenied, type LiveRoute } from '../live-table.ts';
import { reset } from '../owned-socket.ts';
import { Preface, refuseConnection } from '../preface.ts';
import { type Arrival, arrivalOf } from './arrival.ts';
import { HelloPeek } from './hello-peek.ts';
import { Stream } from './stream.ts';
import { recordRefusedStream } from './stream-record.ts';
import { terminate } from './terminate.ts';

/** What becomes of a connection to a port that routes have opened. Its socket is paused. */
export function acceptStream(socket: net.Socket, listener: ListenerFacts, engine: Engine): void {
  const peer = peerAt(socket.remoteAddress ?? '', engine);
  // A PROXY header is believed from nobody else.
  if (listener.proxyProtocol && !peer.isTrusted) {
    refuseConnection(listener, engine);
    return void reset(socket);
  }
  const reason = engine.admission.refusal(engine.openConnections);
  if (reason !== null) return refuse(socket, { listener, peer }, 'overloaded', engine);
  if (!listener.proxyProtocol) return enter(socket, arrivalOf(socket, listener, peer, null, null), engine);
  new Preface(socket, listener, engine, (header, rest) => {
    const behind = header.source === null ? peer : peerAt(header.source.address, engine);
    socket.pause();
    enter(socket, arrivalOf(socket, listener, behind, header, rest), engine);
  });
  socket.resume();
}

function peerAt(address: string, engine: Engine): Peer {
  const plain = plainAddress(address);
  return { address: plain, isTrusted: engine.trustedProxies.has(plain) };
}

/** There is room, and it is known who comes. */
function enter(socket: net.Socket, arrival: Arrival, engine: Engine): void {
  const route = engine.table.streamFor(arrival.listener, null);
  if (route === null) {
    new HelloPeek(socket, arrival, engine, (peeked) => (passOn(socket, peeked, engine) ? null : 'no_route'));
  } else if (route.options.tls === undefined) startStream(socket, arrival, route, engine);
  // Whoever may not come in is not worth a handshake.
  else if (isDenied(route, arrival.peer.address)) refuse(socket, { ...arrival, route }, 'denied', engine);
  else terminate(socket, arrival, route, engine, (secure, inside) => enterSecure(secure, inside, engine));
}

/** The handshake took its time: it is looked again whose port it is. */
function enterSecure(secure: net.Socket, arrival: Arrival, engine: Engine): void {
  const route = engine.table.streamFor(arrival.listener, null);
  if (route?.options.tls === 'terminate') startStream(secure, arrival, route, engine);
  else refuse(secure, arrival, 'no_route', engine);
}

/** False when no route takes the server name. */
export function passOn(socket: net.Socket, arrival: Arrival, engine: Engine): boolean {
  const route = engine.table.streamFor(arrival.listener, arrival.hello?.serverName ?? '');
  if (route !== null) startStream(socket, arrival, route, engine);
  return route !== null;
}

/** A route takes the connection. */
function startStream(socket: net.Socket, arrival: Arrival, route: LiveRoute, engine: Engine): void {
  if (engine.admission.refusalOf(arrival.peer) !== null) {
    return refuse(socket, { ...arrival, route }, 'rate_limited', engine);
  }
  if (isDenied(route, arrival.peer.address)) return refuse(socket, { ...arrival, route }, 'denied', engine);
  new Stream(socket, arrival, route, engine);
}

function refuse(
  socket: net.Socket,
  arrival: Pick<Arrival, 'listener' | 'peer'> & Partial<Arrival> & { readonly route?: LiveRoute },
  ending: Ending,
  engine: Engine,
): void {
  const { listener, peer, hello, route = null } = arrival;
  const protocol = hello ? 'tls' : 'tcp';
  recordRefusedStream(
    { listener, peer, route, protocol, serverName: hello?.serverName ?? '' },
    ending,
    engine,
  );
  reset(socket);
}
