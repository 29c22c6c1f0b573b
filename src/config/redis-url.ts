import { problem, readNamed, type Sources } from './sources.ts';

/** A server as configuration names it. */
export interface GivenRedis {
  readonly url?: string | null | undefined;
  readonly urlFile?: string | null | undefined;
}

export interface RedisPlace {
  /** For messages: `redis`, `tls.acme.redis`. */
  readonly key: string;
  readonly at: string | null;
}

/** `url`, what `urlFile` holds, or REDIS_URL; null after a problem. Messages never repeat a URL: it may hold a password. */
export function resolveRedisUrl(
  { url, urlFile }: GivenRedis,
  { key, at }: RedisPlace,
  sources: Sources,
  environmentUrl: string | null,
): string | null {
  if (url != null && urlFile != null) {
    problem(sources, at, `${key} has either "url" or "urlFile", not both`);
    return null;
  }
  const text = urlFile == null ? (url ?? environmentUrl) : readNamed(sources, `${key}.urlFile`, urlFile, at);
  if (text === null) {
    if (urlFile == null) problem(sources, at, `${key} needs "url", "urlFile" or REDIS_URL`);
    return null;
  }
  if (describeRedisUrl(text.trim()) !== null) return text.trim();
  const example = 'redis://host:6379 or rediss://user:password@host:6379/0';
  problem(sources, at, `${key}: not a URL of Redis: write ${example}`);
  return null;
}

/** `host:port/db` without what is secret, for people; null when it is no URL of Redis. */
export function describeRedisUrl(text: string): string | null {
  if (!URL.canParse(text)) return null;
  const { protocol, hostname, port, pathname } = new URL(text);
  if ((protocol !== 'redis:' && protocol !== 'rediss:') || hostname === '') return null;
  return `${hostname}:${port === '' ? 6379 : port}${pathname === '/' ? '' : pathname}`;
}
