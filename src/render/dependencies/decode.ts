import { BadAnswer, isObject } from '../../control/providers/fault.ts';
import { fromBytes } from '../template/bytes.ts';
import { type GoType, type IntegerKind, isSigned, isUnsigned } from '../template/kinds.ts';
import { Dict, Float, fromJs, int, List, Pointer, record, type Value, zeroOf } from '../template/values.ts';

export type Json = Readonly<Record<string, unknown>>;

/**
 * What Consul wrote, as a value of a type: fields by their names, and zero values for what is missing, null or of
 * another kind, so that one odd entry never takes the others along.
 */
export function decode(type: GoType, given: unknown): Value {
  if (given === null || given === undefined) return zeroOf(type);
  switch (type.kind) {
    case 'string':
      return typeof given === 'string' ? given.toWellFormed() : '';
    case 'bool':
      return given === true;
    case 'float64':
      return new Float(typeof given === 'number' ? given : 0);
    case 'interface':
      return fromJs(given);
    case 'ptr':
      return isObject(given) ? new Pointer(type, decode(type.elem!, given)) : zeroOf(type);
    case 'slice':
      return Array.isArray(given)
        ? new List(
            type,
            (given as readonly unknown[]).map((item) => decode(type.elem!, item)),
          )
        : zeroOf(type);
    case 'map':
      return isObject(given)
        ? new Dict(
            type,
            new Map(
              Object.entries(given).map(([key, item]) => [key.toWellFormed(), decode(type.elem!, item)]),
            ),
          )
        : zeroOf(type);
    case 'struct':
      return isObject(given)
        ? record(
            type,
            type.fields.map((field) => decode(field.type, given[field.name])),
          )
        : zeroOf(type);
    default:
      return isSigned(type.kind) || isUnsigned(type.kind) ? decodeInteger(type, given) : zeroOf(type);
  }
}

function decodeInteger(type: GoType, given: unknown): Value {
  const isWhole = typeof given === 'bigint' || (typeof given === 'number' && Number.isInteger(given));
  return int(isWhole ? given : 0, type.kind as IntegerKind);
}

/** Entries that are no objects mean nothing. */
export function objects(answer: unknown, what: string): readonly Json[] {
  // Go encodes a list of nothing as null.
  if (answer === null) return [];
  if (!Array.isArray(answer)) throw new BadAnswer(`${what}: not a list`);
  return (answer as readonly unknown[]).filter(isObject);
}

const LONG_NUMBER = /\d{16}/;

/** Parses JSON; numbers beyond 2^53, such as flags of keys, become bigints. */
export function parseExact(body: Buffer): unknown {
  const text = body.toString('utf8');
  try {
    if (!LONG_NUMBER.test(text)) return JSON.parse(text);
    const exact = (_key: string, value: unknown, context?: { readonly source?: string }): unknown =>
      typeof value === 'number' && !Number.isSafeInteger(value) && /^\d+$/.test(context?.source ?? '')
        ? BigInt(context!.source!)
        : value;
    return JSON.parse(text, exact as (key: string, value: unknown) => unknown);
  } catch (error) {
    throw new BadAnswer(`not JSON: ${(error as Error).message.slice(0, 120)}`);
  }
}

/** The bytes of a key's value. */
export function decodeBase64(text: unknown): string {
  return typeof text === 'string' ? fromBytes(Buffer.from(text, 'base64')) : '';
}
