import { type Answer, json } from './answer.ts';
import { parseDuration } from './duration.ts';
import { ApiError } from './errors.ts';
import type { Indexes } from './indexes.ts';
import type { ApiRequest } from './request.ts';

const DEFAULT_WAIT_MS = 300_000;
const MAX_WAIT_MS = 600_000;

/** A read that can block: what it watches, its index, and its answer at that moment. */
export interface Read {
  readonly topics: readonly string[];
  readonly index: () => number;
  readonly answer: () => Answer | unknown;
}

/** Who is blocked now, and the means to let them go early. */
export interface Blocked {
  /** Reports an open blocking query; its signal nudges it to answer, `leave` is called when it ends. */
  enter(path: string): { readonly nudge: AbortSignal; readonly leave: () => void };
}

/** Answers a read: at once, or when its index exceeds `?index` or `?wait` is over. */
export async function answerRead(
  request: ApiRequest,
  read: Read,
  { indexes, blocked, datacenter }: { indexes: Indexes; blocked: Blocked; datacenter: string },
): Promise<Answer> {
  const { query } = request;
  checkOptions(query, datacenter);
  const above = indexOption(query);
  const timeoutMs = waitOption(query);
  if (above > 0 && read.index() <= above) {
    const { nudge, leave } = blocked.enter(request.path);
    const { topics, index } = read;
    await indexes.wait({ topics, index, above, timeoutMs, signal: request.signal }, nudge).finally(leave);
  }
  const headers = {
    'X-Consul-Index': String(read.index()),
    'X-Consul-KnownLeader': 'true',
    'X-Consul-LastContact': '0',
    'X-Consul-Effective-Consistency': query.has('stale') ? 'stale' : 'leader',
  };
  const answer = read.answer();
  if (isAnswer(answer)) return { ...answer, headers: { ...answer.headers, ...headers } };
  return json(answer, request.pretty, headers);
}

const isAnswer = (value: unknown): value is Answer =>
  typeof value === 'object' && value !== null && 'status' in value && 'headers' in value && 'body' in value;

function checkOptions(query: URLSearchParams, datacenter: string): void {
  const dc = query.get('dc') || datacenter;
  if (dc !== datacenter) throw new ApiError(500, 'No path to datacenter', { 'X-Consul-Index': '1' });
  if (query.has('stale') && query.has('consistent')) {
    throw new ApiError(400, 'Cannot specify ?stale with ?consistent, conflicting semantics.');
  }
  for (const name of ['filter', 'node-meta']) {
    if (query.get(name)) throw new ApiError(400, `?${name} is not supported by the embedded registry`);
  }
}

function indexOption(query: URLSearchParams): number {
  const index = query.get('index') || '0';
  if (!/^\d{1,20}$/.test(index)) throw new ApiError(400, 'Invalid index');
  return Number(index);
}

/** Consul adds up to a sixteenth, so that many watchers do not return together. */
function waitOption(query: URLSearchParams): number {
  const written = query.get('wait') || '0';
  const wait = parseDuration(written);
  if (wait === null) throw new ApiError(400, 'Invalid wait time');
  const base = Math.min(wait || DEFAULT_WAIT_MS, MAX_WAIT_MS);
  return base + Math.random() * (base / 16);
}
