/**
 * What all contestants forward to: one nginx worker with fixed bodies, on the core of the load. Behind it, for the
 * checks only, a server that sends back what it received.
 */

import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { accepts, freePort } from '../test/support/ports.ts';
import { type Child, eventually } from '../test/support/process.ts';
import { nginxMain } from './contestants/nginx.ts';
import { launch } from './machine/launch.ts';
import { needProgram } from './machine/programs.ts';
import { scratch } from './machine/scratch.ts';
import { BODIES } from './works.ts';

export interface Backend {
  readonly port: number;
  readonly pid: number;
  stop(): Promise<void>;
}

/** The body of a path: text without repetition over short distances, so that a mix-up shows. */
export function bodyOf(bytes: number): string {
  let text = '';
  for (let line = 0; text.length < bytes; line++) text += `${line} of ${bytes}: never twice the same line\n`;
  return text.slice(0, bytes);
}

export async function startBackend(): Promise<Backend> {
  const folder = scratch('backend');
  const port = await freePort();
  const echo = await startEcho();
  writeBodies(join(folder, 'bodies'));
  const file = join(folder, 'nginx.conf');
  writeFileSync(file, configuration(folder, port, (echo.address() as AddressInfo).port));
  const child: Child = await launch(needProgram('nginx'), ['-p', `${folder}/`, '-c', file, '-e', 'stderr']);
  await eventually(() => accepts(port), { what: 'the backend', timeoutMs: 10_000 });
  const stop = async (): Promise<void> => {
    echo.close();
    echo.closeAllConnections();
    await child.stop();
  };
  return { port, pid: child.pid, stop };
}

function writeBodies(folder: string): void {
  mkdirSync(folder);
  for (const [path, bytes] of Object.entries(BODIES)) {
    if (path !== '/') writeFileSync(join(folder, path), bodyOf(bytes));
  }
}

function configuration(folder: string, port: number, echoPort: number): string {
  const small = bodyOf(BODIES['/']).replaceAll('\n', '\\n');
  return `${nginxMain(folder)}
http {
  access_log off;
  keepalive_timeout 5m;
  keepalive_requests 1000000000;
  sendfile on;
  tcp_nopush on;
  open_file_cache max=10;
  default_type text/plain;
  client_body_temp_path client_body;
  proxy_temp_path proxy;
  fastcgi_temp_path fastcgi;
  uwsgi_temp_path uwsgi;
  scgi_temp_path scgi;
  server {
    listen 127.0.0.1:${port} backlog=4096;
    add_header X-Backend bench always;
    root bodies;
    location = / { return 200 "${small}"; }
    location = /post { return 200 "taken"; }
    location = /echo {
      proxy_pass http://127.0.0.1:${echoPort};
      proxy_http_version 1.1;
      proxy_request_buffering off;
      proxy_buffering off;
    }
  }
}
`;
}

async function startEcho(): Promise<Server> {
  const server = createServer((request, response) => {
    response.setHeader('X-Method', request.method ?? '');
    request.pipe(response);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server;
}
