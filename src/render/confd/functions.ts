import { existsSync } from 'node:fs';
import type { Query } from '../dependencies/query.ts';
import { srvsType } from '../dependencies/watch-lookup.ts';
import { type Named, ofManyTexts, ofTexts } from '../functions/define.ts';
import {
  base64Decode,
  base64Encode,
  replaceAll,
  sortedTexts,
  split,
  toLower,
  toUpper,
} from '../functions/go-text.ts';
import { formatGoTime } from '../functions/go-time.ts';
import { goBool, goInt } from '../functions/numbers.ts';
import { readJson } from '../functions/parsing.ts';
import { baseName, directory } from '../functions/paths.ts';
import { byteLength } from '../template/bytes.ts';
import { FunctionError } from '../template/errors.ts';
import { fixed, method, type TemplateFunction, variadic } from '../template/functions.ts';
import {
  anyListType,
  anyMapType,
  anyType,
  defined,
  intType,
  sliceOf,
  stringListType,
  stringType,
  structType,
} from '../template/kinds.ts';
import {
  Dict,
  dict,
  type Int,
  int,
  List,
  record,
  type Struct,
  strings,
  type Value,
} from '../template/values.ts';
import { type ConfdKeys, foldersBelow, keysMatching, namesBelow } from './store.ts';

/** What confd's functions reach outside of their arguments. */
export interface ConfdWorld {
  keys(): ConfdKeys;
  ask(query: Query): Value;
  environment(name: string): string | undefined;
  now(): Date;
}

const pairType = structType('memkv.KVPair', [
  ['Key', stringType],
  ['Value', stringType],
]);
const plainPairsType = sliceOf(pairType);
const pairsType = defined('memkv.KVPairs', plainPairsType);

const timeType = structType('time.Time', [], {
  text: (value) => formatGoTime(timeOf(value), '2006-01-02 15:04:05 -0700 MST'),
  methods: {
    Format: method([stringType], (value, [layout]) => formatGoTime(timeOf(value), layout as string)),
    Unix: method([], (value) => int(Math.floor(timeOf(value).getTime() / 1000), 'int64')),
    Year: method([], (value) => int(timeOf(value).getUTCFullYear())),
  },
});

function timeOf(value: Value): Date {
  return (value as Struct).inner as Date;
}

function pairOf(keys: ConfdKeys, key: string): Value {
  const value = keys.get(key);
  if (value === undefined) throw new FunctionError(`key does not exist: ${key}`);
  return record(pairType, [key, value]);
}

/** What confd reads from its store. */
function storeFunctions(world: ConfdWorld): Named {
  return [
    ['exists', ofTexts(1, (key) => world.keys().has(key))],
    ['get', ofTexts(1, (key) => pairOf(world.keys(), key))],
    [
      'getv',
      ofManyTexts(1, (key, otherwise) => {
        const value = world.keys().get(key!) ?? otherwise;
        if (value === undefined) throw new FunctionError(`key does not exist: ${key}`);
        return value;
      }),
    ],
    [
      'gets',
      ofTexts(1, (pattern) => {
        const keys = world.keys();
        return new List(
          pairsType,
          keysMatching(keys, pattern).map((key) => pairOf(keys, key)),
        );
      }),
    ],
    [
      'getvs',
      ofTexts(1, (pattern) => {
        const keys = world.keys();
        return strings(sortedTexts(keysMatching(keys, pattern).map((key) => keys.get(key)!)));
      }),
    ],
    ['ls', ofTexts(1, (path) => strings(namesBelow(world.keys(), path)))],
    ['lsdir', ofTexts(1, (path) => strings(foldersBelow(world.keys(), path)))],
    [
      'getenv',
      // An empty variable counts as none.
      ofManyTexts(1, (name, otherwise = '') => world.environment(name!) || otherwise),
    ],
    ['datetime', fixed([], () => record(timeType, [], world.now()))],
    ...lookups(world),
  ];
}

function lookups(world: ConfdWorld): Named {
  const addresses = (isWanted: (address: string) => boolean): TemplateFunction =>
    ofTexts(1, (name) => {
      const answer = world.ask({ kind: 'lookup', id: `lookup.address(${name})`, name, type: 'address' });
      return strings(
        ((answer as List | undefined)?.items ?? []).filter((each) => isWanted(each as string)) as string[],
      );
    });
  return [
    ['lookupIP', addresses(() => true)],
    ['lookupIPV4', addresses((address) => address.includes('.'))],
    ['lookupIPV6', addresses((address) => address.includes(':'))],
    [
      'lookupSRV',
      ofTexts(3, (service, protocol, domain) => {
        const name = service === '' && protocol === '' ? domain : `_${service}._${protocol}.${domain}`;
        const query = { kind: 'lookup', id: `lookup.service(${name})`, name, type: 'service' } as const;
        return world.ask(query) ?? new List(srvsType, []);
      }),
    ],
  ];
}

function integers(call: (a: bigint, b: bigint) => bigint): TemplateFunction {
  return fixed([intType, intType], ([a, b]) => int(call((a as Int).n, (b as Int).n)));
}

function nonZero(divisor: bigint): bigint {
  if (divisor === 0n) throw new FunctionError('runtime error: integer divide by zero');
  return divisor;
}

const MAX_SEQUENCE = 1_000_000n;

function sequence(first: bigint, last: bigint): Value {
  if (last - first > MAX_SEQUENCE) throw new FunctionError(`more than ${MAX_SEQUENCE} numbers`);
  const numbers: Value[] = [];
  for (let at = first; at <= last; at++) numbers.push(int(at));
  return new List(sliceOf(intType), numbers);
}

function mapFrom(values: readonly Value[]): Value {
  if (values.length % 2 !== 0) throw new FunctionError('invalid map call');
  const map = dict(anyMapType, []);
  for (let at = 0; at < values.length; at += 2) {
    const key = values[at];
    if (typeof key !== 'string') throw new FunctionError('map keys must be strings');
    map.entries.set(key, values[at + 1] ?? null);
  }
  return map;
}

function jsonOf(kind: 'object' | 'array', text: string): Value {
  const value = readJson(text);
  if (kind === 'object' ? value instanceof Dict : value instanceof List) return value;
  if (value === null)
    return kind === 'object' ? new Dict(anyMapType, new Map(), true) : new List(anyListType, [], true);
  throw new FunctionError(
    `json: cannot unmarshal into Go value of type ${kind === 'object' ? 'map[string]interface {}' : '[]interface {}'}`,
  );
}

function byLength(list: Value, textOf: (item: Value) => string): Value {
  const { type, items } = list as List;
  return new List(
    type,
    [...items].sort((a, b) => byteLength(textOf(a)) - byteLength(textOf(b))),
  );
}

/** Go's Replace, with a count below zero for all. */
function replace(text: string, from: string, to: string, count: bigint): string {
  return replaceAll(text, from, to, count < 0n ? undefined : Number(count));
}

const pureFunctions: Named = [
  ['base', ofTexts(1, baseName)],
  ['dir', ofTexts(1, directory)],
  ['split', ofTexts(2, (text, separator) => strings(split(text, separator)))],
  [
    'join',
    fixed([stringListType, stringType], ([list, separator]) =>
      ((list as List).items as readonly string[]).join(separator as string),
    ),
  ],
  [
    'replace',
    fixed([stringType, stringType, stringType, intType], ([text, from, to, count]) =>
      replace(text as string, from as string, to as string, (count as Int).n),
    ),
  ],
  ['contains', ofTexts(2, (text, part) => text.includes(part))],
  [
    'trimSuffix',
    ofTexts(2, (text, suffix) =>
      suffix !== '' && text.endsWith(suffix) ? text.slice(0, -suffix.length) : text,
    ),
  ],
  ['toUpper', ofTexts(1, toUpper)],
  ['toLower', ofTexts(1, toLower)],
  ['json', ofTexts(1, (text) => jsonOf('object', text))],
  ['jsonArray', ofTexts(1, (text) => jsonOf('array', text))],
  ['map', variadic([], anyType, mapFrom)],
  ['atoi', ofTexts(1, (text) => int(goInt(text, 'Atoi')))],
  ['parseBool', ofTexts(1, goBool)],
  ['add', integers((a, b) => a + b)],
  ['sub', integers((a, b) => a - b)],
  ['mul', integers((a, b) => a * b)],
  ['div', integers((a, b) => a / nonZero(b))],
  ['mod', integers((a, b) => a % nonZero(b))],
  ['seq', fixed([intType, intType], ([first, last]) => sequence((first as Int).n, (last as Int).n))],
  [
    'reverse',
    fixed([anyType], ([list]) =>
      list instanceof List ? new List(list.type, [...list.items].reverse()) : list,
    ),
  ],
  ['sortByLength', fixed([stringListType], ([list]) => byLength(list, (item) => item as string))],
  [
    'sortKVByLength',
    fixed([plainPairsType], ([list]) => byLength(list, (item) => (item as Struct).values[0] as string)),
  ],
  ['fileExists', ofTexts(1, (path) => existsSync(path))],
  ['base64Encode', ofTexts(1, (text) => base64Encode(text))],
  [
    'base64Decode',
    ofTexts(1, (text) => {
      const decoded = base64Decode(text);
      if (decoded === null) throw new FunctionError('illegal base64 data');
      return decoded;
    }),
  ],
];

/** confd's functions, which share names but not the order of arguments with consul-template's. */
export function confdFunctions(world: ConfdWorld): ReadonlyMap<string, TemplateFunction> {
  return new Map([...pureFunctions, ...storeFunctions(world)]);
}
