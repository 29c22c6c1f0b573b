import { keyPairsType } from '../dependencies/types.ts';
import { FunctionError } from '../template/errors.ts';
import { sprintf } from '../template/format.ts';
import { fixed } from '../template/functions.ts';
import { sortedKeys } from '../template/keys.ts';
import { anyMapType } from '../template/kinds.ts';
import { quote } from '../template/quote.ts';
import { isTrue } from '../template/truth.ts';
import { Dict, dict, type Key, type List, type Value } from '../template/values.ts';
import type { Named } from './define.ts';
import { fieldOf } from './grouping.ts';
import { wrapping } from './numbers.ts';

const MAX_DEPTH = 100;

/** Puts a value at `a/b/c` of nested maps. A key cannot hold both a value and others below it. */
function place(into: Dict, path: string, value: Value): void {
  const parts = path.split('/');
  if (parts.length > MAX_DEPTH) throw new FunctionError(`keys nested deeper than ${MAX_DEPTH}`);
  let at = into;
  let shown = path;
  for (let index = 0; index < parts.length - 1; index++) {
    const part = parts[index]!;
    if (!at.entries.has(part)) at.entries.set(part, dict(anyMapType, []));
    const next = at.entries.get(part);
    if (!(next instanceof Dict) || next.type !== anyMapType) {
      const held = sprintf('%q', [next], 1_000);
      throw new FunctionError(`not a map: ${quote(shown)}: ${quote(part)} already has value ${held}`);
    }
    // The message names the part that was still to be placed one level up.
    shown = parts.slice(index).join('/');
    at = next;
  }
  const last = parts.at(-1)!;
  if (last !== '') at.entries.set(last, value);
}

/** mergo's: what is nothing in `dst` is taken from `src`; or, overriding, whatever `src` has. */
export function mergeInto(dst: Dict, src: Dict, overrides: boolean, depth = 0): Dict {
  if (depth > MAX_DEPTH) throw new FunctionError(`maps nested deeper than ${MAX_DEPTH}`);
  for (const [key, value] of src.entries) {
    const held = dst.entries.get(key);
    if (held instanceof Dict && value instanceof Dict && held.type.key === value.type.key) {
      if (held !== value) mergeInto(held, value, overrides, depth + 1);
    } else if (overrides || !isTrue(held)) {
      dst.entries.set(key, value);
    }
  }
  return dst;
}

function merging(overrides: boolean): Named[number][1] {
  return fixed([anyMapType, anyMapType], ([dst, src], context) => {
    context.spend((src as Dict).entries.size);
    return mergeInto(dst as Dict, src as Dict, overrides);
  });
}

export const mapFunctions: Named = [
  [
    'explode',
    fixed([keyPairsType], ([pairs]) => {
      const map = dict(anyMapType, []);
      wrapping('explode', () => {
        for (const pair of (pairs as List).items)
          place(map, fieldOf(pair, 'Key') as string, fieldOf(pair, 'Value'));
      });
      return map;
    }),
  ],
  [
    'explodeMap',
    fixed([anyMapType], ([given]) => {
      const map = dict(anyMapType, []);
      wrapping('explodeMap', () => {
        const source = given as Dict;
        for (const key of sortedKeys(source) as readonly Key[])
          place(map, key as string, source.entries.get(key));
      });
      return map;
    }),
  ],
  ['mergeMap', merging(false)],
  ['mergeMapWithOverride', merging(true)],
];
