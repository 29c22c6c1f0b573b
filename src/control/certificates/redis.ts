import { MAX_PEM_BYTES } from '../../../tls/pem.ts';
import { describeRedisUrl } from '../../config/redis-url.ts';
import { type Clock, systemClock } from '../providers/clock.ts';
import type { Log } from '../providers/fault-log.ts';
import { escapePattern, explainRedis } from '../redis.ts';
import { openRedisLink, type RedisLink } from '../redis-link.ts';
import { beginWithKept } from './begin-with-kept.ts';
import { createBell } from './bell.ts';
import type { CertificateCopy } from './copies.ts';
import { type Item, Keeper } from './keeper.ts';
import { type CertificateSource, MAX_CERTIFICATES, type OnCertificates } from './source.ts';

export interface RedisSourceOptions {
  readonly url: string;
  /** Hashes whose keys begin with one of these, first come first served for the same rest of the key. */
  readonly prefixes: readonly string[];
  readonly log: Log;
  /** For a start without Redis. */
  readonly copy?: CertificateCopy | null;
  readonly clock?: Clock;
}

/** A change that was not told (a lost message, a server that tells none) is found within these. */
const RESYNC_MS = 15_000;
const POLL_MS = 500;
/** A look walks over all keys of the database, and reads every certificate: it is done less often where there are more. */
const KEYS_PER_POLL = 20_000;
const CERTIFICATES_PER_POLL = 200;
/** Those who write several keys are told of one by one. At least as long as the look before took. */
const SETTLE_MS = 20;
const SCAN_COUNT = 1_000;
const READ_AT_ONCE = 50;

/**
 * Certificates in Redis: a hash per name with the fields `cert` and `key`, or `certificate` and `key` as PlanB has
 * them. While Redis is away nothing changes.
 */
export function redisSource(options: RedisSourceOptions): CertificateSource {
  const name = `redis ${describeRedisUrl(options.url) ?? 'with a bad url'}`;
  return { name, watch: (onCertificates, signal) => follow(name, options, onCertificates, signal) };
}

async function follow(
  name: string,
  { url, prefixes, log, copy = null, clock = systemClock }: RedisSourceOptions,
  onCertificates: OnCertificates,
  signal: AbortSignal,
): Promise<void> {
  const keeper = new Keeper(copy);
  const tell = await beginWithKept({ source: name, keeper, clock, log }, onCertificates, signal);
  const bell = createBell();
  let isUp = false;
  let isPushed = false;
  let isTold = false;
  const fail = (reason: string): void => {
    isUp = false;
    if (!isTold)
      log.warn(
        { source: name, error: reason },
        'redis cannot be read; keeping the certificates that are known',
      );
    isTold = true;
    if (!signal.aborted) tell(keeper.last, [{ source: name, reason }]);
  };
  const link = openRedisLink({
    url,
    prefixes,
    onReady(pushed) {
      isUp = true;
      isPushed = pushed;
      bell.ring();
    },
    onChange: bell.ring,
    onTrouble: fail,
  });
  let life: string | null = null;
  let pauseMs = RESYNC_MS;
  let settleMs = SETTLE_MS;
  while (!signal.aborted) {
    if (isUp) {
      const beganAt = clock.now();
      try {
        const now = await lifeOf(link);
        const isDoubtful = life !== null && now !== life;
        const { items, keys } = await readAll(link, prefixes);
        const { set, refused } = await keeper.take(items, isDoubtful);
        life = now;
        pauseMs = isPushed ? RESYNC_MS : pollPauseMs(keys, items.size);
        settleMs = Math.max(SETTLE_MS, clock.now() - beganAt);
        if (isTold) log.info({ source: name }, 'redis answers again');
        isTold = false;
        if (!signal.aborted) tell(set, refused);
      } catch (error) {
        fail(explainRedis(error as Error));
        isUp = true;
        pauseMs = POLL_MS;
      }
    }
    await bell.wait(clock, pauseMs, signal);
    await clock.sleep(settleMs, signal);
  }
  link.close();
}

function pollPauseMs(keys: number, certificates: number): number {
  return POLL_MS * Math.max(1, keys / KEYS_PER_POLL, certificates / CERTIFICATES_PER_POLL);
}

/** Changes when the server is started anew, or when another one answers: then it may know less. */
async function lifeOf(link: RedisLink): Promise<string> {
  const info = String(await link.call('INFO', 'server'));
  return /^run_id:(\w+)/m.exec(info)?.[1] ?? '';
}

async function readAll(
  link: RedisLink,
  prefixes: readonly string[],
): Promise<{ readonly items: ReadonlyMap<string, Item>; readonly keys: number }> {
  const items = new Map<string, Item>();
  for (const prefix of prefixes) {
    const { keys, isCut } = await scan(link, prefix);
    for (let at = 0; at < keys.length; at += READ_AT_ONCE) {
      const some = keys.slice(at, at + READ_AT_ONCE);
      const read = await Promise.all(some.map((key) => readHash(link, key)));
      for (const [index, item] of read.entries()) if (item !== null) items.set(some[index]!, item);
    }
    if (isCut) {
      items.set(prefix, { source: `redis ${prefix}*`, reason: `more than ${MAX_CERTIFICATES} certificates` });
    }
  }
  return { items, keys: Number(await link.call('DBSIZE')) };
}

async function scan(link: RedisLink, prefix: string): Promise<{ keys: readonly string[]; isCut: boolean }> {
  const keys = new Set<string>();
  const pattern = `${escapePattern(prefix)}*`;
  let cursor = '0';
  do {
    const answer = await link.call('SCAN', cursor, 'MATCH', pattern, 'COUNT', SCAN_COUNT);
    const [next, found] = answer as readonly [string, readonly string[]];
    cursor = String(next);
    for (const key of found) keys.add(key);
  } while (cursor !== '0' && keys.size <= MAX_CERTIFICATES);
  const sorted = [...keys].sort();
  return { keys: sorted.slice(0, MAX_CERTIFICATES), isCut: sorted.length > MAX_CERTIFICATES };
}

/** Null for a key that is gone by now. A value is measured before it is fetched. */
async function readHash(link: RedisLink, key: string): Promise<Item | null> {
  const source = `redis ${key}`;
  try {
    const [cert, certificate, ownKey] = await Promise.all(
      ['cert', 'certificate', 'key'].map(async (field) => Number(await link.call('HSTRLEN', key, field))),
    );
    if (Math.max(cert!, certificate!, ownKey!) > MAX_PEM_BYTES)
      return { source, reason: 'larger than 256KiB' };
    const field = cert! > 0 ? 'cert' : 'certificate';
    const [certPem, keyPem] = (await link.call('HMGET', key, field, 'key')) as readonly (string | null)[];
    if (certPem === null && keyPem === null) return nothingIn(link, key, source);
    if (!certPem) return { source, reason: 'there is no field "cert"' };
    if (!keyPem) return { source, reason: 'there is no field "key"' };
    return { source, certPem, keyPem };
  } catch (error) {
    const { message } = error as Error;
    if (message.startsWith('WRONGTYPE')) return { source, reason: 'not a hash' };
    throw error;
  }
}

async function nothingIn(link: RedisLink, key: string, source: string): Promise<Item | null> {
  const type = String(await link.call('TYPE', key));
  return type === 'none' ? null : { source, reason: 'has neither "cert" nor "key"' };
}
