/**
 * Newcomers take a growing share of their weight, so that an instance with cold caches is not given at once what its warm
 * neighbours bear. Time is passed in.
 */

/** What a newcomer begins with: enough to warm up, and to be seen at work at once. */
const FIRST_SHARE = 0.2;

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
 * Which endpoints of a pool are to begin slowly after a change: those that were not in it, where somebody stays who takes
 * work meanwhile. When nobody does, the newcomers have to bear all of it, and their shares would be equal anyway.
 */
export function newcomersOf<T extends Weighted>(
  before: readonly Weighted[],
  now: readonly T[],
): readonly T[] {
  const working = new Map(before.map(({ id, weight }) => [id, weight > 0]));
  const isBorne = now.some(({ id, weight }) => weight > 0 && working.get(id) === true);
  return isBorne ? now.filter(({ id }) => !working.has(id)) : [];
}
