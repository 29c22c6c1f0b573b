/** Repeats small pieces of work often enough to time them. */
import { type Summary, summarise } from '../stats.ts';

export interface Rounds {
  readonly warmUp: number;
  readonly counted: number;
}

/** A piece of work: prepares outside of the time, then does `count` operations within it. */
export interface Piece {
  readonly name: string;
  /** How many routes there are, for the table. */
  readonly routes: number;
  readonly count: number;
  /** Returns the work; what the work returns is checked, so that nothing of it can be optimised away. */
  prepare(): () => number;
  /** What the work must return. */
  readonly expected: number;
}

export interface Timing {
  readonly piece: Piece;
  /** Nanoseconds an operation, over the rounds. */
  readonly nanos: Summary;
}

/** Rounds are interleaved over the pieces, so that a slow moment of the machine hits them all. */
export function timeAll(pieces: readonly Piece[], rounds: Rounds): Timing[] {
  const nanos = pieces.map((): number[] => []);
  for (let round = 0; round < rounds.warmUp + rounds.counted; round++) {
    pieces.forEach((piece, i) => {
      const each = timeOne(piece);
      if (round >= rounds.warmUp) nanos[i]!.push(each);
    });
  }
  return pieces.map((piece, i) => ({ piece, nanos: summarise(nanos[i]!) }));
}

function timeOne(piece: Piece): number {
  const work = piece.prepare();
  const before = process.hrtime.bigint();
  const result = work();
  const nanos = Number(process.hrtime.bigint() - before);
  if (result !== piece.expected) throw new Error(`${piece.name}: ${result} instead of ${piece.expected}`);
  return nanos / piece.count;
}
