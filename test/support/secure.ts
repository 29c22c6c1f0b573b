/** TLS clients for tests: a handshake, and requests over it. */
import { once } from 'node:events';
import { connect as connectPlain, type Socket } from 'node:net';
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls';
import { ByteReader, type RawResponse, readResponse } from './client.ts';

export interface Shaken {
  readonly socket: TLSSocket;
  /** Common name of the certificate that was shown. */
  readonly name: string;
  readonly version: string;
  readonly isResumed: boolean;
  readonly protocol: string | false | null;
  /** The latest session the server gave. */
  session(): Promise<Buffer>;
  request(head: string): Promise<RawResponse>;
  close(): void;
}

/** Resolves when the handshake is done; rejects with OpenSSL's code when it fails. */
export async function shake(port: number, options: ConnectionOptions = {}): Promise<Shaken> {
  const socket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false, ...options });
  let latest: Buffer | undefined;
  socket.on('session', (session) => {
    latest = session;
  });
  await once(socket, 'secureConnect');
  socket.on('error', () => {});
  const reader = new ByteReader(socket);
  return {
    socket,
    name: String(socket.getPeerCertificate().subject?.CN ?? ''),
    version: socket.getProtocol() ?? '',
    isResumed: socket.isSessionReused(),
    protocol: socket.alpnProtocol,
    session: async () => {
      if (latest === undefined) await once(socket, 'session');
      return latest!;
    },
    async request(head) {
      socket.write(head);
      const response = await readResponse(reader, head.slice(0, head.indexOf(' ')));
      if (response === undefined) throw reader.error ?? new Error('no response');
      return response;
    },
    close: () => socket.destroy(),
  };
}

/** The code a handshake fails with; `ok` when it does not. */
export async function failureOf(port: number, options: ConnectionOptions = {}): Promise<string> {
  try {
    const shaken = await shake(port, options);
    shaken.close();
    return 'ok';
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? String(error);
  }
}

/** All that comes back for these bytes until the end. */
export async function exchange(port: number, ...pieces: readonly (string | Buffer)[]): Promise<Buffer> {
  const socket = connectPlain({ port, host: '127.0.0.1', noDelay: true });
  const chunks: Buffer[] = [];
  socket.on('data', (chunk) => chunks.push(chunk));
  socket.on('error', () => {});
  await once(socket, 'connect');
  for (const piece of pieces) {
    socket.write(piece);
    await new Promise(setImmediate);
  }
  if (!socket.closed) await once(socket, 'close');
  return Buffer.concat(chunks);
}

/** The bytes a TLS client begins with. */
export async function helloBytes(options: ConnectionOptions = {}): Promise<Buffer> {
  const { createServer } = await import('node:net');
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  const client = connect({ port, host: '127.0.0.1', ...options });
  client.on('error', () => {});
  const [socket] = (await once(server, 'connection')) as [Socket];
  const [bytes] = (await once(socket, 'data')) as [Buffer];
  client.destroy();
  socket.destroy();
  server.close();
  return bytes;
}
