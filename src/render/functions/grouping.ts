import { keyPairsType, keyPairType, servicesType, snippetsType } from '../dependencies/types.ts';
import { FunctionError } from '../template/errors.ts';
import { fixed } from '../template/functions.ts';
import {
  anyListType,
  anyType,
  type GoType,
  intType,
  mapOf,
  pointerTo,
  stringType,
} from '../template/kinds.ts';
import {
  Dict,
  type Int,
  type Key,
  List,
  Pointer,
  pointer,
  record,
  type Struct,
  typeOf,
  type Value,
} from '../template/values.ts';
import type { Named } from './define.ts';
import { goInt } from './numbers.ts';

const byAnyTag = mapOf(stringType, anyListType);
const byIntPort = mapOf(intType, anyListType);
const byText = mapOf(stringType, servicesType);
const pairsByKey = mapOf(stringType, pointerTo(keyPairType));
const byTopKey = mapOf(stringType, pairsByKey);

export function fieldOf(item: Value, name: string): Value {
  const struct = (item instanceof Pointer ? item.to : item) as Struct;
  return struct.values[struct.type.fieldIndex.get(name)!];
}

/** Lists of the items under each of their keys, in their order. */
function grouped(type: GoType, items: readonly Value[], keysOf: (item: Value) => readonly Key[]): Dict {
  const groups = new Map<Key, Value[]>();
  for (const item of items) {
    for (const key of keysOf(item)) {
      const group = groups.get(key);
      if (group === undefined) groups.set(key, [item]);
      else group.push(item);
    }
  }
  return new Dict(type, new Map([...groups].map(([key, group]) => [key, new List(type.elem!, group)])));
}

/** The items of a list of one of these types; nil has none. */
function itemsOf(name: string, given: Value, types: readonly GoType[]): readonly Value[] {
  if (given === undefined || given === null) return [];
  if (given instanceof List && types.some((type) => type.name === given.type.name)) return given.items;
  throw new FunctionError(`${name}: wrong argument type ${typeOf(given)!.name}`);
}

/** `a/b/c` goes under `a`, as `b/c`; keys without a slash are left out. */
function byKey(pairs: readonly Value[]): Dict {
  const groups = new Map<Key, Dict>();
  const keyAt = keyPairType.fieldIndex.get('Key')!;
  for (const pair of pairs) {
    const key = fieldOf(pair, 'Key') as string;
    const slash = key.indexOf('/');
    const rest = slash < 0 ? '' : key.slice(slash + 1);
    if (rest === '') continue;
    const top = key.slice(0, slash);
    const values = [...((pair as Pointer).to as Struct).values];
    values[keyAt] = rest;
    const group = groups.get(top) ?? new Dict(pairsByKey, new Map());
    group.entries.set(rest, pointer(record(keyPairType, values)));
    groups.set(top, group);
  }
  return new Dict(byTopKey, groups);
}

/** The values of some keys of the meta, joined: `a,b|int` is text a and number b, padded so that it sorts. */
function metaKey(names: readonly string[], service: Value): string {
  const meta = fieldOf(service, 'ServiceMeta') as Dict;
  const parts = names.map((name) => {
    const isNumber = name.endsWith('|int');
    const key = isNumber ? name.slice(0, -'|int'.length) : name;
    const given = (meta.entries.get(key) ?? '') as string;
    const value = given === '' ? (isNumber ? '0' : `_no_${key}_`) : given;
    return (isNumber ? padded(value) : value).replace(/[^a-zA-Z0-9_-]/gu, '_');
  });
  return parts.join('_');
}

function padded(text: string): string {
  let number: bigint;
  try {
    number = goInt(text, 'Atoi');
  } catch (error) {
    throw new FunctionError(`cannot parse ${text} as number : ${(error as Error).message}`);
  }
  const digits = (number < 0n ? -number : number).toString();
  return number < 0n ? `-${digits.padStart(4, '0')}` : digits.padStart(5, '0');
}

export const groupingFunctions: Named = [
  ['byKey', fixed([keyPairsType], ([pairs]) => byKey((pairs as List).items))],
  [
    'byTag',
    fixed([anyType], ([services]) =>
      grouped(
        byAnyTag,
        itemsOf('byTag', services, [servicesType, snippetsType]),
        (item) => (fieldOf(item, 'Tags') as List).items as readonly string[],
      ),
    ),
  ],
  [
    'byPort',
    fixed([anyType], ([services]) =>
      grouped(byIntPort, itemsOf('byPort', services, [servicesType]), (item) => [
        (fieldOf(item, 'Port') as Int).n,
      ]),
    ),
  ],
  [
    'byMeta',
    fixed([stringType, servicesType], ([meta, services]) => {
      const names = (meta as string).split(',');
      return grouped(byText, (services as List).items, (item) => [metaKey(names, item)]);
    }),
  ],
];
