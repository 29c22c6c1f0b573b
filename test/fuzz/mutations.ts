import type { Random } from './random.ts';
import { TELLING_BYTES } from './vocabulary.ts';

/** Small damage: what a bug, a proxy in between or an attacker does to a message. */

type Mutation = (bytes: Buffer, at: number, random: Random) => Buffer;

const TELLING = Buffer.from(TELLING_BYTES, 'latin1');
const PIECES = ['\r\n', '\r\n\r\n', '\n', '\r', '  ', '\r\n ', '0\r\n\r\n', 'chunked', ', ', 'Host: x\r\n'];

function telling(random: Random): number {
  return TELLING[random.below(TELLING.length)]!;
}

function spliced(bytes: Buffer, at: number, removed: number, inserted: Buffer): Buffer {
  return Buffer.concat([bytes.subarray(0, at), inserted, bytes.subarray(at + removed)]);
}

const MUTATIONS: readonly Mutation[] = [
  (bytes, at, random) => spliced(bytes, at, 1, Buffer.of(bytes[at]! ^ (1 << random.below(8)))),
  (bytes, at, random) => spliced(bytes, at, 1, Buffer.of(telling(random))),
  (bytes, at, random) => spliced(bytes, at, 1, Buffer.of(random.byte())),
  (bytes, at, random) => spliced(bytes, at, 0, Buffer.of(telling(random))),
  (bytes, at, random) => spliced(bytes, at, 0, Buffer.from(random.pick(PIECES), 'latin1')),
  (bytes, at, random) => spliced(bytes, at, 1 + random.below(3), Buffer.alloc(0)),
  (bytes, at) => bytes.subarray(0, at),
  (bytes, at, random) => spliced(bytes, at, 0, bytes.subarray(at, at + 1 + random.below(20))),
  lineAgain,
];

/** A line once more, somewhere else. */
function lineAgain(bytes: Buffer, at: number, random: Random): Buffer {
  const start = bytes.lastIndexOf('\n', at) + 1;
  const end = bytes.indexOf('\n', at) + 1 || bytes.length;
  const target = bytes.indexOf('\n', random.below(bytes.length)) + 1;
  return spliced(bytes, target, 0, bytes.subarray(start, end));
}

/** One to three changes. The same place may be hit twice. */
export function mutate(bytes: Buffer, random: Random): Buffer {
  let changed = bytes;
  for (let count = 1 + random.below(3); count > 0 && changed.length > 0; count--) {
    changed = random.pick(MUTATIONS)(changed, place(changed, random), random);
  }
  return changed;
}

/** Anywhere, but rather near the end of a line, where framing is decided. */
function place(bytes: Buffer, random: Random): number {
  const at = random.below(bytes.length);
  if (random.chance(0.6)) return at;
  const end = bytes.indexOf('\n', at);
  return end === -1 ? at : Math.max(0, end - random.below(3));
}
