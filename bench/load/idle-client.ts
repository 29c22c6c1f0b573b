/** Connections that ask once and then do nothing: as sockets, so that thousands of them cost us little. */
import { connect, type Socket } from 'node:net';
import { connect as connectTls, createSecureContext } from 'node:tls';
import { Flag, frame, headers, PREFACE, Type } from '../../test/support/http2-frames.ts';
import { type ClosedWork, HOST } from '../works.ts';
import { clientOptions } from './tls-client.ts';

const GOOD = 'HTTP/1.1 200 ';
const TIMEOUT_MS = 10_000;
const secureContext = createSecureContext(clientOptions);

/** Resolves when the small answer is there. */
export function openIdle(port: number, { door, asking }: ClosedWork): Promise<Socket> {
  const { promise, resolve, reject } = Promise.withResolvers<Socket>();
  const socket = door === 'https' ? openSecure(port, asking === 'http2') : connect(port, '127.0.0.1');
  socket.setTimeout(TIMEOUT_MS, () => reject(new Error('an idle connection got no answer within 10 s')));
  socket.on('error', reject);
  socket.on('close', () => reject(new Error('an idle connection was closed')));
  const done = (): void => {
    socket.setTimeout(0);
    resolve(socket);
  };
  if (asking === 'http2') askHttp2(socket, done);
  else {
    // The small body comes with its head.
    socket.once('data', (bytes: Buffer) => {
      if (bytes.toString('latin1', 0, GOOD.length) === GOOD) done();
      else socket.destroy(new Error('an idle connection got another answer than 200'));
    });
    socket.write(`GET / HTTP/1.1\r\nHost: ${HOST}\r\n\r\n`);
  }
  return promise;
}

function openSecure(port: number, isHttp2: boolean): Socket {
  const ALPNProtocols = [isHttp2 ? 'h2' : 'http/1.1'];
  const options = { port, host: '127.0.0.1', servername: HOST, secureContext, ALPNProtocols };
  return connectTls({ ...options, rejectUnauthorized: false });
}

const ASK = Buffer.concat([
  PREFACE,
  frame(Type.settings, 0, 0),
  headers(1, [
    [':method', 'GET'],
    [':scheme', 'https'],
    [':path', '/'],
    [':authority', HOST],
  ]),
]);
const SETTINGS_ACK = frame(Type.settings, Flag.ack, 0);
const HEAD_BYTES = 9;

/** Settings are confirmed (RFC 9113, 6.5.3), all other frames passed over to the end of the stream. */
function askHttp2(socket: Socket, done: () => void): void {
  let bytes = Buffer.alloc(0);
  socket.on('data', (chunk: Buffer) => {
    bytes = Buffer.concat([bytes, chunk]);
    while (bytes.length >= HEAD_BYTES) {
      const end = HEAD_BYTES + bytes.readUIntBE(0, 3);
      if (bytes.length < end) return;
      const [type = 0, flags = 0] = bytes.subarray(3, 5);
      bytes = bytes.subarray(end);
      if (type === Type.settings && (flags & Flag.ack) === 0) socket.write(SETTINGS_ACK);
      if (type === Type.reset || type === Type.goaway)
        socket.destroy(new Error('an idle connection got no answer'));
      if (type === Type.data && (flags & Flag.endStream) !== 0) done();
    }
  });
  socket.write(ASK);
}
