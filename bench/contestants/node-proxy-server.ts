/** `node node-proxy-server.ts PACKAGE PORT BACKEND-PORT HOST…`: one of npm's proxy packages as a server. */
import { write } from 'node:fs';
import { Agent, createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createRequire } from 'node:module';
import type { NodePackage } from './node-proxies.ts';

type Forward = (request: IncomingMessage, response: ServerResponse) => unknown;
type Options = { target: string; agent: Agent; xfwd: boolean };
type Create = (options: Options) => { web: Forward; on(event: 'error', listener: OnError): unknown };
type OnError = (error: Error, request: unknown, response: unknown) => void;

const [, , name, port, backendPort, ...names] = process.argv;
const hosts = new Set(names);
const forward = await forwarder(name as NodePackage);

createServer({ keepAliveTimeout: 300_000 }, (request, response) => {
  if (!hosts.has(request.headers.host ?? '')) return void response.writeHead(404).end();
  response.once('finish', () => log(request, response));
  forward(request, response);
}).listen(Number(port), '127.0.0.1', 4096);

async function forwarder(wanted: NodePackage): Promise<Forward> {
  const agent = new Agent({ keepAlive: true });
  const proxy = (await load(wanted))({ target: `http://127.0.0.1:${backendPort}`, agent, xfwd: true });
  proxy.on('error', (_error, _request, response) => (response as ServerResponse).writeHead(502).end());
  return (request, response) => proxy.web(request, response);
}

async function load(wanted: NodePackage): Promise<Create> {
  // Without types of its own.
  if (wanted === 'http-proxy') {
    const { createProxyServer } = createRequire(import.meta.url)('http-proxy') as {
      createProxyServer: Create;
    };
    return createProxyServer;
  }
  const { createProxyServer } = wanted === 'httpxy' ? await import('httpxy') : await import('http-proxy-3');
  return createProxyServer as unknown as Create;
}

let lines = '';

/** One line a request, written together every 100 ms. */
function log({ method, url, socket }: IncomingMessage, { statusCode }: ServerResponse): void {
  if (lines === '') setTimeout(flush, 100);
  lines += `${socket.remoteAddress} "${method} ${url}" ${statusCode} ${Date.now()}\n`;
}

function flush(): void {
  write(1, lines, () => {});
  lines = '';
}
