import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';

/**
 * A small backend to route to: `node sample.ts --name blue --port 0`. Prints `{"port":N,"pid":N}` when it listens;
 * ends on SIGTERM, SIGINT, or when its parent is gone.
 */

/** Running requests may finish within this time after the end was asked for. */
const GRACE_MS = 2_000;
const MAX_SLOW_MS = 60_000;

const { values } = parseArgs({
  options: { name: { type: 'string', default: 'sample' }, port: { type: 'string', default: '0' } },
});
const name = values.name;

const escaped = (text: string): string =>
  text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);

/** Only names make colours, so that any text is safe inside the style. */
const colour = /^[a-z]{1,20}$/.test(name) ? name : 'steelblue';

const page = (path: string): string => `<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<title>${escaped(name)}</title>
<style>body { font: 1.2rem system-ui; margin: 4rem; border-left: 1rem solid ${colour}; padding-left: 2rem }</style>
<h1>Hello from ${escaped(name)}</h1>
<p>pid ${process.pid} answered <code>${escaped(path)}</code></p>
</html>
`;

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const path = request.url ?? '/';
  const url = URL.parse(path, 'http://sample');
  if (url?.pathname === '/slow') {
    const ms = Number(url.searchParams.get('ms') ?? 1000);
    await delay(Math.min(Math.max(0, ms || 0), MAX_SLOW_MS));
  }
  request.resume();
  const html = url?.pathname !== '/health' && (request.headers.accept ?? '').includes('text/html');
  const body = html ? page(path) : url?.pathname === '/health' ? 'ok\n' : plain(path);
  response.writeHead(200, {
    // A kept connection would keep the process from ending.
    ...(ending && { Connection: 'close' }),
    'Content-Type': html ? 'text/html; charset=utf-8' : 'text/plain; charset=utf-8',
    'Content-Length': Buffer.byteLength(body),
  });
  response.end(request.method === 'HEAD' ? undefined : body);
}

const plain = (path: string): string => `Hello from ${name} (pid ${process.pid}): ${path}\n`;

const server = createServer((request, response) => {
  answer(request, response).catch(() => response.destroy());
});

let ending = false;
function end(): void {
  if (ending) return;
  ending = true;
  server.close(() => process.exit(0));
  server.closeIdleConnections();
  setTimeout(() => process.exit(0), GRACE_MS).unref();
}

process.on('SIGTERM', end);
process.on('SIGINT', end);
// A parent that dies cannot send a signal, but its end of these closes.
process.on('disconnect', end);
process.stdin.on('end', end).on('error', end).resume();

server.listen(Number(values.port), '127.0.0.1', () => {
  const { port } = server.address() as AddressInfo;
  console.log(JSON.stringify({ port, pid: process.pid }));
});
