import { type Clock, systemClock } from '../../../src/control/providers/clock.ts';

/** A clock on which time passes so many times faster; what waits on sockets does not notice. */
export function fastClock(factor: number): Clock {
  return {
    now: () => systemClock.now() * factor,
    random: Math.random,
    sleep: (ms, signal) => systemClock.sleep(ms / factor, signal),
  };
}
