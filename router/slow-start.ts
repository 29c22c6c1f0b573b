/**
 * Newcomers take a growing share of their weight, so that an instance with cold caches is not given at once what its warm
 * neighbours bear. Time is passed in.
 */

/** What a newcomer begins with: enough to warm up, and to be seen at work at once. */
const FIRST_SHARE = 0.2;
/** Weights that differ by no more than this are about the same. */
const NEAR = 2;

/** The share of its weight that an endpoint has `elapsedMs` after it began; it grows evenly up to 1. */
export function shareAfter(elapsedMs: number, durationMs: number): number {
  if (elapsedMs >= durationMs) return 1;
  return FIRST_SHARE + (1 - FIRST_SHARE) * (Math.max(0, elapsedMs) / durationMs);
}

interface Weighted {
  readonly id: string;
  readonly weight: number;
}

/**
 * Which endpoints of a pool are to begin slowly after a change: those that were not in it, where somebody of about their
 * weight stays who takes work meanwhile. Beside lighter ones only, what a newcomer does not take would be too much for
 * them (of all things for a canary); beside heavier ones only, it takes little anyway.
 */
export function newcomersOf(before: readonly Weighted[], now: readonly Weighted[]): readonly string[] {
  const known = new Map(before.map(({ id, weight }) => [id, weight]));
  const staying = [...new Set(now.filter(({ id }) => (known.get(id) ?? 0) > 0).map(({ weight }) => weight))];
  const isBorne = (weight: number): boolean => staying.some((other) => isNear(other, weight));
  return now.filter(({ id, weight }) => !known.has(id) && isBorne(weight)).map(({ id }) => id);
}

/** For each of these weights, whether another one is about the same. */
export function havePeers(weights: readonly number[]): readonly boolean[] {
  const order = weights.map((_, i) => i).sort((a, b) => weights[a]! - weights[b]!);
  const result = weights.map(() => false);
  for (let i = 1; i < order.length; i++) {
    const [lighter, heavier] = [order[i - 1]!, order[i]!];
    if (isNear(weights[lighter]!, weights[heavier]!)) result[lighter] = result[heavier] = true;
  }
  return result;
}

function isNear(a: number, b: number): boolean {
  const lighter = Math.min(a, b);
  return lighter > 0 && Math.max(a, b) <= lighter * NEAR;
}
