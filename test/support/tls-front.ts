/** TLS in front of a test upstream: ends it and passes the bytes on. */
import { once } from 'node:events';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { createServer, type TlsOptions } from 'node:tls';
import type { Certificate } from '../../tls/certificate.ts';

export interface Handshake {
  readonly serverName: string | false;
  readonly protocol: string | false | null;
  readonly isResumed: boolean;
  /** Common name of the client's certificate; empty without one. */
  readonly client: string;
}

export interface TlsFront {
  readonly port: number;
  /** Those that succeeded, in order. */
  readonly handshakes: Handshake[];
  /** Ends the connections there are. */
  cut(): void;
  close(): Promise<void>;
}

export async function startTlsFront(
  port: number,
  { certPem, keyPem }: Certificate,
  options: TlsOptions = {},
): Promise<TlsFront> {
  const handshakes: Handshake[] = [];
  const sockets = new Set<Socket>();
  const server = createServer(
    { cert: certPem, key: keyPem, allowHalfOpen: true, ALPNProtocols: ['http/1.1'], ...options },
    (secure) => {
      const plain = connect({ port, host: '127.0.0.1', allowHalfOpen: true, noDelay: true });
      handshakes.push({
        serverName: (secure as { servername?: string | false }).servername ?? false,
        protocol: secure.alpnProtocol,
        isResumed: secure.isSessionReused(),
        client: String(secure.getPeerCertificate()?.subject?.CN ?? ''),
      });
      for (const [from, to] of [
        [secure, plain],
        [plain, secure],
      ] as const) {
        from.pipe(to);
        from.on('error', () => to.destroy());
        from.on('close', () => to.destroy());
      }
    },
  );
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  server.on('tlsClientError', () => {});
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const cut = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    port: (server.address() as AddressInfo).port,
    handshakes,
    cut,
    async close() {
      const closed = once(server, 'close');
      server.close();
      cut();
      await closed;
    },
  };
}
