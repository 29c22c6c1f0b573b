import type { Config } from '../config/config.ts';

/** Keys of the configuration whose values differ. */
export function changedKeys(one: Config, other: Config): readonly string[] {
  const keys = Object.keys(one) as (keyof Config)[];
  return keys.filter((key) => withoutPlaces(one[key]) !== withoutPlaces(other[key]));
}

/** Where something stands in the file is no part of it. */
function withoutPlaces(value: unknown): string {
  return JSON.stringify(value, (key, each) => (key === 'at' ? undefined : each));
}
