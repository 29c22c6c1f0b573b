/** A test upstream that speaks HTTP/2: Node's server, and what it saw. By default it answers 200 with its name. */
import { once } from 'node:events';
import {
  createSecureServer,
  createServer,
  type Http2Server,
  type ServerHttp2Session,
  type ServerHttp2Stream,
  type ServerOptions,
} from 'node:http2';
import type { AddressInfo } from 'node:net';
import type { Certificate } from '../../tls/certificate.ts';

export interface Http2Request {
  /** Name, value, name, value. */
  readonly raw: readonly string[];
  /** The first value of a field. */
  header(name: string): string | undefined;
  body: string;
  trailers: readonly string[];
  /** Code it ended with, once it has. */
  ended: number | null;
  /** Which connection, from 0. */
  readonly connection: number;
}

export type Http2Handler = (stream: ServerHttp2Stream, request: Http2Request) => unknown;

export interface Http2Backend {
  readonly port: number;
  readonly requests: Http2Request[];
  /** Those open now. */
  readonly sessions: Set<ServerHttp2Session>;
  handler: Http2Handler;
  close(): Promise<void>;
}

export interface Http2BackendOptions {
  name?: string;
  handler?: Http2Handler;
  /** With TLS. */
  certificate?: Certificate;
  http2?: ServerOptions;
}

export async function startHttp2Backend(options: Http2BackendOptions = {}): Promise<Http2Backend> {
  const { certificate, http2 = {}, name = 'h2' } = options;
  const server = certificate
    ? createSecureServer({ ...http2, cert: certificate.certPem, key: certificate.keyPem })
    : createServer(http2);
  const sessions = new Set<ServerHttp2Session>();
  let connections = 0;
  const numbers = new WeakMap<object, number>();
  const backend: Http2Backend = {
    port: 0,
    requests: [],
    sessions,
    handler: options.handler ?? ((stream) => void answer(stream, name)),
    async close() {
      const closed = once(server, 'close');
      server.close();
      for (const session of sessions) session.destroy();
      await closed;
    },
  };
  (server as Http2Server).on('session', (session) => {
    sessions.add(session);
    numbers.set(session, connections++);
    session.on('error', () => {});
    session.on('close', () => sessions.delete(session));
  });
  (server as Http2Server).on('stream', (stream, _headers, _flags, raw) => {
    const request: Http2Request = {
      ...{ raw, body: '', trailers: [], ended: null },
      connection: numbers.get(stream.session!)!,
      header: (wanted) => raw[raw.findIndex((each, i) => i % 2 === 0 && each === wanted) + 1],
    };
    backend.requests.push(request);
    stream.on('error', () => {});
    stream.on('close', () => {
      request.ended = stream.rstCode;
    });
    stream.on('trailers', (_fields, _flags2, trailers: readonly string[]) => {
      request.trailers = trailers;
    });
    void backend.handler(stream, request);
  });
  server.on('error', () => {});
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return Object.assign(backend, { port: (server.address() as AddressInfo).port });
}

export function answer(stream: ServerHttp2Stream, body: string, fields: Record<string, string> = {}): void {
  stream.respond({ ':status': 200, ...fields });
  stream.end(body);
}

/** Answers when all of the body is there, with how many bytes those were. */
export const countUpload: Http2Handler = async (stream, request) => {
  let bytes = 0;
  for await (const chunk of stream) bytes += (chunk as Buffer).length;
  request.body = String(bytes);
  if (!stream.destroyed) answer(stream, String(bytes));
};
