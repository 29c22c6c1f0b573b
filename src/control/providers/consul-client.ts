import { performance } from 'node:perf_hooks';
import { buildConnector, type Dispatcher, errors, Pool } from 'undici';
import type { ConsulConfig } from '../../config/config.ts';
import { consulTls } from './consul-tls.ts';
import { createTokenSource } from './consul-token.ts';
import { type Fault, fault } from './fault.ts';

export interface ReadOptions {
  /** Blocks until the index has passed this one; 0 answers at once. */
  readonly index?: number;
  readonly waitMs?: number;
  readonly signal: AbortSignal;
  /** Ask the leader to confirm that it is one; costs a round trip among the servers. */
  readonly consistent?: boolean;
  /** A 404 is an answer (`body: null`), as for a KV key. */
  readonly absent?: boolean;
  /** Replaces the usual deadline of a read that does not block. */
  readonly deadlineMs?: number;
}

export interface Read {
  readonly kind: 'ok';
  /** `X-Consul-Index`; 0 when missing, zero or not a sane number. */
  readonly index: number;
  readonly body: Buffer | null;
  /** `performance.now()` when the body was complete. */
  readonly receivedAt: number;
}

export type ReadResult = Read | Fault;

export interface WriteOptions {
  readonly body?: string;
  readonly signal?: AbortSignal;
}

export interface ConsulClient {
  /** One GET; never rejects. `path` starts with `/v1/` and may carry a query. */
  read(path: string, options: ReadOptions): Promise<ReadResult>;
  /** One PUT; never rejects, and is never repeated by itself. A fault may have been carried out all the same. */
  write(path: string, options?: WriteOptions): Promise<ReadResult>;
  /** Open connections. */
  connections(): number;
  close(): Promise<void>;
}

export interface ClientLimits {
  /** Largest answer; 64 MiB unless given. */
  readonly bodyBytes?: number;
  /** Added to wait + wait/16, the longest a healthy agent takes; 5 s unless given. */
  readonly graceMs?: number;
}

const CONNECT_MS = 3000;
const PLAIN_DEADLINE_MS = 10_000;
const GRACE_MS = 5000;
const BODY_LIMIT = 64 * 1024 * 1024;
const ERROR_BODY_LIMIT = 4096;
/** Beside the watches: services list, KV, and confirming or refetching reads. */
const SPARE_CONNECTIONS = 4;

const never = new AbortController().signal;

/** Typed reads and writes of Consul's HTTP API over one bounded set of kept-alive connections. */
export function createConsulClient(config: ConsulConfig, limits: ClientLimits = {}): ConsulClient {
  const url = new URL(config.url);
  const prefix = url.pathname.replace(/\/+$/, '');
  const bodyLimit = limits.bodyBytes ?? BODY_LIMIT;
  const token = createTokenSource(config, () => performance.now());
  const pool = new Pool(url.origin, {
    connections: Math.max(1, config.connections) + SPARE_CONNECTIONS,
    pipelining: 1,
    // Our own deadlines cover both; undici's would cut a long wait.
    headersTimeout: 0,
    bodyTimeout: 0,
    keepAliveTimeout: 60_000,
    allowH2: false,
    connect: connector(config),
  });

  async function ask(
    method: 'GET' | 'PUT',
    path: string,
    options: ReadOptions,
    body: string | null,
  ): Promise<ReadResult> {
    const deadline = openDeadline(options, limits.graceMs ?? GRACE_MS);
    try {
      const answer = await pool.request({
        method,
        path: prefix + withQuery(path, config, options),
        headers: headersFor(token.current()),
        signal: deadline.signal,
        body,
      });
      const result = await readAnswer(answer, options, bodyLimit);
      if (result.kind === 'error' && result.code === 'acl') token.refused();
      return result;
    } catch (error) {
      if (options.signal.aborted) return fault('aborted', 'aborted');
      if (deadline.passed()) return fault('timeout', `no answer within ${deadline.ms} ms`);
      return fault('unreachable', describe(error));
    } finally {
      deadline.close();
    }
  }

  return {
    read: (path, options) => ask('GET', path, options, null),
    write: (path, { body = '', signal = never } = {}) => ask('PUT', path, { signal }, body),
    connections: () => pool.stats.connected,
    close: () => pool.destroy(),
  };
}

function headersFor(token: string | null): Record<string, string> {
  const headers: Record<string, string> = { accept: 'application/json', 'user-agent': 'fairlead' };
  if (token !== null && token !== '') headers['x-consul-token'] = token;
  return headers;
}

function withQuery(path: string, config: ConsulConfig, options: ReadOptions): string {
  const query: string[] = [];
  if (config.datacenter !== null) query.push(`dc=${encodeURIComponent(config.datacenter)}`);
  if (config.namespace !== null) query.push(`ns=${encodeURIComponent(config.namespace)}`);
  if (options.index !== undefined && options.index > 0) {
    query.push(`index=${options.index}`, `wait=${options.waitMs ?? 0}ms`);
  }
  if (options.consistent === true) query.push('consistent');
  if (query.length === 0) return path;
  return `${path}${path.includes('?') ? '&' : '?'}${query.join('&')}`;
}

async function readAnswer(
  answer: Dispatcher.ResponseData,
  options: ReadOptions,
  bodyLimit: number,
): Promise<ReadResult> {
  // Whoever waits for the body hears of its error; one that is given up unread must not end the process.
  answer.body.on('error', () => {});
  const absent = answer.statusCode === 404 && options.absent === true;
  if (answer.statusCode !== 200 && !absent) return refusal(answer);
  const encoding = answer.headers['content-encoding'];
  if (encoding !== undefined && encoding !== 'identity') {
    answer.body.destroy();
    return fault('bad_answer', `content-encoding ${String(encoding)} was not asked for`);
  }
  const body = await collect(answer, bodyLimit);
  if (body === null) return fault('too_large', `answer exceeds ${bodyLimit} bytes`);
  return {
    kind: 'ok',
    index: parseIndex(answer.headers['x-consul-index']),
    body: absent ? null : body,
    receivedAt: performance.now(),
  };
}

/** null when the limit was passed; the connection is then given up. */
async function collect(answer: Dispatcher.ResponseData, limit: number): Promise<Buffer | null> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of answer.body) {
    size += (chunk as Buffer).length;
    // Leaving the loop destroys the body.
    if (size > limit) return null;
    chunks.push(chunk as Buffer);
  }
  return chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks, size);
}

async function refusal(answer: Dispatcher.ResponseData): Promise<Fault> {
  const status = answer.statusCode;
  const body = await collect(answer, ERROR_BODY_LIMIT);
  const text = body === null ? '' : body.toString('utf8').replace(/\s+/g, ' ').trim().slice(0, 200);
  const message = text === '' ? `status ${status}` : `status ${status}: ${text}`;
  if (status === 401 || status === 403) return fault('acl', message, status);
  if (status === 429) return fault('rate_limited', message, status);
  if (
    status >= 500 &&
    /no cluster leader|no known consul servers|leadership lost|not the leader/i.test(text)
  ) {
    return fault('no_leader', message, status);
  }
  return fault('server', message, status);
}

/** Indexes beyond 2^53 cannot be compared exactly and no cluster gets there: treated as none. */
function parseIndex(value: string | string[] | undefined): number {
  if (typeof value !== 'string' || !/^\d{1,16}$/.test(value)) return 0;
  const index = Number(value);
  return Number.isSafeInteger(index) ? index : 0;
}

interface Deadline {
  readonly signal: AbortSignal;
  readonly ms: number;
  passed(): boolean;
  close(): void;
}

function openDeadline(options: ReadOptions, graceMs: number): Deadline {
  const wait = options.waitMs ?? 0;
  const blocking = options.index !== undefined && options.index > 0;
  const ms = blocking ? wait + wait / 16 + graceMs : (options.deadlineMs ?? PLAIN_DEADLINE_MS);
  const own = new AbortController();
  const onAbort = (): void => own.abort();
  let passed = false;
  const timer = setTimeout(() => {
    passed = true;
    own.abort();
  }, ms);
  if (options.signal.aborted) own.abort();
  else options.signal.addEventListener('abort', onAbort);
  return {
    signal: own.signal,
    ms,
    passed: () => passed,
    close() {
      clearTimeout(timer);
      options.signal.removeEventListener('abort', onAbort);
    },
  };
}

/** Certificates are read for every new connection, so that rotated files are used without a restart. */
function connector(config: ConsulConfig): buildConnector.connector {
  const plain = { timeout: CONNECT_MS, keepAlive: true, keepAliveInitialDelay: 10_000, allowH2: false };
  if (!config.url.startsWith('https:')) return buildConnector(plain);
  return (options, callback) => {
    let connect: buildConnector.connector;
    try {
      connect = buildConnector({ ...plain, ...consulTls(config.tls) });
    } catch (error) {
      callback(error as Error, null);
      return;
    }
    connect(options, callback);
  };
}

function describe(error: unknown): string {
  if (error instanceof errors.SocketError) return 'connection closed by the other side';
  if (error instanceof AggregateError && error.errors.length > 0) return describe(error.errors[0]);
  return error instanceof Error ? error.message || error.name : String(error);
}
