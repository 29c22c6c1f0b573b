import { type Answer, json } from '../answer.ts';
import type { Core } from '../core.ts';
import { ApiError } from '../errors.ts';
import { keyTopic, prefixTopic } from '../kv.ts';
import type { Read } from '../read.ts';
import { type ApiRequest, number } from '../request.ts';
import type { Routes } from '../router.ts';
import type { KvEntry } from '../shapes.ts';

const MAX_VALUE = 512 * 1024;
const NOT_FOUND: Answer = { status: 404, headers: {}, body: '' };
/** As Consul sends raw values: a stored page must not run as one. */
const RAW_HEADERS = {
  'Content-Type': 'text/plain',
  'Content-Security-Policy': 'sandbox',
  'X-Content-Type-Options': 'nosniff',
};

/** `/v1/kv/…`. */
export function kvRoutes(core: Core): Routes {
  return {
    '/v1/kv/': {
      GET: (request) => read(core, request),
      PUT: (request) => json(write(core, request), request.pretty),
      DELETE: (request) => json(remove(core, request), request.pretty),
    },
  };
}

function read({ kv }: Core, { rest, query }: ApiRequest): Read {
  /** Only the list of all keys may be empty. */
  const found = <T>(list: readonly T[]): readonly T[] | Answer =>
    list.length > 0 || (rest === '' && query.has('keys')) ? list : NOT_FOUND;
  if (query.has('recurse') || query.has('keys')) {
    const keys = (): readonly string[] => kv.keys(rest, query.get('separator') ?? '');
    const entries = (): readonly object[] => kv.list(rest).map(entryView);
    return {
      topics: [prefixTopic(rest)],
      index: () => kv.prefixIndex(rest),
      answer: () => found<string | object>(query.has('keys') ? keys() : entries()),
    };
  }
  requireKey(rest);
  return {
    topics: [keyTopic(rest)],
    index: () => kv.keyIndex(rest),
    answer: () => {
      const entry = kv.get(rest);
      if (!entry) return NOT_FOUND;
      return query.has('raw') ? { status: 200, headers: RAW_HEADERS, body: entry.value } : [entryView(entry)];
    },
  };
}

function write({ kv, sessions }: Core, { rest: key, query, body }: ApiRequest): boolean {
  requireKey(key);
  if (body.length > MAX_VALUE) {
    throw new ApiError(413, `Request body(${body.length} bytes) too large, max size: ${MAX_VALUE} bytes.`);
  }
  const entry = { key, value: body, flags: number(query, 'flags') ?? 0 };
  const cas = number(query, 'cas');
  const acquire = query.get('acquire');
  const release = query.get('release');
  if ([cas, acquire, release].filter((one) => one !== null).length > 1) {
    throw new ApiError(400, `Conflicting flags: ${query}`);
  }
  if (acquire !== null) return sessions.acquire(entry, acquire);
  if (release !== null) return sessions.release(entry, release);
  return kv.put({ ...entry, ...(cas !== null && { cas }) });
}

function remove({ kv }: Core, { rest: key, query }: ApiRequest): boolean {
  if (query.has('recurse')) {
    kv.deleteTree(key);
    return true;
  }
  requireKey(key);
  return kv.delete(key, number(query, 'cas') ?? undefined);
}

function requireKey(key: string): void {
  if (key === '') throw new ApiError(400, 'Missing key name');
}

function entryView({ LockIndex, Key, Flags, value, Session, CreateIndex, ModifyIndex }: KvEntry): object {
  const Value = value.length > 0 ? value.toString('base64') : null;
  return { LockIndex, Key, Flags, Value, ...(Session && { Session }), CreateIndex, ModifyIndex };
}
