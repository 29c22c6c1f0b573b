import { type Clock, systemClock } from '../providers/clock.ts';
import type { Entry, Watcher } from './store.ts';

const RETRY_MS = 1000;

/**
 * Turns "something may have changed" into listings: one at a time, told only when they differ. Returns the trigger and
 * pulls it once.
 */
export function startRefresh(
  list: () => Promise<readonly Entry[]>,
  watcher: Watcher,
  signal: AbortSignal,
  clock: Clock = systemClock,
): () => void {
  let told: string | null = null;
  let wanted = false;
  let running = false;
  let failing = false;

  async function once(): Promise<void> {
    try {
      const entries = await list();
      const seen = JSON.stringify(entries.map(({ key, version }) => [key, version]));
      failing = false;
      if (signal.aborted || seen === told) return;
      told = seen;
      watcher.onChange(entries);
    } catch (error) {
      if (signal.aborted) return;
      if (!failing) watcher.onFault?.((error as Error).message);
      failing = true;
      wanted = true;
      await clock.sleep(RETRY_MS, signal);
    }
  }

  async function run(): Promise<void> {
    running = true;
    while (wanted && !signal.aborted) {
      wanted = false;
      await once();
    }
    running = false;
  }

  function trigger(): void {
    wanted = true;
    if (!running) void run();
  }

  trigger();
  return trigger;
}
