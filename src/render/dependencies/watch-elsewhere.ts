import type { Clock } from '../../control/providers/clock.ts';
import type { Value } from '../template/values.ts';
import type { ConsulQuery, Query } from './query.ts';
import { watchFile } from './watch-file.ts';
import { watchLookup } from './watch-lookup.ts';

export interface WatchEvents {
  readonly onValue: (value: Value) => void;
  /** It cannot be read; what was read before stays. */
  readonly onTrouble: (reason: string) => void;
}

/** Watches what is not in Consul, until the signal aborts. */
export async function watchElsewhere(
  query: Exclude<Query, ConsulQuery>,
  redisUrl: string | null,
  events: WatchEvents,
  clock: Clock,
  signal: AbortSignal,
): Promise<void> {
  switch (query.kind) {
    case 'file':
      return watchFile(query.path, events, clock, signal);
    case 'lookup':
      return watchLookup(query, events, clock, signal);
    case 'redis':
      if (redisUrl === null) return events.onTrouble('there is no address of Redis');
      // Only here: few have Redis, and its client is large.
      return (await import('./watch-redis.ts')).watchRedis(redisUrl, query.key, events, clock, signal);
  }
}
