/** Requests to Consul over kept-alive connections, timed to the last byte of the answer. */
import { Agent, type IncomingMessage, request } from 'node:http';

export interface ApiAnswer {
  readonly body: string;
  /** `X-Consul-Index`; empty where there is none. */
  readonly index: string;
  /** `performance.now()` when the answer was whole. */
  readonly at: number;
}

export class ConsulApi {
  readonly #base: string;
  readonly #agent: Agent;

  constructor(base: string, connections: number) {
    this.#base = base;
    this.#agent = new Agent({ keepAlive: true, maxSockets: connections });
  }

  /** Rejects unless the status is 200. */
  ask(method: 'GET' | 'PUT', path: string, body?: unknown): Promise<ApiAnswer> {
    const { promise, resolve, reject } = Promise.withResolvers<ApiAnswer>();
    const outgoing = request(this.#base + path, { method, agent: this.#agent }, (answer) => {
      whole(answer, `${method} ${path}`).then(resolve, reject);
    });
    outgoing.on('error', reject);
    outgoing.end(body === undefined ? undefined : JSON.stringify(body));
    return promise;
  }

  close(): void {
    this.#agent.destroy();
  }
}

async function whole(answer: IncomingMessage, what: string): Promise<ApiAnswer> {
  const chunks: Buffer[] = [];
  for await (const chunk of answer) chunks.push(chunk as Buffer);
  const at = performance.now();
  const body = Buffer.concat(chunks).toString();
  if (answer.statusCode !== 200) throw new Error(`${what}: ${answer.statusCode} ${body.slice(0, 200)}`);
  return { body, index: String(answer.headers['x-consul-index'] ?? ''), at };
}
