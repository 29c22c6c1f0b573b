import { isDeepStrictEqual } from 'node:util';
import type { Case } from './generator.ts';
import { type Ours, ourChunked, ourRequest, ourResponse } from './ours.ts';
import { cutAt, cuts } from './pieces.ts';
import type { Random } from './random.ts';
import {
  type Body,
  type Incomplete,
  type Refused,
  type Request,
  type Response,
  readChunked,
  readRequest,
  readResponse,
} from './reference.ts';

/** Our parsers against the reference, on the same bytes in many pieces. */

export type Reading = Request | Response | Body | Incomplete | Refused;
export type OurReading = Ours<Request> | Ours<Response> | Ours<Body>;

/** Both sides in one form: the outcome, and the payload where there is one. */
export interface Result<T> {
  readonly outcome: T;
  readonly payload: Buffer | null;
}

export interface Disagreement {
  /** How the bytes were fed. */
  readonly how: string;
  readonly what: string;
  readonly ours: Result<OurReading> | Error;
  readonly reference: Result<Reading>;
}

export interface Verdict {
  /** To count by: what the reference says of the whole. */
  readonly label: string;
  readonly disagreement: Disagreement | null;
}

/** Reading one message may take this long, however it is fed. */
const MOST_MS = 50;
/** Somebody else may need the processor: slow is what is slow every time. */
const TRIES = 3;

export function referenceOf({ kind, bytes, limits, method }: Case): Result<Reading> {
  if (kind === 'chunked') return readChunked(bytes, limits);
  const outcome = kind === 'request' ? readRequest(bytes, limits) : readResponse(bytes, limits, method);
  return { outcome, payload: null };
}

export function oursOf(
  { kind, limits, method }: Case,
  pieces: readonly Buffer[],
  at = 0,
): Result<OurReading> {
  if (kind === 'chunked') return ourChunked(pieces, limits, at);
  const outcome =
    kind === 'request' ? ourRequest(pieces, limits, at) : ourResponse(pieces, limits, method, at);
  return { outcome, payload: null };
}

/** The message as it comes in: pieces, what lies before it in the first of them, and what it must be read as. */
interface Feed {
  readonly how: string;
  readonly pieces: readonly Buffer[];
  readonly at: number;
  readonly reference: Result<Reading>;
}

/** Fed in every way. The first disagreement counts. */
export function check(input: Case, random: Random): Verdict {
  const whole = referenceOf(input);
  const label = `${input.kind} ${labelOf(whole.outcome)}`;
  for (const feed of feeds(input, whole, random)) {
    const disagreement = compare(input, feed);
    if (disagreement !== null) return { label, disagreement };
  }
  return { label, disagreement: null };
}

/** Whole, in pieces, behind and in front of other bytes, and the first part alone. */
function feeds(input: Case, reference: Result<Reading>, random: Random): Feed[] {
  const { bytes } = input;
  const pieces = cutAt(bytes, cuts(random, bytes.length));
  const lengths = pieces.map((piece) => piece.length);
  const other = Buffer.from('GET / HTTP/1.1\r\n\r\n'.slice(0, 1 + random.below(18)), 'latin1');
  const [first, ...later] = random.chance(0.5) ? [bytes] : pieces;
  const all: Feed[] = [
    { how: 'whole', pieces: [bytes], at: 0, reference },
    { how: `in pieces of ${lengths}`, pieces, at: 0, reference },
    {
      how: `after ${other.length} bytes of another message, ${later.length} pieces later`,
      pieces: [Buffer.concat([other, first!]), ...later],
      at: other.length,
      reference,
    },
    partOf(input, random),
  ];
  // Once something is decided, what follows changes nothing.
  if (reference.outcome.kind !== 'incomplete') all.push(followed(bytes, reference, random.pick(FOLLOWING)));
  return all;
}

function followed(bytes: Buffer, reference: Result<Reading>, text: string): Feed {
  const pieces = [Buffer.concat([bytes, Buffer.from(text, 'latin1')])];
  return { how: `followed by ${JSON.stringify(text)}`, pieces, at: 0, reference };
}

const FOLLOWING = ['GET /2 HTTP/1.1\r\nHost: b\r\n\r\n', '\r\n', '\n', ' x', '\x00\xff', '0\r\n\r\n'];

/** A part is judged as early as the reference can: not before the byte that decides, and not after it. */
function partOf(input: Case, random: Random): Feed {
  const { bytes, limits } = input;
  const length = random.chance(0.3) ? limits.headBytes - 1 + random.below(3) : random.below(bytes.length + 1);
  const part = bytes.subarray(0, length);
  const reference = referenceOf({ ...input, bytes: part });
  return { how: `first ${part.length} bytes`, pieces: [part], at: 0, reference };
}

function compare(input: Case, { how, pieces, at, reference }: Feed): Disagreement | null {
  let ours: Result<OurReading> | Error;
  let took: number;
  let tries = 0;
  do {
    const started = performance.now();
    ours = attempt(() => oursOf(input, pieces, at));
    took = performance.now() - started;
  } while (took > MOST_MS && ++tries < TRIES);
  if (took > MOST_MS) return { how, what: `time (${Math.round(took)} ms)`, ours, reference };
  const what = ours instanceof Error ? 'exception' : difference(ours, reference);
  return what === null ? null : { how, what, ours, reference };
}

function attempt(read: () => Result<OurReading>): Result<OurReading> | Error {
  try {
    return read();
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}

/** What differs, as property names; null when there is none. */
export function difference(ours: Result<OurReading>, reference: Result<Reading>): string | null {
  const [a, b] = [ours.outcome, reference.outcome];
  if (a.kind !== b.kind) return 'outcome';
  if (a.kind === 'refused' && b.kind === 'refused') {
    if (a.status !== null && !b.statuses.includes(a.status)) return 'status';
  } else if (!isDeepStrictEqual(a, b)) {
    return differingKeys(a, b);
  }
  if (ours.payload === null || reference.payload === null) return null;
  return ours.payload.equals(reference.payload) ? null : 'payload';
}

/** All properties that differ, in one text. */
function differingKeys(a: object, b: object): string {
  const [left, right] = [new Map(Object.entries(a)), new Map(Object.entries(b))];
  const keys = new Set([...left.keys(), ...right.keys()]);
  return [...keys].filter((key) => !isDeepStrictEqual(left.get(key), right.get(key))).join(' ');
}

function labelOf(outcome: Reading): string {
  return outcome.kind === 'refused' ? `refused ${outcome.rule}` : outcome.kind;
}
