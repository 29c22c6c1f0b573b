import { elements, isToken, lower } from './characters.ts';
import { valuesOf } from './fields.ts';
import type { Fields } from './head.ts';
import { type Framing, refuse } from './outcome.ts';

/** How long a body is: RFC 9112 §6.3, and every doubt is a refusal (§11.2). */

const NONE: Framing = { kind: 'none' };
const MOST = BigInt(Number.MAX_SAFE_INTEGER);

export function requestFraming(fields: Fields, minor: number): Framing {
  const codings = valuesOf(fields, 'transfer-encoding');
  const lengths = valuesOf(fields, 'content-length');
  if (codings.length > 0) {
    if (lengths.length > 0) refuse('length-and-coding', 400);
    if (minor === 0) refuse('coding-in-1.0', 400);
    if (codings.length > 1) refuse('several-codings', 400);
    if (lower(codings[0]!) !== 'chunked') refuseCoding(codings[0]!);
    return { kind: 'chunked' };
  }
  if (lengths.length === 0) return NONE;
  if (lengths.length > 1) refuse('several-lengths', 400);
  return { kind: 'length', length: length(lengths[0]!) };
}

/**
 * RFC 9112 §6.1 asks for 501 where a coding is not understood, §6.3 for 400 where `chunked` is not the last. For a list
 * of plain names either will do: both close the connection. Everything else is 400.
 */
function refuseCoding(value: string): never {
  const codings = elements(value);
  const isPlain = codings.length > 0 && codings.every(isToken) && lower(codings[0]!) !== 'chunked';
  return isPlain ? refuse('coding', 501, 400) : refuse('coding', 400);
}

/** RFC 9110 §8.6: `1*DIGIT`. Compared as an integer of any size; 413 where a number could not hold it. */
function length(value: string): number {
  if (!/^[0-9]+$/.test(value)) refuse('length', 400);
  const exact = BigInt(value);
  return exact > MOST ? refuse('length-range', 413, 400) : Number(exact);
}

/** The same from the other side. A gateway answers 502 to what it cannot believe. */
export function responseFraming(fields: Fields, status: number, minor: number, method: string): Framing {
  const codings = valuesOf(fields, 'transfer-encoding');
  const lengths = valuesOf(fields, 'content-length').map(length);
  if (new Set(lengths).size > 1) refuse('several-lengths', 502);
  if (codings.length > 0) {
    if (lengths.length > 0) refuse('length-and-coding', 502);
    if (minor === 0) refuse('coding-in-1.0', 502);
    if (codings.length > 1 || lower(codings[0]!) !== 'chunked') refuse('coding', 502);
  }
  if (method === 'HEAD' || status < 200 || status === 204 || status === 304) return NONE;
  if (codings.length > 0) return { kind: 'chunked' };
  return lengths.length > 0 ? { kind: 'length', length: lengths[0]! } : { kind: 'close' };
}
