import type { Clock } from '../../../../src/control/providers/clock.ts';

export interface ManualClock extends Clock {
  /** Moves time on, waking sleepers in order and letting what they start settle. */
  advance(ms: number): Promise<void>;
  /** All sleeps asked for, in order. */
  readonly asked: readonly number[];
}

interface Sleeper {
  readonly at: number;
  wake(): void;
}

/** Time that passes only on request; `random` is fixed. */
export function manualClock(random = 0.5): ManualClock {
  let now = 0;
  const asked: number[] = [];
  const sleepers = new Set<Sleeper>();
  return {
    asked,
    now: () => now,
    random: () => random,
    sleep(ms, signal) {
      if (signal.aborted || ms <= 0) return Promise.resolve();
      asked.push(ms);
      return new Promise((resolve) => {
        const sleeper = {
          at: now + ms,
          wake() {
            sleepers.delete(sleeper);
            signal.removeEventListener('abort', sleeper.wake);
            resolve();
          },
        };
        sleepers.add(sleeper);
        signal.addEventListener('abort', sleeper.wake);
      });
    },
    async advance(ms) {
      const end = now + ms;
      await settle();
      for (;;) {
        const due = [...sleepers].filter((s) => s.at <= end).sort((a, b) => a.at - b.at)[0];
        if (due === undefined) break;
        now = due.at;
        due.wake();
        await settle();
      }
      now = end;
    },
  };
}

async function settle(): Promise<void> {
  for (let i = 0; i < 3; i += 1) await new Promise((resolve) => setImmediate(resolve));
}
