/** One counted run of closed-loop load against one contestant. */
import { setTimeout as sleep } from 'node:timers/promises';
import { portFor, type RunningProxy } from '../contestants/contestant.ts';
import { type LoadResult, runLoad } from '../load/load.ts';
import { cpuSeconds } from '../machine/proc.ts';
import type { ClosedWork } from '../works.ts';

export interface ClosedSample {
  /** CPU time of all its processes and threads, microseconds a request, idle cost subtracted. */
  readonly cpuMicros: number;
  readonly perSecond: number;
  /** Share of one core it used; well below 1, something else was the limit of the throughput. */
  readonly busy: number;
  readonly requests: number;
  readonly errors: number;
}

/** What is written or closed after the last answer still belongs to the requests. */
const SETTLE_MS = 200;

/** CPU seconds a second that it uses with nothing to do. */
export async function idleCost(proxy: RunningProxy, seconds: number): Promise<number> {
  await sleep(SETTLE_MS);
  const before = cpuSeconds(proxy.pid);
  await sleep(seconds * 1000);
  return (cpuSeconds(proxy.pid) - before) / seconds;
}

export async function measureClosed(
  proxy: RunningProxy,
  work: ClosedWork,
  seconds: number,
  idle: number,
): Promise<ClosedSample> {
  const startedAt = performance.now();
  const before = cpuSeconds(proxy.pid);
  const load = await runLoad(portFor(proxy, work.door), work, seconds);
  await sleep(SETTLE_MS);
  const cpu = cpuSeconds(proxy.pid) - before;
  const wall = (performance.now() - startedAt) / 1000;
  return sampleOf(load, cpu - idle * wall);
}

export function sampleOf(load: LoadResult, cpu: number): ClosedSample {
  return {
    cpuMicros: (cpu * 1e6) / load.requests,
    perSecond: load.requests / load.seconds,
    busy: cpu / load.seconds,
    requests: load.requests,
    errors: load.errors,
  };
}
