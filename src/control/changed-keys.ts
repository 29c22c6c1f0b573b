import type { Config } from '../config/config.ts';

/** Keys of the configuration whose values differ; of `tls`, those below it. */
export function changedKeys(one: Config, other: Config): readonly string[] {
  const keys = (Object.keys(one) as (keyof Config)[]).filter((key) => key !== 'tls');
  const groups = Object.keys(one.tls) as (keyof Config['tls'])[];
  return [
    ...keys
      .filter((key) => withoutPlaces(one[key]) !== withoutPlaces(other[key]))
      .map((key) => NAMES[key] ?? key),
    ...groups
      .filter((key) => withoutPlaces(one.tls[key]) !== withoutPlaces(other.tls[key]))
      .map((key) => NAMES[`tls.${key}`] ?? `tls.${key}`),
  ];
}

/** As the file calls them. */
const NAMES: Readonly<Record<string, string>> = { acme: 'tls.acme', 'tls.defaultName': 'tls.default' };

/** Where something stands in the file is no part of it. */
function withoutPlaces(value: unknown): string {
  return JSON.stringify(value, (key, each) => (key === 'at' ? undefined : each));
}
