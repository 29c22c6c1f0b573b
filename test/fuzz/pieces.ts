import type { Random } from './random.ts';

/** Where to cut `length` bytes: at a few places, seldom at every one. Ascending, duplicates left out. */
export function cuts(random: Random, length: number): number[] {
  if (length < 400 && random.chance(0.05)) return Array.from({ length }, (_, at) => at).slice(1);
  const places = new Set<number>();
  for (let count = 1 + random.below(4); count > 0; count--) places.add(random.below(length + 1));
  return [...places].sort((a, b) => a - b);
}

/** The pieces between the places. Each is a copy, as reads from a socket are. */
export function cutAt(bytes: Buffer, places: readonly number[]): Buffer[] {
  const ends = [...places, bytes.length];
  return ends.map((end, index) => Buffer.from(bytes.subarray(ends[index - 1] ?? 0, end)));
}
