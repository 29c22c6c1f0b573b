/**
 * Full jitter: a uniformly random wait below an exponentially growing ceiling. Spreads a fleet of clients better
 * than a fixed delay with some noise, and its average is half of the ceiling.
 */
export function fullJitter(
  attempt: number,
  baseMs: number,
  capMs: number,
  random: () => number = Math.random,
): number {
  // 2^30 is far above any cap; without the bound a long outage would overflow to Infinity * 0 = NaN.
  const ceiling = Math.min(capMs, baseMs * 2 ** Math.min(Math.max(0, attempt), 30));
  return random() * ceiling;
}
