import { isDeepStrictEqual } from 'node:util';
import type { Case } from './generator.ts';
import { KNOWN } from './known.ts';
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
  /** To count by: what the reference says of the whole, or the known deviation that was met. */
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

/** Whole, in pieces, behind and in front of other bytes, and the first part alone. */
export function check(input: Case, random: Random): Verdict {
  const whole = referenceOf(input);
  const disagreement = checkWhole(input, whole, random) ?? checkPart(input, random);
  if (disagreement === null) return { label: `${input.kind} ${labelOf(whole.outcome)}`, disagreement };
  const known = KNOWN.find(({ covers }) => covers(disagreement));
  return { label: `known: ${known?.name}`, disagreement: known === undefined ? disagreement : null };
}

function checkWhole(input: Case, whole: Result<Reading>, random: Random): Disagreement | null {
  const { bytes } = input;
  const places = cuts(random, bytes.length);
  const before = Buffer.from('GET / HTTP/1.1\r\n\r\n'.slice(0, 1 + random.below(18)), 'latin1');
  return (
    compare('whole', whole, () => oursOf(input, [bytes])) ??
    compare(`cut at ${places}`, whole, () => oursOf(input, cutAt(bytes, places))) ??
    compare(`after ${before.length} other bytes`, whole, () => {
      return oursOf(input, behind(before, cutAt(bytes, random.chance(0.5) ? [] : places)), before.length);
    }) ??
    checkTrailing(input, whole, random)
  );
}

/** As in a read that began with the end of another message. */
function behind(before: Buffer, [first, ...others]: readonly Buffer[]): Buffer[] {
  return [Buffer.concat([before, first!]), ...others];
}

/** Once something is decided, what follows changes nothing. */
function checkTrailing(input: Case, whole: Result<Reading>, random: Random): Disagreement | null {
  if (whole.outcome.kind === 'incomplete') return null;
  const after = random.pick(TRAILING);
  return compare(`before ${JSON.stringify(after)}`, whole, () => {
    return oursOf(input, [Buffer.concat([input.bytes, Buffer.from(after, 'latin1')])]);
  });
}

const TRAILING = ['GET /2 HTTP/1.1\r\nHost: b\r\n\r\n', '\r\n', '\n', ' x', '\x00\xff', '0\r\n\r\n'];

/** A part is judged as early as the reference can: not before the byte that decides, and not after it. */
function checkPart(input: Case, random: Random): Disagreement | null {
  const bytes = input.bytes.subarray(0, partLength(input, random));
  return compare(`first ${bytes.length} bytes`, referenceOf({ ...input, bytes }), () =>
    oursOf(input, [bytes]),
  );
}

/** Anywhere, and at the limit. */
function partLength({ bytes, limits }: Case, random: Random): number {
  return random.chance(0.3) ? limits.headBytes - 1 + random.below(3) : random.below(bytes.length + 1);
}

function compare(
  how: string,
  reference: Result<Reading>,
  read: () => Result<OurReading>,
): Disagreement | null {
  let ours: Result<OurReading> | Error;
  let took: number;
  let tries = 0;
  do {
    const started = performance.now();
    ours = attempt(read);
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
    return a.status === null || b.statuses.includes(a.status) ? null : 'status';
  }
  if (!isDeepStrictEqual(a, b)) return differingKeys(a, b);
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
