import type { Clock } from './clock.ts';
import type { ProviderEvents } from './provider.ts';

/** Says when the source's memory is in doubt, and when enough time has passed to believe it again. */
export interface Doubt {
  raise(reason: string): void;
  active(): boolean;
}

/** A source that loses its memory again and again is believed in the end: holding must have a bound. */
const MAX_HOLDS = 4;
/** Many watches notice the same loss at once; it is told once. */
const TELL_EVERY_MS = 1000;

/** Each reason holds for `holdMs`; a further one while in doubt prolongs it, up to four times `holdMs` in all. */
export function createDoubt(
  events: Pick<ProviderEvents, 'doubt' | 'certain'>,
  clock: Clock,
  holdMs: number,
  signal: AbortSignal,
): Doubt {
  let until = 0;
  let latest = 0;
  let toldAt = Number.NEGATIVE_INFINITY;

  async function hold(): Promise<void> {
    while (!signal.aborted && clock.now() < until) await clock.sleep(until - clock.now(), signal);
    if (signal.aborted) return;
    until = 0;
    events.certain();
  }

  return {
    raise(reason) {
      const fresh = until === 0;
      const now = clock.now();
      if (fresh) latest = now + MAX_HOLDS * holdMs;
      until = Math.min(latest, now + holdMs);
      if (fresh || now - toldAt >= TELL_EVERY_MS) {
        toldAt = now;
        events.doubt(reason);
      }
      if (fresh) void hold();
    },
    active: () => until !== 0,
  };
}
