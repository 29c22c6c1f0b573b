/** One core for the proxy, one for everything else, so that neither takes the other's time. */
import { execFileSync } from 'node:child_process';
import { allowedCpus } from './proc.ts';

export interface Cores {
  /** CPU numbers for `taskset`; null where nothing is pinned. */
  readonly proxy: number | null;
  readonly load: number | null;
}

const UNPINNED: Cores = { proxy: null, load: null };

/** Pins this process, and with it whatever it starts, to the second core it may use. */
export function takeCores(): Cores {
  const [proxy, load] = allowedCpus();
  if (proxy === undefined || load === undefined) return UNPINNED;
  try {
    execFileSync('taskset', ['-a', '-p', '-c', String(load), String(process.pid)], { stdio: 'ignore' });
  } catch {
    return UNPINNED;
  }
  return { proxy, load };
}
