/** Two sides of one connection that do as chance tells them, and look at every byte they get. */
import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { Random } from '../../../fuzz/random.ts';

/** Around what a read lends, joins and fills. */
const SIZES = [1, 8, 700, 4_095, 4_096, 4_097, 8_192, 20_000, 65_535, 65_536, 65_537, 131_072, 300_000];
/** More than the system keeps for a side that does not listen. */
const FLOODS = [1_000_000, 4_000_001, 9_000_000];

/** What all sides send, again and again, each from a place of its own. */
const words = Buffer.alloc(4 * 1024 * 1024);
const random = new Random(1);
for (let at = 0; at < words.length; at += 4) words.writeUInt32LE(random.next(), at);

/** The bytes from `at` of what the side with this number sends. */
function wordsOf(side: number, at: number, length: number): Buffer {
  const bytes = Buffer.allocUnsafe(length);
  for (let done = 0; done < length; ) {
    const from = (side * 100_003 + at + done) % words.length;
    done += words.copy(bytes, done, from, Math.min(words.length, from + length - done));
  }
  return bytes;
}

type Step =
  | { readonly kind: 'write'; readonly bytes: number }
  | { readonly kind: 'wait' | 'deaf'; readonly ms: number };

export interface Script {
  readonly steps: readonly Step[];
  readonly last: 'end' | 'reset';
}

export function scriptOf(random: Random, resets: number): Script {
  const isHeavy = random.chance(0.15);
  const steps = Array.from({ length: random.below(24) }, (): Step => {
    const kind = random.pick(['write', 'write', 'write', 'write', 'wait', 'deaf'] as const);
    if (kind === 'write') return { kind, bytes: random.mostly(SIZES, FLOODS, isHeavy ? 0.2 : 0) };
    return { kind, ms: random.mostly([0, 0, 1, 5, 30], [300], isHeavy ? 0.5 : 0) };
  });
  return { steps, last: random.chance(resets) ? 'reset' : 'end' };
}

/** One side while it follows its script; `fault` says what it must not have heard. */
export class RoughPeer {
  sent = 0;
  heard = 0;
  fault: string | null = null;
  /** How the other side ended. */
  ending: 'end' | 'reset' | null = null;
  hasEnded = false;
  hasReset = false;
  isClosed = false;
  readonly #socket: Socket;
  readonly #side: number;
  readonly #other: number;

  constructor(socket: Socket, side: number, other: number) {
    this.#socket = socket;
    this.#side = side;
    this.#other = other;
    socket.on('data', (bytes: Buffer) => this.hear(bytes));
    socket.on('end', () => {
      this.ending ??= 'end';
    });
    socket.on('error', () => {
      this.ending = 'reset';
    });
    socket.on('close', () => {
      this.isClosed = true;
    });
  }

  hear(bytes: Buffer): void {
    if (!wordsOf(this.#other, this.heard, bytes.length).equals(bytes))
      this.fault ??= `other bytes within ${bytes.length} from ${this.heard}`;
    this.heard += bytes.length;
  }

  async follow({ steps, last }: Script): Promise<void> {
    const socket = this.#socket;
    for (const step of steps) {
      if (this.isClosed || this.ending === 'reset') return;
      if (step.kind === 'write') {
        socket.write(wordsOf(this.#side, this.sent, step.bytes));
        this.sent += step.bytes;
        continue;
      }
      if (step.kind === 'deaf') socket.pause();
      await sleep(step.ms);
      socket.resume();
    }
    if (last === 'end') {
      this.hasEnded = true;
      socket.end();
    } else if (!this.isClosed) {
      this.hasReset = true;
      socket.resetAndDestroy();
    }
  }
}

/** What is wrong with how two sides have fared; null when nothing is. */
export function faultOf(one: RoughPeer, other: RoughPeer): string | null {
  if (one.fault !== null || other.fault !== null) return one.fault ?? other.fault;
  const isCalm = !one.hasReset && !other.hasReset;
  for (const [from, to] of [
    [one, other],
    [other, one],
  ] as const) {
    if (to.heard > from.sent) return `heard ${to.heard} of ${from.sent}`;
    if (isCalm && to.heard !== from.sent) return `heard ${to.heard} of ${from.sent} and no reset`;
    if (isCalm && to.ending !== 'end') return `ended by ${to.ending}, and nobody reset`;
    // A reset must not look like an end: what was heard before would be taken for all there is.
    if (to.ending === 'end' && !from.hasEnded) return 'an end that nobody made';
    if (to.ending === 'end' && to.heard !== from.sent) return `an end after ${to.heard} of ${from.sent}`;
  }
  return null;
}
