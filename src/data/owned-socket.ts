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

/** Gives a socket back as it was before `own`: somebody else listens to its events from then on. */
export function disown(socket: net.Socket): void {
  delete (socket as Partial<OwnedSocket>).owner;
  socket.off('data', onData);
  socket.off('end', onEnd);
  socket.off('drain', onDrain);
  socket.off('error', onError);
  socket.off('close', onClose);
}

/** Abortive close, so that the peer cannot take what it has for complete. */
export function reset(socket: net.Socket): void {
  // A TLS socket has no reset; there the missing close_notify says the same.
  if ('encrypted' in socket) socket.destroy();
  else socket.resetAndDestroy();
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
