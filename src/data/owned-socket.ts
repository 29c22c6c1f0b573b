import type net from 'node:net';

/** What a connection does about its socket's events. */
export interface SocketOwner {
  onData(chunk: Buffer): void;
  onEnd(): void;
  onDrain(): void;
  onError(): void;
  onClose(): void;
}

/** Listeners are shared functions and the socket knows its owner: no closures per connection. */
interface OwnedSocket extends net.Socket {
  owner: SocketOwner;
}

/** Also hands a socket over: its events go to the new owner from then on. */
export function own(socket: net.Socket, owner: SocketOwner): void {
  const owned = socket as OwnedSocket;
  const hadOwner = owned.owner !== undefined;
  owned.owner = owner;
  if (hadOwner) return;
  socket.on('data', onData);
  socket.on('end', onEnd);
  socket.on('drain', onDrain);
  socket.on('error', onError);
  socket.on('close', onClose);
}

/** Abortive close, so that the peer cannot take what it has for complete. */
export function reset(socket: net.Socket): void {
  // A TLS socket has no reset; there the missing close_notify says the same.
  if ('encrypted' in socket || isEnding(socket)) socket.destroy();
  else socket.resetAndDestroy();
}

/**
 * Everything is sent and the FIN is on its way out. libuv refuses a reset in that moment (EINVAL), and Node then keeps the
 * handle open for good: a descriptor is lost, and a worker that has such a handle never ends (measured, Node 24).
 */
function isEnding(socket: net.Socket): boolean {
  return socket.writableEnded && !socket.writableFinished && socket.writableLength === 0;
}

function onData(this: OwnedSocket, chunk: Buffer): void {
  this.owner.onData(chunk);
}

function onEnd(this: OwnedSocket): void {
  this.owner.onEnd();
}

function onDrain(this: OwnedSocket): void {
  this.owner.onDrain();
}

function onError(this: OwnedSocket): void {
  this.owner.onError();
}

function onClose(this: OwnedSocket): void {
  this.owner.onClose();
}
