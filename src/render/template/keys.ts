import { compareText } from './bytes.ts';
import type { Dict, Key } from './values.ts';

const rank: Readonly<Record<string, number>> = { boolean: 0, bigint: 1, number: 2, string: 3 };

/** Order of a map's keys: numbers by size, strings by bytes, false before true, and those kinds apart. */
function compareKeys(one: Key, other: Key): number {
  if (typeof one === 'string' && typeof other === 'string') return compareText(one, other);
  if (typeof one !== typeof other) return rank[typeof one]! - rank[typeof other]!;
  if (Number.isNaN(one)) return -1;
  return one < other ? -1 : one > other ? 1 : 0;
}

/** Keys in the order in which a map is ranged over and printed. */
export function sortedKeys(map: Dict): Key[] {
  return [...map.entries.keys()].sort(compareKeys);
}
