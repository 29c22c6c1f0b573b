import net from 'node:net';
import { MAX_JOINED } from './outgoing.ts';
import type { OwnedSocket } from './owned-socket.ts';
import { ReadBuffer } from './read-buffer.ts';

/** A whole read that leaves at once is no reason to pause, which the default of one read's size would make it. */
const MAX_UNSENT = 128 * 1024;

export interface ServerOptions {
  /** Nothing is read before the socket is resumed. */
  readonly pauseOnConnect: boolean;
  /** What sockets read into, one after the other; null where something else than their owner reads from them. */
  readonly readBuffer: Buffer | null;
}

/** The handle of a listening server: what the kernel has accepted is handed to it. */
interface Listening {
  onconnection?: (this: unknown, status: number, client?: object) => void;
}

/**
 * A server whose connections are half-open, so that each direction can end by itself, and do not wait to fill packets.
 * With a `readBuffer` their owner is lent what they read: bytes up to `MAX_JOINED` are to be copied if they are kept.
 *
 * Node has `onread` for sockets that connect, not for those that are accepted, and the buffer of 64 KiB that it makes for
 * every read costs an eighth of a small request. So the handles that libuv has accepted are made sockets here. `handle` is
 * an option without documentation; a Node that no longer has these names gets its usual sockets, which are as good, and slower.
 */
export function createServer(options: ServerOptions, onSocket: (socket: net.Socket) => void): net.Server {
  const { pauseOnConnect, readBuffer } = options;
  const server = net.createServer({ allowHalfOpen: true, noDelay: true, pauseOnConnect }, onSocket);
  if (readBuffer === null) return server;
  server.on('listening', () => {
    const handle = (server as net.Server & { _handle?: Listening })._handle;
    const usual = handle?.onconnection;
    if (usual === undefined) return;
    handle!.onconnection = function (status, client) {
      if (status !== 0 || client === undefined) return usual.call(this, status, client);
      onSocket(socketOf(client, pauseOnConnect, new ReadBuffer(readBuffer)));
    };
  });
  return server;
}

function socketOf(handle: object, pauseOnCreate: boolean, input: ReadBuffer): net.Socket {
  const onread = { buffer: () => input.next(), callback: onRead };
  const options = { handle, allowHalfOpen: true, pauseOnCreate, onread, writableHighWaterMark: MAX_UNSENT };
  const socket = new net.Socket(options as net.SocketConstructorOpts) as OwnedSocket;
  socket.input = input;
  socket.setNoDelay(true);
  return socket;
}

/** Shared by all, and told which socket it is. */
function onRead(this: OwnedSocket, length: number): boolean {
  const { owner, input } = this;
  owner?.onData(input!.take(length, MAX_JOINED));
  input!.settle(true);
  return true;
}
