import type net from 'node:net';
import type { ReadBuffer } from './read-buffer.ts';

/** What a connection does about its socket's events. */
export interface SocketOwner {
  onData(chunk: Buffer): void;
  onEnd(): void;
  onDrain(): void;
  onError(error: Error): void;
  onClose(): void;
}

/** Listeners are shared functions and the socket knows its owner: no closures per connection. */
export interface OwnedSocket extends net.Socket {
  owner: SocketOwner | undefined;
  /** The TCP socket that a TLS socket reads and writes: the only one that can be reset. */
  below?: net.Socket;
  /** What it reads into, where it does not emit its bytes. */
  input?: ReadBuffer;
}

/** Also hands a socket over: its events go to the new owner from then on. */
export function own(socket: net.Socket, owner: SocketOwner): void {
  if ((socket as OwnedSocket).owner === undefined) socket.on('data', onData);
  ownSilent(socket, owner);
}

/** The same for a socket that hands over what it reads in another way (`onread`). */
export function ownSilent(socket: net.Socket, owner: Omit<SocketOwner, 'onData'>): void {
  const owned = socket as OwnedSocket;
  const hadOwner = owned.owner !== undefined;
  owned.owner = owner as SocketOwner;
  if (hadOwner) return;
  socket.on('end', onEnd);
  socket.on('drain', onDrain);
  socket.on('error', onError);
  socket.on('close', onClose);
}

/** Tells what a TLS socket works on. */
export function layOver(secure: net.Socket, below: net.Socket): void {
  (secure as OwnedSocket).below = below;
}

/** Before something else takes over the socket: its events go to nobody here any more. */
export function disown(socket: net.Socket): void {
  (socket as OwnedSocket).owner = undefined;
  socket.off('data', onData);
  socket.off('end', onEnd);
  socket.off('drain', onDrain);
  socket.off('error', onError);
  socket.off('close', onClose);
}

/** Abortive close, so that the peer cannot take what it has for complete. */
export function reset(socket: net.Socket): void {
  const { below = socket } = socket as OwnedSocket;
  if (isEnding(below)) below.destroy();
  else below.resetAndDestroy();
}

/**
 * Everything is sent and the FIN is on its way out. libuv refuses a reset in that moment (EINVAL), and Node then keeps the
 * handle open for good: a descriptor is lost, and a worker that has such a handle never ends (measured, Node 24).
 */
function isEnding(socket: net.Socket): boolean {
  return socket.writableEnded && !socket.writableFinished && socket.writableLength === 0;
}

function onData(this: OwnedSocket, chunk: Buffer): void {
  this.owner!.onData(chunk);
}

function onEnd(this: OwnedSocket): void {
  this.owner!.onEnd();
}

function onDrain(this: OwnedSocket): void {
  this.owner!.onDrain();
}

function onError(this: OwnedSocket, error: Error): void {
  this.owner!.onError(error);
}

function onClose(this: OwnedSocket): void {
  this.owner!.onClose();
}
