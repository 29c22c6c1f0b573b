/**
 * A test upstream that speaks HTTP/1.1 over bare sockets, so that a test decides every byte and every moment
 * of an answer, and sees every byte the router sent. By default it answers 200 with its name.
 */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { type WebSocket, WebSocketServer } from 'ws';
import {
  ByteReader,
  type Field,
  field,
  framing,
  type Head,
  readBody,
  readHead,
  Truncated,
} from './client.ts';

/** A request as its handler sees it, and as it is recorded. */
export interface BackendRequest {
  method: string;
  target: string;
  fields: Field[];
  /** The exact head, up to and with its empty line. */
  head: string;
  trailers: Field[];
  /** Decoded body bytes read so far. */
  bodyBytes: number;
  complete: boolean; // the whole message has been read
  connection: number; // which one carried it, from 0
  header(name: string): string | undefined;
  /** The decoded body, pulled from the socket only as it is read; what a handler leaves is drained after it. */
  body: Readable;
}

export type Handler = (request: BackendRequest, reply: Reply) => unknown;

export interface BackendOptions {
  name: string;
  port?: number; // a free one unless given
  handler?: Handler;
  /** Announces and makes the close after this many requests of one connection. */
  keepAliveRequests?: number;
}

export interface Backend {
  readonly name: string;
  readonly port: number;
  readonly url: string;
  readonly requests: BackendRequest[];
  /** Those open now; `transcripts().length` is how many there ever were. */
  readonly connections: number;
  /** What no router may send, such as a malformed message; and errors thrown by handlers. */
  readonly violations: string[];
  /** May be replaced at any time. */
  handler: Handler;
  /** Every byte received, one buffer a connection (the first 4 MiB of each). */
  transcripts(): Buffer[];
  /** Stops listening, lets current requests finish (announcing the close), ends idle connections. */
  close(): Promise<void>;
  /** Stops listening and resets every connection. */
  kill(): Promise<void>;
  /** Hangs: the kernel goes on accepting, nothing is read or answered until `resume()`. */
  pause(): void;
  resume(): void;
}

export interface Message {
  status?: number;
  reason?: string;
  fields?: Field[];
  body?: string | Buffer | AsyncIterable<string | Buffer>;
  /** With `length`, a stream brings its own Content-Length field; `close` ends the connection. Default: `length`, chunked for a stream. */
  framing?: 'length' | 'chunked' | 'close';
  /** Sent after a chunked body. */
  trailers?: Field[];
}

type Origin = { name: string; reader: ByteReader; request: BackendRequest };

/** The answer to one request. `send` writes a whole one; the rest takes it apart. */
export class Reply {
  readonly socket: Socket;
  /** Ends the connection once the handler is done. */
  closing = false;
  upgraded = false;
  #of: Origin;

  constructor(socket: Socket, of: Origin) {
    this.socket = socket;
    this.#of = of;
  }

  /** A whole answer, with `x-instance`, and `x-load-id` back where one was sent. No body for HEAD, 204 and 304. */
  async send(message: Message = {}): Promise<void> {
    const { status = 200, body = this.#of.name, trailers = [] } = message;
    const whole = typeof body === 'string' || Buffer.isBuffer(body);
    const how = message.framing ?? (whole && trailers.length === 0 ? 'length' : 'chunked');
    const fields: Field[] = [...(message.fields ?? []), ['x-instance', this.#of.name]];
    const loadId = this.#of.request.header('x-load-id');
    if (loadId !== undefined) fields.push(['x-load-id', loadId]);
    if (how === 'close') this.closing = true;
    if (how === 'chunked') fields.push(['Transfer-Encoding', 'chunked']);
    if (how === 'length' && whole && status !== 204)
      fields.push(['Content-Length', `${Buffer.byteLength(body)}`]);
    if (this.closing) fields.push(['Connection', 'close']);
    await this.head(status, fields, message.reason);
    if (this.#of.request.method === 'HEAD' || status === 204 || status === 304) return;
    const write = (part: string | Buffer) => (how === 'chunked' ? this.chunk(part) : this.write(part));
    for await (const part of whole ? [body] : body) await write(part);
    if (how === 'chunked') await this.write(`0\r\n${lines(trailers)}\r\n`);
  }

  /** A head and nothing else, such as an interim answer. */
  head(status: number, fields: Field[] = [], reason = 'Test'): Promise<void> {
    return this.write(`HTTP/1.1 ${status} ${reason}\r\n${lines(fields)}\r\n`);
  }

  async chunk(part: string | Buffer): Promise<void> {
    const size = Buffer.from(`${Buffer.byteLength(part).toString(16)}\r\n`);
    if (part.length > 0) await this.write(Buffer.concat([size, Buffer.from(part as string), crlf]));
  }

  /** Bytes as they are, waiting while the peer does not read. */
  async write(bytes: string | Buffer): Promise<void> {
    if (this.socket.destroyed || this.socket.write(bytes)) return;
    await new Promise<void>((resolve) => this.socket.once('drain', resolve));
  }

  /** RST, at once. */
  reset(): void {
    this.socket.resetAndDestroy();
  }

  /** Takes the connection over for another protocol; returns bytes that came behind the head. */
  takeOver(): Buffer {
    this.upgraded = true;
    return this.#of.reader.detach();
  }
}

const crlf = Buffer.from('\r\n');
const lines = (fields: Field[]): string => fields.map(([name, value]) => `${name}: ${value}\r\n`).join('');

interface Connection {
  socket: Socket;
  reader: ByteReader;
  reply?: Reply; // in the making; none while idle
}

export async function startBackend(options: BackendOptions): Promise<Backend> {
  const { name, keepAliveRequests = Number.POSITIVE_INFINITY } = options;
  const open = new Set<Connection>();
  const readers: ByteReader[] = [];
  let stopping = false;
  let gate: PromiseWithResolvers<void> | undefined;

  /** Answers the requests of one connection, one after the other. */
  const serve = async (connection: Connection, index: number): Promise<void> => {
    const { socket, reader } = connection;
    for (let served = 1, closing = false; !closing; served += 1) {
      const head = await readHead(reader);
      if (!head) break;
      const request = record(head, reader, index);
      const reply = new Reply(socket, { name, reader, request });
      connection.reply = reply;
      reply.closing = stopping || served >= keepAliveRequests;
      backend.requests.push(request);
      await gate?.promise;
      await backend.handler(request, reply);
      if (reply.upgraded) return;
      closing = reply.closing || (request.body.destroyed && !request.complete);
      if (!closing && !request.complete) await drain(request.body);
      delete connection.reply;
    }
    socket.end().resume();
    reader.detach();
  };

  const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    const connection = { socket, reader: new ByteReader(socket) };
    open.add(connection);
    readers.push(connection.reader);
    socket.once('close', () => open.delete(connection) && socket.emit('drain')); // wakes who waits to write
    hold(connection, gate !== undefined);
    serve(connection, readers.length - 1).catch((error: Error) => {
      if (!(error instanceof Truncated)) backend.violations.push(error.message);
      socket.destroy();
    });
  });
  server.listen(options.port ?? 0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;

  const stop = async (end: (connection: Connection) => void): Promise<void> => {
    stopping = true;
    const done = new Promise((resolve) => server.close(resolve));
    for (const connection of open) end(connection);
    await Promise.race([done, sleep(closeLimitMs, undefined, { ref: false })]);
    for (const { socket } of open) socket.destroy();
    await done;
  };
  const setPaused = (paused: boolean): void => {
    if (!paused) gate?.resolve();
    gate = paused ? (gate ?? Promise.withResolvers()) : undefined;
    for (const connection of open) hold(connection, paused);
  };
  const backend: Backend = {
    ...{ name, port, url: `http://127.0.0.1:${port}`, requests: [], violations: [] },
    handler: options.handler ?? answerName,
    get connections() {
      return open.size;
    },
    transcripts: () => readers.map((reader) => reader.transcript()),
    close: () => stop(endSoftly),
    kill: () => stop(({ socket }) => socket.resetAndDestroy()),
    pause: () => setPaused(true),
    resume: () => setPaused(false),
  };
  return backend;
}

const closeLimitMs = 5000; // for peers to close their side, and for answers in the making

function endSoftly({ reply, socket }: Connection): void {
  if (reply) reply.closing = true;
  else socket.end();
}

function hold({ socket, reader }: Connection, held: boolean): void {
  reader.held = held;
  socket[held ? 'pause' : 'resume']();
}

async function drain(body: Readable): Promise<void> {
  for await (const _ of body);
}

/** Wraps a head as a request whose record is kept up to date while its body is read. */
function record(head: Head, reader: ByteReader, connection: number): BackendRequest {
  const [method = '', target = ''] = head.start.split(' ');
  const { fields, text } = head;
  const how = framing(fields, 'none');
  const body = Readable.from(reading(), { objectMode: false });
  body.on('error', () => {}); // Whoever reads it hears of it; unread, it must not end the process.
  const request: BackendRequest = {
    ...{ method, target, fields, head: text, trailers: [], bodyBytes: 0, complete: how === 'none' },
    ...{ connection, body, header: (name: string) => field(fields, name) },
  };
  async function* reading() {
    for await (const bytes of readBody(reader, how, request.trailers)) {
      request.bodyBytes += bytes.length;
      yield bytes;
    }
    request.complete = true;
  }
  return request;
}

/** Reads the whole request, then answers 200 with the instance's name. */
export const answerName: Handler = async (request, reply) => {
  if (request.header('expect') !== undefined) await reply.head(100);
  await drain(request.body);
  await reply.send();
};

/** Answers with `{bytes, sha256, trailers}` of the body it received. */
export const digestUpload: Handler = async (request, reply) => {
  if (request.header('expect') !== undefined) await reply.head(100);
  const hash = createHash('sha256');
  for await (const bytes of request.body) hash.update(bytes);
  const { bodyBytes: bytes, trailers } = request;
  await reply.send({ body: JSON.stringify({ bytes, sha256: hash.digest('hex'), trailers }) });
};

/** Sends a body of this size in 64 KiB writes, as fast as the peer reads; the framing as told. */
export function huge(size: number, how: 'length' | 'chunked' | 'close' = 'length'): Handler {
  const block = Buffer.alloc(65_536, 'fairlead ');
  async function* blocks() {
    for (let left = size; left > 0; left -= block.length)
      yield block.subarray(0, Math.min(left, block.length));
  }
  const fields: Field[] = how === 'length' ? [['Content-Length', String(size)]] : [];
  return (_, reply) => reply.send({ body: blocks(), framing: how, fields });
}

/** Accepts a WebSocket and sends every message back, its kind kept. */
export const echoWebSocket: Handler = (request, reply) => {
  const { method, target: url, fields } = request;
  const headers = Object.fromEntries(fields.map(([name, value]) => [name.toLowerCase(), value]));
  const upgrade = { method, url, headers } as IncomingMessage;
  const server = new WebSocketServer({ noServer: true });
  server.handleUpgrade(upgrade, reply.socket, reply.takeOver(), (socket: WebSocket) => {
    socket.on('message', (data, binary) => socket.send(data, { binary }));
  });
};
