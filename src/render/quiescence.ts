import type { WaitSpec } from './config/model.ts';

/** News is being gathered: the moment to act, and the one after which nothing postpones it. */
export interface Gathering {
  readonly fireAtMs: number;
  readonly deadlineMs: number;
}

/**
 * consul-template's rule: each piece of news restarts the least wait, as long as that ends before the longest wait
 * since the first one; after that the deadline stands.
 */
export function gather(before: Gathering | null, wait: WaitSpec, nowMs: number): Gathering {
  if (before === null) {
    const deadlineMs = nowMs + wait.maxMs;
    return { fireAtMs: Math.min(nowMs + wait.minMs, deadlineMs), deadlineMs };
  }
  const { deadlineMs } = before;
  if (nowMs + wait.minMs < deadlineMs) return { fireAtMs: nowMs + wait.minMs, deadlineMs };
  return { fireAtMs: deadlineMs, deadlineMs };
}
