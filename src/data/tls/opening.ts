import type net from 'node:net';
import { TLSSocket, type TLSSocketOptions } from 'node:tls';
import { type Hello, readClientHello } from '../../../tls/client-hello.ts';
import { ACME_PROTOCOL, type Profile } from '../../../tls/profiles.ts';
import type { Handshake } from '../../shared/handshakes.ts';
import type { Timed } from '../deadlines.ts';
import type { Engine, ListenerFacts } from '../engine.ts';
import { Farewell } from '../farewell.ts';
import { kept } from '../outgoing.ts';
import { disown, layOver, own, type SocketOwner } from '../owned-socket.ts';
import { type ConnectionTls, connectionTls } from './connection-tls.ts';

/** What becomes of a connection to a TLS listener. */
export interface OpeningUser {
  /** True when the connection is passed on for its server name, with what has been received: TLS ends elsewhere. */
  onHello(hello: Hello, received: Buffer): boolean;
  /** How the connection began, told once. */
  onResult(result: Handshake): void;
  /** The handshake is done. The socket waits for its next owner. */
  onSecure(socket: TLSSocket, tls: ConnectionTls): void;
  /** The client speaks without TLS; nothing of what it said is kept. */
  onPlain(socket: net.Socket): void;
}

/** RFC 8446, 6: what a client is told before there is a handshake that could tell it. */
const Alert = { decodeError: 50, unrecognizedName: 112 } as const;

/**
 * A connection to a TLS listener until its handshake is done, within the time for handshakes. The ClientHello is read
 * first, so that name and protocol decide what the handshake is done with; then Node's TLS takes over the socket's handle
 * and the hello is given back to it.
 */
export class Opening implements Timed, SocketOwner {
  deadline: number;
  deadlineIndex = -1;
  readonly #listener: ListenerFacts;
  readonly #engine: Engine;
  readonly #user: OpeningUser;
  #socket: net.Socket;
  /** Null while the hello is read. */
  #secure: TLSSocket | null = null;
  #profile: Profile | null = null;
  #serverName = '';
  /** Bounded by what `readClientHello` takes for a hello. */
  #bytes: Buffer | null = null;
  /** Another look is worth its cost once so many are here. */
  #atLeast = 0;

  constructor(socket: net.Socket, listener: ListenerFacts, engine: Engine, user: OpeningUser) {
    this.#socket = socket;
    this.#listener = listener;
    this.#engine = engine;
    this.#user = user;
    this.deadline = engine.deadlines.now + engine.timeouts.handshakeMs;
    engine.prefaces.add(this);
    engine.deadlines.add(this);
    own(socket, this);
  }

  onData(chunk: Buffer): void {
    const bytes = this.#bytes === null ? kept(chunk) : Buffer.concat([this.#bytes, chunk]);
    this.#bytes = bytes;
    if (bytes.length < this.#atLeast) return;
    const hello = readClientHello(bytes);
    switch (hello.kind) {
      case 'need-more':
        this.#atLeast = hello.atLeast;
        return;
      case 'not-tls':
        return this.#refusePlain(bytes);
      case 'malformed':
        return this.#refuse('bad_hello', Alert.decodeError);
      case 'hello':
        if (!this.#engine.table.hasSharedNames || !this.#user.onHello(hello, bytes))
          return this.#begin(hello, bytes);
        return this.#leave();
    }
  }

  /** Text gets an answer that its sender can read; other protocols could take one for theirs. */
  #refusePlain(bytes: Buffer): void {
    this.#count('plaintext');
    if (!isUpperCase(bytes[0]!)) return this.destroy();
    this.#leave();
    this.#user.onPlain(this.#socket);
  }

  #refuse(result: Handshake, alert: number): void {
    this.#count(result);
    this.#leave();
    new Farewell(this.#socket, `\x15\x03\x03\x00\x02\x02${String.fromCharCode(alert)}`, this.#engine);
  }

  #begin({ serverName: name, alpn }: Hello, bytes: Buffer): void {
    const serverName = name ?? '';
    const { profiles } = this.#engine;
    const isChallenge = alpn.length === 1 && alpn[0] === ACME_PROTOCOL;
    const { unknownNames } = this.#engine;
    if (unknownNames !== null && !profiles.certificates.has(serverName)) unknownNames.add(serverName);
    const profile =
      (isChallenge ? profiles.challengeFor(serverName) : null) ?? profiles.profileFor(serverName);
    if (profile === null) return this.#refuse('unknown_name', Alert.unrecognizedName);
    this.#serverName = serverName;
    this.#profile = profile;
    this.#bytes = null;
    const socket = this.#socket;
    disown(socket);
    socket.pause();
    socket.unshift(bytes);
    // Over a socket with a handle, so that records are read and written without JavaScript in between.
    const secure = new TLSSocket(socket, isChallenge ? profile.options : this.#optionsOf(profile));
    this.#secure = secure;
    this.#socket = secure;
    layOver(secure, socket);
    own(secure, this);
    secure.on('secure', () => this.#onSecure(secure));
    // Without a `tls.Server`, what fails later is told by this event alone.
    secure.on('_tlsError', () => secure.destroy());
  }

  /** What is inside is HTTP, in the versions that the listener speaks; of a port that routes have opened nobody knows. */
  #optionsOf({ options }: Profile): TLSSocketOptions {
    const { http2, tcpPort } = this.#listener;
    if (tcpPort !== 0) return { ...options, ALPNProtocols: undefined };
    return http2 ? options : { ...options, ALPNProtocols: ['http/1.1'] };
  }

  #onSecure(secure: TLSSocket): void {
    if (this.#hasLeft) return;
    if (!isAuthorized(secure, this.#profile!)) return this.#fail('client_certificate');
    if (secure.alpnProtocol === ACME_PROTOCOL) {
      this.#count('acme');
      this.#leave();
      return void new Farewell(secure, '', this.#engine);
    }
    this.#count(secure.isSessionReused() ? 'resumed' : 'full');
    this.#leave();
    secure.disableRenegotiation();
    // A `tls.Server` would say so; `node:http2` waits for it.
    (secure as { secureConnecting?: boolean }).secureConnecting = false;
    this.#user.onSecure(secure, connectionTls(secure, this.#serverName, this.#profile!));
  }

  onDrain(): void {}

  onEnd(): void {
    this.#fail('gone');
  }

  onError(error: NodeJS.ErrnoException): void {
    this.#fail(resultOf(error));
  }

  onClose(): void {
    this.#fail('gone');
  }

  expire(): void {
    this.#fail('timeout');
  }

  #fail(result: Handshake): void {
    // Balancers look whether we are there by connecting and leaving.
    const wasSilent = result === 'gone' && this.#secure === null && this.#bytes === null;
    if (!this.#hasLeft && !wasSilent) this.#count(result);
    this.destroy();
  }

  #count(result: Handshake): void {
    this.#user.onResult(result);
  }

  get #hasLeft(): boolean {
    return !this.#engine.prefaces.has(this);
  }

  #leave(): void {
    this.#engine.prefaces.delete(this);
    this.#engine.deadlines.remove(this);
  }

  destroy(): void {
    if (this.#hasLeft) return;
    this.#leave();
    this.#socket.destroy();
  }
}

function isUpperCase(c: number): boolean {
  return c >= 0x41 && c <= 0x5a;
}

function resultOf({ code = '' }: NodeJS.ErrnoException): Handshake {
  if (code === 'ERR_SSL_NO_APPLICATION_PROTOCOL') return 'no_protocol';
  if (code === 'ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE') return 'client_certificate';
  return code === 'ECONNRESET' || code === 'EPIPE' ? 'gone' : 'failed';
}

/**
 * Whether the client's certificate, where one is asked for, is one of ours. Node asks OpenSSL to go on after a bad one and
 * leaves the verdict to whoever made the socket; a missing verdict is a bad one.
 */
function isAuthorized(socket: TLSSocket, { clientAuth }: Profile): boolean {
  if (clientAuth === null) return true;
  if (socket.getPeerX509Certificate() === undefined) return clientAuth.mode === 'optional';
  const { ssl } = socket as unknown as { readonly ssl?: { verifyError(): Error | null } | null };
  return ssl?.verifyError() === null;
}
