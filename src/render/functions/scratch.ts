import { FunctionError } from '../template/errors.ts';
import { method } from '../template/functions.ts';
import { sortedKeys } from '../template/keys.ts';
import { anyListType, anyMapType, anyType, stringType, structType } from '../template/kinds.ts';
import { quote } from '../template/quote.ts';
import { Dict, dict, type Key, List, pointer, record, type Struct, type Value } from '../template/values.ts';

/** A place to keep values in during one evaluation: `scratch.Set "a" 1`, then `scratch.Get "a"`. */

type Kept = Map<string, Value>;

const kept = (receiver: Value): Kept => (receiver as Struct).inner as Kept;

function mapSet(values: Kept, key: string, inner: Key, value: Value, overwrites: boolean): string {
  const map = values.get(key) ?? dict(anyMapType, []);
  if (!(map instanceof Dict) || map.type !== anyMapType)
    throw new FunctionError(`${quote(key)} is not a map`);
  values.set(key, map);
  if (overwrites || !map.entries.has(inner)) map.entries.set(inner, value);
  return '';
}

function mapValues(values: Kept, key: string): List {
  const map = values.get(key);
  if (!(map instanceof Dict) || map.type !== anyMapType) return new List(anyListType, [], true);
  return new List(
    anyListType,
    sortedKeys(map).map((inner) => map.entries.get(inner)),
  );
}

/** A missing value is Go's nil interface, which `Get` of an unknown key gives. */
const scratchType = structType('template.Scratch', [], {
  methods: {
    Key: method([stringType], (own, [key]) => kept(own).has(key as string)),
    Get: method([stringType], (own, [key]) => kept(own).get(key as string) ?? null),
    Set: method([stringType, anyType], (own, [key, value]) => {
      kept(own).set(key as string, value ?? null);
      return '';
    }),
    SetX: method([stringType, anyType], (own, [key, value]) => {
      if (!kept(own).has(key as string)) kept(own).set(key as string, value ?? null);
      return '';
    }),
    MapSet: method([stringType, stringType, anyType], (own, [key, inner, value]) =>
      mapSet(kept(own), key as string, inner as string, value ?? null, true),
    ),
    MapSetX: method([stringType, stringType, anyType], (own, [key, inner, value]) =>
      mapSet(kept(own), key as string, inner as string, value ?? null, false),
    ),
    MapValues: method([stringType], (own, [key]) => mapValues(kept(own), key as string)),
  },
});

/** An empty one. */
export function newScratch(): Value {
  return pointer(record(scratchType, [], new Map<string, Value>()));
}
