import { FunctionError } from '../../template/errors.ts';
import { fixed, type TemplateFunction, variadic } from '../../template/functions.ts';
import { sortedKeys } from '../../template/keys.ts';
import { anyListType, anyMapType, anyType, stringType } from '../../template/kinds.ts';
import { Dict, dict, type Key, List, strings, typeOf, type Value } from '../../template/values.ts';
import type { Named } from '../define.ts';
import { mergeInto } from '../maps.ts';
import { textOf } from './convert.ts';

/** Go gives keys and values in another order at every call; here they are sorted, so that nothing changes by itself. */

const MAX_DEPTH = 100;

function dictOf(pairs: readonly Value[]): Dict {
  const map = dict(anyMapType, []);
  for (let at = 0; at < pairs.length; at += 2) {
    map.entries.set(textOf(pairs[at]), at + 1 < pairs.length ? (pairs[at + 1] ?? null) : '');
  }
  return map;
}

function merging(overrides: boolean): TemplateFunction {
  return variadic([anyMapType], anyMapType, ([dst, ...sources]) => {
    for (const source of sources) mergeInto(dst as Dict, source as Dict, overrides);
    return dst;
  });
}

function keysOf(maps: readonly Value[]): List {
  return strings(maps.flatMap((map) => sortedKeys(map as Dict) as readonly string[]));
}

function valuesOf(map: Dict): List {
  return new List(
    anyListType,
    sortedKeys(map).map((key) => map.entries.get(key)),
  );
}

/** Those of a map's entries whose key is, or is not, among some. */
function chosen(map: Dict, keys: readonly Value[], isWanted: boolean): Dict {
  const named = new Set(keys as readonly Key[]);
  return dict(
    anyMapType,
    [...map.entries].filter(([key]) => named.has(key) === isWanted),
  );
}

/** `dig "a" "b" otherwise map`: what is at a.b, or else `otherwise`. */
function dig(args: readonly Value[]): Value {
  if (args.length < 3) throw new FunctionError('dig needs at least three arguments');
  const path = args.slice(0, -2);
  const otherwise = args.at(-2);
  let at = args.at(-1);
  for (const key of path) {
    if (typeof key !== 'string' || !(at instanceof Dict)) {
      throw new FunctionError(`dig: cannot step into ${typeOf(at)?.name ?? 'nil'}`);
    }
    if (!at.entries.has(key)) return otherwise;
    at = at.entries.get(key);
  }
  return at;
}

function deepCopy(value: Value, depth = 0): Value {
  if (depth > MAX_DEPTH) throw new FunctionError(`value nested deeper than ${MAX_DEPTH} levels`);
  if (value instanceof Dict) {
    const entries = [...value.entries].map(([key, item]) => [key, deepCopy(item, depth + 1)] as const);
    return new Dict(value.type, new Map(entries), value.isNil);
  }
  if (!(value instanceof List)) return value;
  return new List(
    value.type,
    value.items.map((item) => deepCopy(item, depth + 1)),
    value.isNil,
  );
}

const copying = fixed([anyType], ([value]) => deepCopy(value));

export const dictFunctions: Named = [
  ['dict', variadic([], anyType, dictOf)],
  [
    'get',
    fixed([anyMapType, stringType], ([map, key]) => {
      const { entries } = map as Dict;
      return entries.has(key as Key) ? entries.get(key as Key) : '';
    }),
  ],
  [
    'set',
    fixed([anyMapType, stringType, anyType], ([map, key, value]) => {
      (map as Dict).entries.set(key as Key, value ?? null);
      return map;
    }),
  ],
  [
    'unset',
    fixed([anyMapType, stringType], ([map, key]) => {
      (map as Dict).entries.delete(key as Key);
      return map;
    }),
  ],
  ['hasKey', fixed([anyMapType, stringType], ([map, key]) => (map as Dict).entries.has(key as Key))],
  [
    'pluck',
    variadic([stringType], anyMapType, ([key, ...maps]) => {
      const having = (maps as readonly Dict[]).filter((map) => map.entries.has(key as Key));
      return new List(
        anyListType,
        having.map((map) => map.entries.get(key as Key)),
      );
    }),
  ],
  ['keys', variadic([], anyMapType, keysOf)],
  ['values', fixed([anyMapType], ([map]) => valuesOf(map as Dict))],
  ['pick', variadic([anyMapType], stringType, ([map, ...keys]) => chosen(map as Dict, keys, true))],
  ['omit', variadic([anyMapType], stringType, ([map, ...keys]) => chosen(map as Dict, keys, false))],
  ['merge', merging(false)],
  ['mustMerge', merging(false)],
  ['mergeOverwrite', merging(true)],
  ['mustMergeOverwrite', merging(true)],
  ['dig', variadic([], anyType, dig)],
  ['deepCopy', copying],
  ['mustDeepCopy', copying],
];
