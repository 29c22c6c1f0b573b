/** Lets clients that know no TLS speak with a TLS listener: what they send and how they end goes through unchanged. */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';

export interface Bridge {
  readonly port: number;
  close(): void;
}

export async function startBridge(to: number): Promise<Bridge> {
  const open = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (plain) => {
    const below = connect({ port: to, host: '127.0.0.1', allowHalfOpen: true, noDelay: true });
    const secure = connectTls({ socket: below, rejectUnauthorized: false, ALPNProtocols: ['http/1.1'] });
    const ends = [
      { socket: plain, reset: () => plain.resetAndDestroy() },
      { socket: secure, reset: () => below.resetAndDestroy() },
    ] as const;
    for (const [index, { socket, reset }] of ends.entries()) {
      const other = ends[1 - index]!;
      open.add(socket);
      socket.pipe(other.socket);
      socket.on('error', other.reset);
      socket.on('close', () => {
        open.delete(socket);
        // After an orderly end `pipe` has ended the other side; anything else is an abort.
        if (!socket.readableEnded) other.reset();
      });
      if (socket === secure) below.on('error', () => reset());
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    close() {
      server.close();
      for (const socket of open) socket.destroy();
    },
  };
}
