import { timingSafeEqual } from 'node:crypto';
import http from 'node:http';
import net from 'node:net';
import type { AdminConfig } from '../config/config.ts';
import type { Metrics } from './metrics.ts';
import { PortProblem } from './ports.ts';

/** One answer of the admin listener: whole, or one that goes on. */
export type AdminAnswer = WholeAnswer | StreamedAnswer;

export interface WholeAnswer {
  readonly status: number;
  readonly body: unknown;
  /** `application/json` unless said; then `body` is text, and sent as it is. */
  readonly contentType?: string;
}

export interface StreamedAnswer {
  readonly status: number;
  readonly contentType: string;
  /** Called when the head is out; what it returns is called once, when the answer is over, whoever ended it. */
  readonly begin: (outlet: Outlet) => () => void;
}

/** Where a streamed answer goes. It buffers whatever is written: the writer looks at `waitingBytes`. */
export interface Outlet {
  write(text: string): void;
  /** Written, and not taken by the reader's side yet. */
  readonly waitingBytes: number;
  end(): void;
  /** Without waiting for what is written. */
  destroy(): void;
}

export type AdminHandler = (
  url: URL,
  headers: http.IncomingHttpHeaders,
) => AdminAnswer | Promise<AdminAnswer>;

export interface Admin {
  readonly port: number;
  close(): Promise<void>;
}

export function textAnswer(status: number, line: string): WholeAnswer {
  return { status, body: `${line}\n`, contentType: 'text/plain; charset=utf-8' };
}

export async function metricsAnswer(metrics: Metrics): Promise<WholeAnswer> {
  return { status: 200, ...(await metrics.text()) };
}

/** Liveness is for machines that hold no token. */
const OPEN_PATHS: ReadonlySet<string> = new Set(['/health', '/ready']);
const LOOPBACK_HOSTS: ReadonlySet<string> = new Set(['localhost', '127.0.0.1', '[::1]']);

/**
 * Starts the admin listener: read-only JSON, health and metrics. `Host` must name the listener itself, so that a page in
 * somebody's browser cannot reach it by rebinding a name (DNS rebinding). Rejects with a `PortProblem`.
 */
export async function startAdmin(
  config: AdminConfig,
  routes: ReadonlyMap<string, AdminHandler>,
): Promise<Admin> {
  const server = http.createServer(
    { maxHeaderSize: 16 * 1024, requestTimeout: 10_000 },
    (request, response) => {
      answer(config, routes, request)
        .catch((error: unknown) => problem(500, `internal error: ${String(error)}`))
        .then((reply) => send(response, request.method === 'HEAD', reply));
    },
  );
  server.maxConnections = 256;
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once('error', ({ code, message }: NodeJS.ErrnoException) => {
    reject(new PortProblem('admin', config.address, code ?? message));
  });
  const { host, port } = config.address;
  server.listen({ port, ...(host === '' ? {} : { host }) }, resolve);
  await promise;
  return {
    port: (server.address() as net.AddressInfo).port,
    close: async () => {
      const closed = Promise.withResolvers<void>();
      server.close(() => closed.resolve());
      server.closeAllConnections();
      await closed.promise;
    },
  };
}

async function answer(
  config: AdminConfig,
  routes: ReadonlyMap<string, AdminHandler>,
  request: http.IncomingMessage,
): Promise<AdminAnswer> {
  if (request.method !== 'GET' && request.method !== 'HEAD') return problem(405, 'only GET and HEAD');
  if (!isOwnHost(config, request.headers.host ?? ''))
    return problem(403, 'the Host header names another server');
  const url = URL.parse(request.url ?? '/', 'http://admin');
  if (url === null) return problem(400, 'the path cannot be read');
  if (!OPEN_PATHS.has(url.pathname) && !isAuthorised(config, request.headers.authorization ?? '')) {
    return problem(401, 'a bearer token is needed');
  }
  const handler = routes.get(url.pathname);
  return handler ? handler(url, request.headers) : problem(404, 'no such path');
}

function isOwnHost(config: AdminConfig, host: string): boolean {
  const name = host.replace(/:\d+$/, '').toLowerCase();
  const bare = name.replace(/^\[|\]$/g, '');
  // An address cannot be rebound; a name can.
  return LOOPBACK_HOSTS.has(name) || net.isIP(bare) !== 0 || bare === config.address.host;
}

function isAuthorised(config: AdminConfig, authorization: string): boolean {
  if (config.token === null) return true;
  const given = Buffer.from(authorization);
  const expected = Buffer.from(`Bearer ${config.token}`);
  return given.length === expected.length && timingSafeEqual(given, expected);
}

function problem(status: number, message: string): WholeAnswer {
  return { status, body: { error: message } };
}

function send(response: http.ServerResponse, isHead: boolean, reply: AdminAnswer): void {
  const { status, contentType = 'application/json' } = reply;
  const headers = {
    'content-type': contentType,
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    ...(status === 401 ? { 'www-authenticate': 'Bearer' } : {}),
  };
  if ('begin' in reply) return stream(response.writeHead(status, headers), isHead, reply);
  const body = reply.contentType === undefined ? `${JSON.stringify(reply.body)}\n` : String(reply.body);
  response.writeHead(status, { ...headers, 'content-length': Buffer.byteLength(body) });
  response.end(isHead ? undefined : body);
}

function stream(response: http.ServerResponse, isHead: boolean, { begin }: StreamedAnswer): void {
  if (isHead) return void response.end();
  response.flushHeaders();
  const onOver = begin({
    write: (text) => void response.write(text),
    get waitingBytes() {
      return response.writableLength;
    },
    end: () => void response.end(),
    destroy: () => void response.destroy(),
  });
  // A reader may have left before the first byte; then the event is over already.
  if (response.destroyed) onOver();
  else response.once('close', onOver);
}
