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

interface Present extends Weighted {
  /** It is warm, or starts slowly itself. One that just came, when nobody was there, is neither. */
  readonly isSettled: boolean;
}

/**
 * Which endpoints of a pool are to begin slowly after a change: those that were not in it, where somebody settled of about
 * their weight stays who takes work meanwhile. Instances of a new service come one after the other, and all are cold. Beside lighter ones only, what a newcomer does not take would be too much for
 * them (of all things for a canary); beside heavier ones only, it takes little anyway.
 */
export function newcomersOf(before: readonly Present[], now: readonly Weighted[]): readonly string[] {
  const known = new Map(before.map((present) => [present.id, present]));
  const bears = (present: Present | undefined): boolean => present?.isSettled === true && present.weight > 0;
  const staying = [...new Set(now.filter(({ id }) => bears(known.get(id))).map(({ weight }) => weight))];
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
