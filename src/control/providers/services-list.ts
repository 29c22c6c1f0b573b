import { BadAnswer, isObject, parseJson } from './fault.ts';

/** Names of the catalog, each with the tags of all its instances. */
export type ServicesList = ReadonlyMap<string, readonly string[]>;

/** Reads `/v1/catalog/services`: `{"web": ["v1"], "consul": []}`. */
export function readServicesList(body: Buffer): ServicesList {
  const answer = parseJson(body);
  if (!isObject(answer)) throw new BadAnswer('services: not an object');
  const list = new Map<string, readonly string[]>();
  for (const [name, tags] of Object.entries(answer)) {
    list.set(
      name,
      Array.isArray(tags) ? tags.filter((tag): tag is string => typeof tag === 'string').sort() : [],
    );
  }
  return list;
}

/** Names that are only in one of the lists, or carry different tags. */
export function changedNames(before: ServicesList, after: ServicesList): readonly string[] {
  const changed: string[] = [];
  for (const [name, tags] of after) {
    const old = before.get(name);
    if (old === undefined || old.length !== tags.length || old.some((tag, i) => tag !== tags[i]))
      changed.push(name);
  }
  for (const name of before.keys()) if (!after.has(name)) changed.push(name);
  return changed;
}
