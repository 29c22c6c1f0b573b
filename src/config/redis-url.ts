/** `host:port/db` without what is secret, for people; null when it is no URL of Redis. */
export function describeRedisUrl(text: string): string | null {
  if (!URL.canParse(text)) return null;
  const { protocol, hostname, port, pathname } = new URL(text);
  if ((protocol !== 'redis:' && protocol !== 'rediss:') || hostname === '') return null;
  return `${hostname}:${port === '' ? 6379 : port}${pathname === '/' ? '' : pathname}`;
}
