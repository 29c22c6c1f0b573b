/** Well-behaved clients (`get`, `Client`) and a constant load over them that judges every answer. */
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { type ConnectionOptions, connect as connectTls } from 'node:tls';
import { ByteReader, type Field, field, type RawResponse, readResponse } from './client.ts';

export interface RequestOptions {
  method?: string;
  path?: string;
  /** The Host field; `localhost` unless told. */
  host?: string;
  headers?: Record<string, string> | Field[];
  body?: string | Uint8Array;
  /** Default 5 s, for the whole exchange. */
  timeoutMs?: number;
}

export type Answer = RawResponse & { interim: RawResponse[] };

/** One request on a connection of its own. Rejects unless a whole, well-formed response came. */
export async function get(port: number, options: RequestOptions = {}): Promise<Answer> {
  const client = new Client(port);
  try {
    const close: Field = ['Connection', 'close'];
    return await client.request({ ...options, headers: [...fieldList(options.headers), close] });
  } finally {
    client.close();
  }
}

/**
 * A keep-alive client with one connection, one request at a time. It dials again only after a close it was
 * told of (`Connection: close`, or a FIN while idle); any other failure rejects, and is never retried.
 */
export class Client {
  /** How often it dialled. */
  connects = 0;
  #port: number;
  #tls: ConnectionOptions | undefined;
  #socket: Socket | undefined;
  #reader: ByteReader | undefined;

  /** Speaks TLS when told how. */
  constructor(port: number, tls?: ConnectionOptions) {
    this.#port = port;
    this.#tls = tls;
  }

  async request(options: RequestOptions = {}): Promise<Answer> {
    const reader = this.#connected();
    const socket = this.#socket!;
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      reader.finish('open');
    }, options.timeoutMs ?? 5000);
    try {
      socket.write(serialise(options));
      const answer = await readAnswer(reader, options.method ?? 'GET');
      if (field(answer.fields, 'connection')?.toLowerCase() === 'close' || reader.ended) this.close();
      return answer;
    } catch (error) {
      this.close();
      if (late) throw new Error('timeout', { cause: error });
      throw reader.error ? new Error(reader.error.code ?? reader.error.message, { cause: error }) : error;
    } finally {
      clearTimeout(timer);
    }
  }

  close(): void {
    this.#socket?.destroy();
    this.#socket = undefined;
  }

  #connected(): ByteReader {
    if (!this.#socket || this.#reader?.ended) {
      this.close();
      this.connects += 1;
      const address = { port: this.#port, host: '127.0.0.1', noDelay: true };
      this.#socket = this.#tls === undefined ? connect(address) : connectTls({ ...address, ...this.#tls });
      this.#reader = new ByteReader(this.#socket, false);
    }
    return this.#reader!;
  }
}

function serialise(options: RequestOptions): Buffer {
  const fields: Field[] = [['Host', options.host ?? 'localhost'], ...fieldList(options.headers)];
  const body = Buffer.from(options.body ?? '');
  if (options.body !== undefined) fields.push(['Content-Length', String(body.length)]);
  const lines = fields.map(([name, value]) => `${name}: ${value}\r\n`).join('');
  const head = `${options.method ?? 'GET'} ${options.path ?? '/'} HTTP/1.1\r\n${lines}\r\n`;
  return Buffer.concat([Buffer.from(head, 'latin1'), body]);
}

const fieldList = (headers: RequestOptions['headers'] = []): Field[] =>
  Array.isArray(headers) ? headers : Object.entries(headers);

async function readAnswer(reader: ByteReader, method: string): Promise<Answer> {
  const interim: RawResponse[] = [];
  for (;;) {
    const response = await readResponse(reader, method);
    if (!response) throw new Error(reader.ended === 'end' ? 'closed before the response' : 'reset');
    if (response.fault !== undefined) throw new Error(response.fault);
    if (response.status >= 200 || response.status === 101) return { ...response, interim };
    interim.push(response);
  }
}

export interface LoadOptions {
  port: number;
  host: string;
  path?: string;
  connections: number;
  ratePerSecond: number;
  /** Taken in turn; those other than GET, HEAD and OPTIONS carry a small body. Default GET alone. */
  methods?: string[];
  headers?: Record<string, string>;
  /** Over TLS, done so. */
  tls?: ConnectionOptions;
  /** Of one request, from the moment it is sent. Default 10 s. */
  timeoutMs?: number;
  /** What is due at the end may still be sent for so long. Default 5 s. */
  graceMs?: number;
}

export interface LoadResult {
  sent: number;
  ok: number;
  failed: { error: string; count: number }[];
  /** Answers by `x-instance`. */
  byInstance: Map<string, number>;
  /** From the moment a request was due, so waiting for a free connection counts. */
  maxLatencyMs: number;
  /** Requests that were due and found no free connection, not even within `graceMs` after `stop`. */
  unsent: number;
}

export interface Load {
  /** Live counters; failures by what went wrong. */
  readonly counters: { sent: number; ok: number; failed: number; failures: Map<string, number> };
  /** Nothing more becomes due; what is due is still sent. */
  stop(): Promise<LoadResult>;
}

/**
 * Constant load with an oracle. A request fails by any transport or grammar error, a status of 400 or more
 * (a 404 means a route was lost), or an answer that belongs to another request: each carries an `x-load-id`,
 * and a backend that sends it back must send this one.
 */
export function startLoad(options: LoadOptions): Load {
  const counters = { sent: 0, ok: 0, failed: 0, failures: new Map<string, number>() };
  const byInstance = new Map<string, number>();
  const due: { at: number; id: number }[] = [];
  let maxLatencyMs = 0;
  let stopping = false;
  let endsAt = Number.POSITIVE_INFINITY;
  const wakeWorkers: (() => void)[] = [];

  const pace = async () => {
    const start = performance.now();
    for (let id = 0; !stopping; ) {
      for (; start + (id * 1000) / options.ratePerSecond <= performance.now(); id += 1) {
        due.push({ at: start + (id * 1000) / options.ratePerSecond, id });
      }
      for (const wake of wakeWorkers.splice(0, due.length)) wake();
      await sleep(Math.max(1, start + (id * 1000) / options.ratePerSecond - performance.now()));
    }
    for (const wake of wakeWorkers.splice(0)) wake();
  };

  const worker = async () => {
    const client = new Client(options.port, options.tls);
    while (performance.now() < endsAt) {
      const next = due.shift();
      if (!next) {
        if (stopping) break;
        await new Promise<void>((resolve) => wakeWorkers.push(resolve));
        continue;
      }
      counters.sent += 1;
      const fault = await attempt(client, options, next.id, byInstance);
      maxLatencyMs = Math.max(maxLatencyMs, performance.now() - next.at);
      if (fault === undefined) counters.ok += 1;
      else {
        counters.failed += 1;
        counters.failures.set(fault, (counters.failures.get(fault) ?? 0) + 1);
      }
    }
    client.close();
  };

  const running = Promise.all([pace(), ...Array.from({ length: options.connections }, worker)]);
  const stop = async (): Promise<LoadResult> => {
    stopping = true;
    // A busy machine may have several requests due at this moment; a router that hangs has them still later.
    endsAt = performance.now() + (options.graceMs ?? 5_000);
    for (const wake of wakeWorkers) wake();
    await running;
    const failed = [...counters.failures].map(([error, count]) => ({ error, count }));
    const { sent, ok } = counters;
    return { sent, ok, failed, byInstance, maxLatencyMs, unsent: due.length };
  };
  return { counters, stop };
}

/** Sends one request; undefined when its answer is right, else what is wrong. */
async function attempt(client: Client, options: LoadOptions, id: number, byInstance: Map<string, number>) {
  const methods = options.methods ?? ['GET'];
  const method = methods[id % methods.length] ?? 'GET';
  const request: RequestOptions = { method, host: options.host, path: options.path ?? '/' };
  request.headers = { ...options.headers, 'x-load-id': String(id) };
  request.timeoutMs = options.timeoutMs ?? 10_000;
  if (!['GET', 'HEAD', 'OPTIONS'].includes(method)) request.body = `load ${id}`;
  try {
    const { status, headers } = await client.request(request);
    const instance = headers.get('x-instance');
    if (instance !== undefined) byInstance.set(instance, (byInstance.get(instance) ?? 0) + 1);
    const answered = headers.get('x-load-id') ?? String(id);
    if (answered !== String(id)) return 'answer of another request';
    return status >= 400 ? `${status} ${headers.get('x-fairlead-reason') ?? ''}`.trim() : undefined;
  } catch (error) {
    return (error as Error).message;
  }
}
