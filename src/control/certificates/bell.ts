import type { Clock } from '../providers/clock.ts';

/** Wakes a loop that looks at something from time to time. */
export interface Bell {
  readonly ring: () => void;
  /** Until it rings (also when it has rung since the last wait), the time is over, or the signal aborts. */
  wait(clock: Clock, ms: number, signal: AbortSignal): Promise<void>;
}

export function createBell(): Bell {
  let hasRung = false;
  let wake: AbortController | null = null;
  return {
    ring() {
      hasRung = true;
      wake?.abort();
    },
    async wait(clock, ms, signal) {
      if (!hasRung) {
        wake = new AbortController();
        await clock.sleep(ms, AbortSignal.any([signal, wake.signal]));
      }
      wake = null;
      hasRung = false;
    },
  };
}
