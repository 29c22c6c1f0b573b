/** The instances behind the router: Node's own HTTP server, because it keeps nothing of what it has answered. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { WebSocketServer } from 'ws';
import { reset } from '../../src/data/owned-socket.ts';
import { payload } from './payload.ts';

export class FleetMember {
  readonly name: string;
  port = 0;
  #server: Server | null = null;
  readonly #sockets = new Set<Socket>();

  constructor(name: string) {
    this.name = name;
  }

  /** Listens, on the same port as before. */
  async start(): Promise<void> {
    const server = createServer((request, response) => answer(request, response));
    server.on('connection', (socket) => {
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
    });
    server.on('upgrade', upgrade);
    // What rough clients leave behind arrives here as errors.
    server.on('clientError', (_error, socket) => socket.destroy());
    server.listen(this.port, '127.0.0.1');
    await once(server, 'listening');
    this.port = (server.address() as AddressInfo).port;
    this.#server = server;
  }

  get isRunning(): boolean {
    return this.#server !== null;
  }

  get connections(): number {
    return this.#sockets.size;
  }

  /** As a crash does it: every connection is reset. */
  async kill(): Promise<void> {
    const server = this.#server;
    this.#server = null;
    if (server === null) return;
    for (const socket of this.#sockets) reset(socket);
    await new Promise((resolve) => server.close(resolve));
  }
}

/**
 * `GET /bytes/N/SEED`: a body with its length; `/chunked/N/SEED`: without; `/late/MS`: after a while; `POST /`: the body
 * back, at once; `POST
 * /whole`: nothing, once all of it is there.
 */
function answer(request: IncomingMessage, response: ServerResponse): void {
  response.on('error', () => {});
  request.on('error', () => {});
  const [, what = '', first = '', second = ''] = request.url!.split('/');
  const body = request.method === 'POST' ? null : payload(Number(first) || 0, Number(second) || 0);
  if (what === 'whole') {
    const parts: Buffer[] = [];
    request
      .on('data', (part: Buffer) => parts.push(part))
      .on('end', () => response.end(Buffer.concat(parts)));
  } else if (body === null) {
    const { 'content-length': length } = request.headers;
    response.writeHead(200, length === undefined ? {} : { 'content-length': length });
    request.pipe(response);
  } else if (what === 'late') {
    setTimeout(() => response.end('late'), Number(first));
  } else if (what === 'chunked') {
    response.write(body.subarray(0, body.length >> 1));
    response.end(body.subarray(body.length >> 1));
  } else {
    response.setHeader('content-length', body.length);
    response.end(body);
  }
}

const webSockets = new WebSocketServer({ noServer: true });

/** `Upgrade: websocket` echoes messages, `Upgrade: echo` bytes; the latter says goodbye after the last one. */
function upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
  socket.on('error', () => {});
  if (request.headers.upgrade === 'websocket') {
    webSockets.handleUpgrade(request, socket, head, (client) => {
      client.on('error', () => {});
      client.on('message', (data, binary) => {
        if (!binary && String(data) === 'leave') client.close(4000, 'as told');
        else client.send(data, { binary });
      });
    });
    return;
  }
  socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n');
  socket.write(head);
  if (request.url === '/first') socket.end('first');
  socket.on('data', (bytes) => request.url !== '/first' && socket.write(bytes));
  socket.on('end', () => request.url !== '/first' && socket.end('bye'));
}
