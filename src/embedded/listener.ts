import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';

/** Head limits as a Go server's: more is refused before any of our code runs. */
const MAX_HEAD_BYTES = 32 * 1024;

/** A listening address that can be shut and opened again, with all its sockets in hand. */
export interface Listener {
  readonly port: number;
  /** Open client connections. */
  readonly connections: number;
  listen(): Promise<void>;
  /** Stops listening and kills every socket. */
  shut(): Promise<void>;
  dropSockets(): void;
}

/** Listens on `host:port`; port 0 takes a free one and keeps it. */
export function createListener(host: string, port: number, handle: RequestListener): Listener {
  const server = createServer({ maxHeaderSize: MAX_HEAD_BYTES, keepAliveTimeout: 0 }, handle);
  const sockets = new Set<Socket>();
  let bound = port;
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  const dropSockets = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    get port() {
      return bound;
    },
    get connections() {
      return sockets.size;
    },
    dropSockets,
    async listen() {
      if (server.listening) return;
      server.listen(bound, host);
      await once(server, 'listening');
      bound = (server.address() as AddressInfo).port;
    },
    async shut() {
      if (!server.listening) return;
      const closed = once(server, 'close');
      server.close();
      dropSockets();
      await closed;
    },
  };
}
