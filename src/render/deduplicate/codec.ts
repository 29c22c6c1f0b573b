import type { Query } from '../dependencies/query.ts';
import { keyPairsType, nodesType, servicesType, snippetsType } from '../dependencies/types.ts';
import {
  type GoType,
  type IntegerKind,
  isSigned,
  isUnsigned,
  stringListType,
  stringType,
} from '../template/kinds.ts';
import { Dict, Int, int, List, Pointer, record, Struct, type Value } from '../template/values.ts';

/**
 * The type of the answers that processes on different machines may share; null for what depends on the machine or is
 * secret: files, the local node, certificates.
 */
export function sharedType(query: Query): GoType | null {
  switch (query.kind) {
    case 'service':
      // `near` is about the agent that is asked.
      return query.isConnect || query.near !== '' ? null : servicesType;
    case 'services':
      return snippetsType;
    case 'nodes':
      return query.near === '' ? nodesType : null;
    case 'keys':
      return keyPairsType;
    case 'key':
      return stringType;
    case 'datacenters':
      return stringListType;
    default:
      return null;
  }
}

/** As JSON has it, with the fields of a struct as a list: a few thousand instances must fit into one key. */
export function encode(value: Value): unknown {
  if (value instanceof Int) return String(value.n);
  if (value instanceof Pointer) return value.to === undefined ? null : encode(value.to);
  if (value instanceof Struct) return value.values.map(encode);
  if (value instanceof List) return value.isNil ? null : value.items.map(encode);
  if (value instanceof Dict)
    return value.isNil ? null : Array.from(value.entries, ([key, item]) => [key, encode(item)]);
  return value;
}

/** What `encode` gave for a value of this type. Throws for anything else: another version may have written it. */
export function decodeShared(type: GoType, given: unknown): Value {
  switch (type.kind) {
    case 'string':
      if (typeof given === 'string') return given;
      // A key that does not exist.
      if (given === null) return null;
      break;
    case 'bool':
      if (typeof given === 'boolean') return given;
      break;
    case 'ptr':
      return new Pointer(type, given === null ? undefined : decodeShared(type.elem!, given));
    case 'slice':
      if (given === null) return new List(type, [], true);
      if (Array.isArray(given))
        return new List(
          type,
          given.map((item) => decodeShared(type.elem!, item)),
        );
      break;
    case 'map':
      if (given === null) return new Dict(type, new Map(), true);
      if (Array.isArray(given)) return new Dict(type, new Map(given.map((pair) => decodePair(type, pair))));
      break;
    case 'struct':
      if (Array.isArray(given) && given.length === type.fields.length)
        return record(
          type,
          type.fields.map((field, at) => decodeShared(field.type, given[at])),
        );
      break;
    default:
      if ((isSigned(type.kind) || isUnsigned(type.kind)) && /^-?\d{1,20}$/.test(String(given)))
        return int(BigInt(String(given)), type.kind as IntegerKind);
  }
  throw new TypeError(`not a ${type.name}`);
}

function decodePair(type: GoType, pair: unknown): [string, Value] {
  if (!Array.isArray(pair) || typeof pair[0] !== 'string') throw new TypeError(`not a ${type.name}`);
  return [pair[0], decodeShared(type.elem!, pair[1])];
}
