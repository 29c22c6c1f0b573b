import type { Clock } from './clock.ts';

/** Immediate returns that are let through before the floor applies, so that a single flip is never delayed. */
const BURST = 10;
/** Floor between returns of a source that churns or does not block at all, unless the reader wants another. */
const FLOOR_MS = 100;
/** Without a usable index nothing blocks: poll slowly. */
const NO_INDEX_MS = 1000;

/** A token bucket: says how long to wait before the next read. */
export interface Pacer {
  /** To be called once per answer; `index` 0 means the answer had none. */
  delayAfter(index: number): number;
}

/** Starts with a full bucket. */
export function createPacer(clock: Pick<Clock, 'now'>, floorMs: number = FLOOR_MS): Pacer {
  let tokens = BURST;
  let filledAt = clock.now();
  return {
    delayAfter(index) {
      const now = clock.now();
      tokens = Math.min(BURST, tokens + (now - filledAt) / floorMs);
      filledAt = now;
      tokens -= 1;
      if (index === 0) return NO_INDEX_MS;
      return tokens >= 0 ? 0 : -tokens * floorMs;
    },
  };
}
