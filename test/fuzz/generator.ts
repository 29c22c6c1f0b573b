import { LIMITS } from './limits.ts';
import { chunkedText, requestText, responseText } from './messages.ts';
import { mutate } from './mutations.ts';
import { Random } from './random.ts';
import type { Limits } from './reference.ts';

/** What is fed to the parsers. */
export interface Case {
  readonly kind: 'request' | 'response' | 'chunked';
  readonly bytes: Buffer;
  readonly limits: Limits;
  /** Of the request that a response answers. */
  readonly method: string;
}

/** Case `number` of a seed: a message, or noise, with nothing changed in about half of them. */
export function generate(seed: number, number: number): { input: Case; random: Random } {
  const random = Random.ofCase(seed, number);
  const kind = random.pick(KINDS);
  const limits = random.chance(0.6) ? LIMITS[0]! : random.pick(LIMITS);
  const bytes = random.chance(0.03) ? noise(random) : message(kind, random, limits);
  return { input: { kind, bytes, limits, method: random.pick(['GET', 'GET', 'HEAD', 'POST']) }, random };
}

const KINDS = ['request', 'request', 'request', 'request', 'response', 'chunked', 'chunked'] as const;

function message(kind: Case['kind'], random: Random, limits: Limits): Buffer {
  const text = TEXTS[kind](random, limits);
  const bytes = Buffer.from(text, 'latin1');
  return random.chance(0.5) ? bytes : mutate(bytes, random);
}

const TEXTS = { request: requestText, response: responseText, chunked: chunkedText };

/** Bytes without any order, or of the few that matter. */
function noise(random: Random): Buffer {
  const bytes = Buffer.alloc(random.below(200));
  const alphabet = random.chance(0.5) ? null : Buffer.from('\r\n :/1.0aGET HTTP;,x', 'latin1');
  for (let at = 0; at < bytes.length; at++) {
    bytes[at] = alphabet === null ? random.byte() : alphabet[random.below(alphabet.length)]!;
  }
  return bytes;
}
