import type { IncomingMessage } from 'node:http';
import { ApiError } from './errors.ts';

/** A request of the API, its body read. */
export interface ApiRequest {
  readonly method: string;
  /** As received, without the query. */
  readonly path: string;
  /** What follows the route's prefix, decoded: a name, an id, a key. */
  readonly rest: string;
  readonly query: URLSearchParams;
  readonly body: Buffer;
  readonly pretty: boolean;
  /** Aborted when the client is gone or the registry closes. */
  readonly signal: AbortSignal;
}

/** Go's boolean words; null for any other. */
export function goBoolean(value: string): boolean | null {
  if (/^(1|t|true)$/i.test(value)) return true;
  return /^(0|f|false)$/i.test(value) ? false : null;
}

/** An option that is on when it stands there, unless its value says otherwise. */
export function flag(query: URLSearchParams, name: string): boolean {
  const value = query.get(name);
  if (value === null || value === '') return value !== null;
  const on = goBoolean(value);
  if (on === null) throw new ApiError(400, `Invalid value for ?${name}`);
  return on;
}

/** A 64-bit number of the query, as far as JavaScript counts exactly. */
export function number(query: URLSearchParams, name: string): number | null {
  const value = query.get(name);
  if (value === null) return null;
  if (/^\d{1,15}$/.test(value)) return Number(value);
  throw new ApiError(500, `strconv.ParseUint: parsing ${JSON.stringify(value)}: invalid syntax`);
}

export function splitTarget(target: string): { path: string; query: URLSearchParams } {
  const mark = target.indexOf('?');
  if (mark < 0) return { path: target, query: new URLSearchParams() };
  return { path: target.slice(0, mark), query: new URLSearchParams(target.slice(mark + 1)) };
}

export function decode(path: string): string {
  try {
    const decoded = decodeURIComponent(path);
    if (!decoded.includes('\0')) return decoded;
  } catch {
    // Falls through: both are unusable names.
  }
  throw new ApiError(400, 'Invalid path');
}

/** Reads the whole body, or refuses it once it is longer than `limit`. */
export async function readBody(message: IncomingMessage, limit: number): Promise<Buffer> {
  const declared = Number(message.headers['content-length'] ?? 0);
  if (declared > limit) throw tooLarge(declared, limit);
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of message as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > limit) throw tooLarge(size, limit);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, size);
}

const tooLarge = (size: number, limit: number): ApiError =>
  new ApiError(413, `Request body(${size} bytes) too large, max size: ${limit} bytes.`, {
    Connection: 'close',
  });
