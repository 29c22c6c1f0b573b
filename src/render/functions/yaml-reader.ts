import { parseDocument, type ScalarTag, type Tags } from 'yaml';
import { fromBytes } from '../template/bytes.ts';
import { FunctionError } from '../template/errors.ts';
import { anyListType, anyType, mapOf } from '../template/kinds.ts';
import { Dict, float, int, type Key, List, type Value } from '../template/values.ts';

/** The only file that reads YAML for templates. */

/** What yaml.v2 decodes every mapping to: which is why `parseYAML | toJSON` fails. */
export const yamlMapType = mapOf(anyType, anyType);

const MAX_DEPTH = 100;
/** References may make a small text large. */
const MAX_ALIASES = 100;

/** Octal numbers as Go writes them. */
const octal: ScalarTag = {
  tag: 'tag:yaml.org,2002:int',
  default: true,
  test: /^[-+]?0o[0-7_]+$/,
  resolve: (text) => {
    const size = BigInt(text.replace(/^[-+]/, '').replaceAll('_', ''));
    return text.startsWith('-') ? -size : size;
  },
};

/** YAML 1.1 without what yaml.v2 leaves as text: times, and numbers to the base of 60. */
function tagsOfYamlV2(tags: Tags): Tags {
  const kept = tags.filter((tag) => {
    if (typeof tag === 'string') return true;
    return tag.tag !== 'tag:yaml.org,2002:timestamp' && (tag as ScalarTag).format !== 'TIME';
  });
  return [...kept, octal];
}

export function readYaml(text: string): Value {
  const document = parseDocument(text.toWellFormed(), {
    version: '1.1',
    intAsBigInt: true,
    customTags: tagsOfYamlV2,
    logLevel: 'silent',
    uniqueKeys: false,
  });
  const [problem] = document.errors;
  if (problem !== undefined) throw new FunctionError(`yaml: ${problem.message.split('\n')[0]}`);
  let data: unknown;
  try {
    data = document.toJS({ mapAsMap: true, maxAliasCount: MAX_ALIASES });
  } catch (error) {
    throw new FunctionError(`yaml: ${(error as Error).message}`);
  }
  return valueOfYaml(data, 0);
}

function valueOfYaml(data: unknown, depth: number): Value {
  if (depth > MAX_DEPTH) throw new FunctionError(`yaml: nested deeper than ${MAX_DEPTH} levels`);
  if (data === null || data === undefined) return null;
  if (typeof data === 'string' || typeof data === 'boolean') return data;
  if (typeof data === 'bigint') return wholeOf(data);
  if (typeof data === 'number') return float(data);
  if (data instanceof Uint8Array) return fromBytes(data);
  if (Array.isArray(data)) {
    return new List(
      anyListType,
      (data as readonly unknown[]).map((item) => valueOfYaml(item, depth + 1)),
    );
  }
  if (data instanceof Set)
    return mapFrom(
      [...data].map((key) => [key, null]),
      depth,
    );
  if (data instanceof Map) return mapFrom([...data], depth);
  throw new FunctionError(`yaml: cannot hold a ${typeof data}`);
}

/** yaml.v2 takes the smallest of int, uint64 and float64 that holds it. */
function wholeOf(n: bigint): Value {
  if (BigInt.asIntN(64, n) === n) return int(n);
  return BigInt.asUintN(64, n) === n ? int(n, 'uint64') : float(Number(n));
}

function mapFrom(entries: readonly (readonly [unknown, unknown])[], depth: number): Dict {
  const map = new Map<Key, Value>();
  for (const [key, item] of entries) map.set(keyOf(key), valueOfYaml(item, depth + 1));
  return new Dict(yamlMapType, map);
}

function keyOf(key: unknown): Key {
  if (
    typeof key === 'string' ||
    typeof key === 'boolean' ||
    typeof key === 'bigint' ||
    typeof key === 'number'
  )
    return key;
  if (key === null) return 'null';
  throw new FunctionError('yaml: invalid map key');
}
