import { createServer, type IncomingMessage, type Server } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';

/** What `node:http` makes of the bytes of one connection: its first request, or why there was none. */
export type NodeReading =
  | {
      readonly kind: 'request';
      readonly method: string;
      readonly url: string;
      /** As far as it came. */
      readonly body: Buffer;
      readonly isComplete: boolean;
    }
  | { readonly kind: 'refused'; readonly code: string };

/** The server's side of a connection. */
interface Connection {
  readonly port: number;
  /** Says what has come of the first request so far. */
  finish: (() => void) | null;
}

interface Client {
  readonly socket: Socket;
  readonly resolve: (reading: NodeReading) => void;
}

/** A bare server on loopback, with no limit of its own in the way. */
export class NodeServer {
  readonly #server: Server;
  readonly #connections = new WeakMap<Duplex, Connection>();
  /** By their port, until the server has said what it read. */
  readonly #clients = new Map<number, Client>();

  private constructor() {
    const server = createServer({ maxHeaderSize: 1 << 20 });
    server.maxHeadersCount = 0;
    server.on('connection', (socket) => {
      this.#connections.set(socket, { port: socket.remotePort!, finish: null });
    });
    server.on('request', (request) => this.#onRequest(request));
    server.on('connect', (request) => this.#onRequest(request));
    server.on('checkExpectation', (request) => this.#refuse(request.socket, 'EXPECTATION'));
    server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
      this.#refuse(socket, error.code ?? error.message);
    });
    this.#server = server;
  }

  static async start(): Promise<NodeServer> {
    const server = new NodeServer();
    await new Promise<void>((resolve) => server.#server.listen(0, '127.0.0.1', resolve));
    return server;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  /** Sends the bytes on a connection of their own, and that there are no more. */
  read(bytes: Buffer): Promise<NodeReading> {
    return new Promise((resolve) => {
      const { port } = this.#server.address() as AddressInfo;
      const socket = connect(port, '127.0.0.1', () => {
        this.#clients.set(socket.localPort!, { socket, resolve });
        socket.end(bytes);
      });
      // The server answers some requests without telling anybody.
      let answer = '';
      socket.setEncoding('latin1').on('data', (text: string) => {
        answer += text;
      });
      socket.on('error', () => {});
      socket.on('close', () => resolve({ kind: 'refused', code: answer.slice(9, 12) || 'CLOSED' }));
    });
  }

  #onRequest(request: IncomingMessage): void {
    const { socket, method, url } = request;
    const connection = this.#connections.get(socket)!;
    if (connection.finish !== null) return;
    const chunks: Buffer[] = [];
    connection.finish = () => {
      const { complete: isComplete } = request;
      const body = Buffer.concat(chunks);
      this.#done(socket, { kind: 'request', method: method!, url: url!, body, isComplete });
    };
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('error', () => {});
    request.on('end', connection.finish);
    request.on('close', connection.finish);
  }

  /** Of what comes after the first request, only its body is of interest: it gets a moment to arrive. */
  #refuse(socket: Duplex, code: string): void {
    const finish = this.#connections.get(socket)?.finish;
    if (finish) setImmediate(finish);
    else this.#done(socket, { kind: 'refused', code });
  }

  /** What is said first counts. */
  #done(socket: Duplex, reading: NodeReading): void {
    const port = this.#connections.get(socket)?.port ?? -1;
    const client = this.#clients.get(port);
    this.#clients.delete(port);
    client?.resolve(reading);
    client?.socket.resetAndDestroy();
    socket.destroy();
  }
}
