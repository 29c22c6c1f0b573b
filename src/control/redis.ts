import { Redis, type RedisOptions } from 'ioredis';

/** The only file that knows the Redis library: connections, and words for what goes wrong with them. */

export type RedisConnection = Redis;

const COMMAND_MS = 5_000;
const CONNECT_MS = 3_000;

export interface RedisTemper extends Pick<RedisOptions, 'autoResubscribe' | 'enableOfflineQueue'> {
  /** Tries per command, over reconnections; null repeats it for ever. */
  readonly maxRetriesPerRequest: number | null;
  /** Until the next attempt to connect. */
  readonly retryStrategy: (attempt: number) => number;
}

/** Connects in the background and again for ever; `name` is what the server lists it as. */
export function connectRedis(url: string, name: string, temper: RedisTemper): RedisConnection {
  return new Redis(url, {
    connectionName: name,
    // Over RESP2 a second connection can be told of changes like of any message.
    protocol: 2,
    connectTimeout: CONNECT_MS,
    commandTimeout: COMMAND_MS,
    keepAlive: 10_000,
    ...temper,
  });
}

/** So that a prefix stands for itself in a pattern of SCAN or PSUBSCRIBE. */
export function escapePattern(text: string): string {
  return text.replace(/[\\*?[\]^]/g, '\\$&');
}

/** What went wrong, in words; the library's never hold the password. */
export function explainRedis(error: Error): string {
  const { code } = error as NodeJS.ErrnoException;
  if (code === 'ECONNREFUSED') return 'connection refused';
  if (error.message.includes('enableOfflineQueue')) return 'not connected';
  if (error instanceof AggregateError && error.errors.length > 0)
    return explainRedis(error.errors[0] as Error);
  return (error.message || error.name).slice(0, 200);
}
