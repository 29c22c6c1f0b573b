/**
 * Stands before Pebble and adds what it lacks: renewal advice (RFC 9773), and answers of an authority in trouble. What
 * is signed stays valid, because Pebble takes the Host field for its own name.
 */
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { createServer, request } from 'node:https';
import type { Pebble } from './pebble.ts';
import { freePort } from './ports.ts';

export interface Seen {
  readonly path: string;
  /** Of the signed request. */
  readonly payload: Readonly<Record<string, unknown>>;
}

export interface Canned {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: unknown;
}

export interface AcmeProxy {
  readonly directory: string;
  readonly caFile: string;
  readonly seen: readonly Seen[];
  /** Advice by certID; null makes the directory say nothing of it. */
  advise: ((certId: string) => Canned) | null;
  /** Answers in place of the authority. */
  intercept: (seen: Seen) => Canned | null;
  stop(): Promise<void>;
}

export const problem = (
  status: number,
  type: string,
  detail: string,
  headers: Readonly<Record<string, string>> = {},
): Canned => ({ status, headers, body: { type: `urn:ietf:params:acme:error:${type}`, detail, status } });

export async function startAcmeProxy(pebble: Pebble): Promise<AcmeProxy> {
  const port = await freePort();
  const origin = `https://127.0.0.1:${port}`;
  const seen: Seen[] = [];
  const server = createServer({ cert: pebble.caPem, key: pebble.keyPem }, (incoming, outgoing) => {
    void collect(incoming).then(async (body) => {
      const path = incoming.url ?? '';
      const current = { path, payload: payloadOf(body) };
      seen.push(current);
      const certId = /^\/advice\/(.+)$/.exec(path)?.[1];
      const canned =
        proxy.intercept(current) ?? (certId === undefined ? null : (proxy.advise?.(certId) ?? null));
      const answer = canned ?? (await forward(pebble, incoming, body));
      if (path === '/dir' && canned === null && proxy.advise !== null) {
        (answer.body as Record<string, unknown>).renewalInfo = `${origin}/advice`;
      }
      const text = typeof answer.body === 'string' ? answer.body : JSON.stringify(answer.body);
      const type = answer.status < 400 ? 'application/json' : 'application/problem+json';
      outgoing.writeHead(answer.status, { 'content-type': type, ...answer.headers });
      outgoing.end(incoming.method === 'HEAD' ? undefined : text);
    });
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  const proxy: AcmeProxy = {
    ...{ directory: `${origin}/dir`, caFile: pebble.caFile, seen, advise: null },
    intercept: () => null,
    async stop() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return proxy;
}

async function forward(pebble: Pebble, incoming: IncomingMessage, body: string): Promise<Canned> {
  const outgoing = request({
    ...{ host: '127.0.0.1', port: pebble.port, ca: pebble.caPem },
    ...{ method: incoming.method, path: incoming.url, headers: incoming.headers },
  });
  outgoing.end(body);
  const [answer] = (await once(outgoing, 'response')) as [IncomingMessage];
  const text = await collect(answer);
  const { 'content-length': _, connection: __, ...headers } = answer.headers as Record<string, string>;
  return { status: answer.statusCode ?? 0, headers, body: incoming.url === '/dir' ? JSON.parse(text) : text };
}

async function collect(message: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of message) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}

function payloadOf(body: string): Record<string, unknown> {
  try {
    const { payload } = JSON.parse(body) as { payload: string };
    return JSON.parse(Buffer.from(payload, 'base64url').toString('utf8'));
  } catch {
    return {};
  }
}
