/** ClientHellos: real ones from Node's client, and ones put together byte by byte. */
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { type ConnectionOptions, connect } from 'node:tls';

/** The first bytes a TLS client sends. */
export async function realHello(options: ConnectionOptions): Promise<Buffer> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const client = connect({ port: (server.address() as AddressInfo).port, host: '127.0.0.1', ...options });
  client.on('error', () => {});
  const [socket] = await once(server, 'connection');
  const [bytes] = (await once(socket, 'data')) as [Buffer];
  client.destroy();
  socket.destroy();
  server.close();
  return bytes;
}

export interface HelloParts {
  version?: number[];
  sessionId?: Buffer;
  suites?: Buffer;
  compression?: Buffer;
  /** Null leaves them out altogether. */
  extensions?: Buffer | null;
}

export function u16(value: number): Buffer {
  return Buffer.from([value >> 8, value & 255]);
}

function vector8(data: Buffer): Buffer {
  return Buffer.concat([Buffer.from([data.length]), data]);
}

export function vector16(data: Buffer): Buffer {
  return Buffer.concat([u16(data.length), data]);
}

export function extension(type: number, data: Buffer): Buffer {
  return Buffer.concat([u16(type), vector16(data)]);
}

export function serverName(name: string | Buffer): Buffer {
  return extension(0, vector16(Buffer.concat([Buffer.from([0]), vector16(Buffer.from(name))])));
}

export function alpn(...protocols: string[]): Buffer {
  return extension(16, vector16(Buffer.concat(protocols.map((name) => vector8(Buffer.from(name))))));
}

/** The handshake message, with its head and without records. */
export function helloMessage(parts: HelloParts = {}): Buffer {
  const { version = [3, 3], sessionId = Buffer.alloc(32, 7), extensions = serverName('a.test') } = parts;
  const body = Buffer.concat([
    ...[Buffer.from(version), Buffer.alloc(32, 9), vector8(sessionId)],
    ...[vector16(parts.suites ?? u16(0x1301)), vector8(parts.compression ?? Buffer.from([0]))],
    ...(extensions === null ? [] : [vector16(extensions)]),
  ]);
  return Buffer.concat([Buffer.from([1, 0]), u16(body.length), body]);
}

/** In records of at most `size` bytes each. */
export function records(message: Buffer, size = 16_384): Buffer {
  const pieces: Buffer[] = [];
  for (let at = 0; at < message.length; at += size) {
    pieces.push(Buffer.from([22, 3, 1]), vector16(message.subarray(at, at + size)));
  }
  return Buffer.concat(pieces);
}
