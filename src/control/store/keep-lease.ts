import { systemClock } from '../providers/clock.ts';
import type { Lease } from './store.ts';

/** Renews a lease three times per life until the signal aborts. One that cannot be renewed ends by itself. */
export async function keepLease(lease: Lease, ttlMs: number, signal: AbortSignal): Promise<void> {
  const end = AbortSignal.any([signal, lease.lost]);
  for (;;) {
    await systemClock.sleep(ttlMs / 3, end);
    if (end.aborted) return;
    // A store that cannot be asked now may be there next time; the lease counts for itself.
    await lease.renew().catch(() => {});
  }
}
