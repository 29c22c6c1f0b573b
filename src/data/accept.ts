import type net from 'node:net';
import { Family } from '../shared/counters.ts';
import { HANDSHAKES } from '../shared/handshakes.ts';
import type { Reason } from '../shared/reasons.ts';
import { ClientConnection } from './client-connection.ts';
import type { Engine, ListenerFacts } from './engine.ts';
import { Farewell } from './farewell.ts';
import { type Peer, plainAddress } from './forwarded.ts';
import { Http2Connection } from './http2/connection.ts';
import { PriorKnowledge } from './http2/prior-knowledge.ts';
import { disown } from './owned-socket.ts';
import { Preface, refuseConnection } from './preface.ts';
import type { ProxyHeader } from './proxy-protocol.ts';
import { replyFor } from './replies.ts';
import { recordRefusal } from './request-record.ts';
import { createServer } from './server.ts';
import { passOn } from './tcp/accept-stream.ts';
import { arrivalOf } from './tcp/arrival.ts';
import type { ConnectionTls } from './tls/connection-tls.ts';
import { Opening } from './tls/opening.ts';

export function createHttpServer(listener: ListenerFacts, engine: Engine): net.Server {
  // TLS and HTTP/2 are Node's, which read by themselves.
  const readBuffer = listener.scheme === 'http' && !listener.http2 ? engine.readBuffer : null;
  return createServer({ pauseOnConnect: false, readBuffer }, (socket) => accept(socket, listener, engine));
}

/** What becomes of a connection that the kernel has accepted. */
function accept(socket: net.Socket, listener: ListenerFacts, engine: Engine): void {
  const peer = peerAt(plainAddress(socket.remoteAddress ?? ''), engine);
  // A PROXY header is believed from nobody else, and without one there is no client to answer.
  if (listener.proxyProtocol && !peer.isTrusted) {
    refuseConnection(listener, engine);
    socket.destroy();
    return;
  }
  const reason = engine.admission.refusal(engine.openConnections);
  if (reason !== null) {
    if (listener.scheme === 'http') return refuse(socket, listener, peer, engine, reason);
    // An answer would take a handshake, which costs more than anything else a connection can ask for.
    refuseConnection(listener, engine);
    return void socket.destroy();
  }
  if (!listener.proxyProtocol) return begin(socket, null, null, listener, peer, engine);
  new Preface(socket, listener, engine, (header, rest) => {
    const { source } = header;
    const behind = source === null ? peer : peerAt(plainAddress(source.address), engine);
    begin(socket, header, rest.length === 0 ? null : rest, listener, behind, engine);
  });
}

/** `rest` has been received already. */
function begin(
  socket: net.Socket,
  header: ProxyHeader | null,
  rest: Buffer | null,
  listener: ListenerFacts,
  peer: Peer,
  engine: Engine,
): void {
  if (listener.scheme === 'http' && listener.http2) {
    const opening = new PriorKnowledge(socket, engine, (isHttp2, bytes) => {
      if (!isHttp2) return void enter(socket, listener, peer, engine, null)?.onData(bytes);
      enterHttp2(socket, bytes, listener, peer, engine, null);
    });
    if (rest !== null) opening.onData(rest);
    return;
  }
  if (listener.scheme === 'http') {
    const client = enter(socket, listener, peer, engine, null);
    if (rest !== null) client?.onData(rest);
    return;
  }
  const opening = new Opening(socket, listener, engine, {
    onHello: (hello, received) =>
      passOn(socket, { ...arrivalOf(socket, listener, peer, header, received), hello }, engine),
    onResult: (result) =>
      engine.recorder.add(Family.handshakes, HANDSHAKES.indexOf(result), listener.index, 1),
    onSecure: (secure, tls) => {
      if (secure.alpnProtocol !== 'h2') return void enter(secure, listener, peer, engine, tls);
      enterHttp2(secure, null, listener, peer, engine, tls);
    },
    onPlain: (plain) => refuse(plain, listener, peer, engine, 'bad_request'),
  });
  if (rest !== null) opening.onData(rest);
}

function peerAt(address: string, engine: Engine): Peer {
  return { address, isTrusted: engine.trustedProxies.has(address) };
}

/** There is room, and it is known who comes. */
function enter(
  socket: net.Socket,
  listener: ListenerFacts,
  peer: Peer,
  engine: Engine,
  tls: ConnectionTls | null,
): ClientConnection | null {
  const reason = engine.admission.refusalOf(peer);
  if (reason === null) return new ClientConnection(socket, listener, peer, engine, tls);
  refuse(socket, listener, peer, engine, reason);
  return null;
}

/** The same for HTTP/2, where `rest` has been received already. A client beyond its limit is not told why. */
function enterHttp2(
  socket: net.Socket,
  rest: Buffer | null,
  listener: ListenerFacts,
  peer: Peer,
  engine: Engine,
  tls: ConnectionTls | null,
): void {
  if (engine.admission.refusalOf(peer) !== null) {
    refuseConnection(listener, engine);
    return void socket.destroy();
  }
  disown(socket);
  socket.pause();
  if (rest !== null) socket.unshift(rest);
  new Http2Connection(socket, listener, peer, engine, tls);
}

/** Whoever overloads us costs us one write: the request is not read. */
function refuse(
  socket: net.Socket,
  listener: ListenerFacts,
  peer: Peer,
  engine: Engine,
  reason: Reason,
): void {
  const reply = replyFor(reason, { method: '', accept: '', keepAlive: false, minor: 1 });
  recordRefusal({ engine, listener, peer, tls: null }, reason, reply);
  new Farewell(socket, reply.text, engine);
}
