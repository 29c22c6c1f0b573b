import { createBell } from '../../control/certificates/bell.ts';
import type { Clock } from '../../control/providers/clock.ts';
import { escapePattern, explainRedis } from '../../control/redis.ts';
import { openRedisLink, type RedisLink } from '../../control/redis-link.ts';
import { stringMapType } from '../template/kinds.ts';
import { Dict, type Key, type Value } from '../template/values.ts';
import type { WatchEvents } from './watch-elsewhere.ts';

/** A change that was not told is found within these. */
const RESYNC_MS = 15_000;
const POLL_MS = 2_000;
/** Those who write several keys are told of one by one. */
const SETTLE_MS = 20;
const SCAN_COUNT = 1_000;
const READ_AT_ONCE = 200;
const MAX_KEYS = 50_000;

/**
 * Keys as confd reads them: `/a/b` is the text at that key, the fields of the hash there as `/a/b/FIELD`, or all texts
 * at keys below. While Redis is away nothing changes.
 */
export async function watchRedis(
  url: string,
  key: string,
  events: WatchEvents,
  clock: Clock,
  signal: AbortSignal,
): Promise<void> {
  const bell = createBell();
  let isUp = false;
  let isPushed = false;
  const link = openRedisLink({
    url,
    prefixes: [key === '/' ? '' : key],
    onReady(pushed) {
      isUp = true;
      isPushed = pushed;
      bell.ring();
    },
    onChange: bell.ring,
    onTrouble(reason) {
      isUp = false;
      if (!signal.aborted) events.onTrouble(reason);
    },
  });
  while (!signal.aborted) {
    if (isUp) {
      try {
        const value = await readKeys(link, key);
        if (!signal.aborted) events.onValue(value);
      } catch (error) {
        if (!signal.aborted) events.onTrouble(explainRedis(error as Error));
      }
    }
    await bell.wait(clock, isPushed ? RESYNC_MS : POLL_MS, signal);
    await clock.sleep(SETTLE_MS, signal);
  }
  link.close();
}

async function readKeys(link: RedisLink, key: string): Promise<Value> {
  const found = new Map<Key, Value>();
  const type = String(await link.call('TYPE', key));
  if (type === 'string') {
    const text = await link.call('GET', key);
    if (text !== null) found.set(key, String(text));
  } else if (type === 'hash') {
    const fields = (await link.call('HGETALL', key)) as readonly string[];
    for (let at = 0; at < fields.length; at += 2) found.set(`${key}/${fields[at]}`, fields[at + 1]!);
  } else await readBelow(link, key, found);
  return new Dict(stringMapType, found);
}

async function readBelow(link: RedisLink, key: string, found: Map<Key, Value>): Promise<void> {
  const pattern = key === '/' ? '*' : `${escapePattern(key)}/*`;
  const names = new Set<string>();
  let cursor = '0';
  do {
    const answer = await link.call('SCAN', cursor, 'MATCH', pattern, 'COUNT', SCAN_COUNT);
    const [next, some] = answer as readonly [string, readonly string[]];
    cursor = String(next);
    for (const name of some) names.add(name);
    if (names.size > MAX_KEYS) throw new Error(`more than ${MAX_KEYS} keys below ${key}`);
  } while (cursor !== '0');
  const sorted = [...names].sort();
  for (let at = 0; at < sorted.length; at += READ_AT_ONCE) {
    const some = sorted.slice(at, at + READ_AT_ONCE);
    const texts = (await link.call('MGET', ...some)) as readonly (string | null)[];
    for (const [index, text] of texts.entries()) if (text !== null) found.set(some[index]!, text);
  }
}
