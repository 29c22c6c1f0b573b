import { ABSENT } from '../store/store.ts';
import type { Book } from './book.ts';
import { AcmeProblem } from './problem.ts';

const HOUR_MS = 3_600_000;
const ID = 'hour';
const TRIES = 20;

/**
 * Counts one order against what all replicas together may place in an hour. Rejects as the authority itself would when
 * there are none left; its own limits are hard to get out of (Let's Encrypt: 300 orders in 3 hours).
 */
export async function takeBudget(book: Book, now: number, perHour: number): Promise<void> {
  const hour = Math.floor(now / HOUR_MS);
  for (let i = 0; i < TRIES; i += 1) {
    const found = await book.read('budget', ID);
    const used = found?.record.hour === hour ? found.record.used : 0;
    if (used >= perHour) throw exhausted(perHour, (hour + 1) * HOUR_MS - now);
    const written = await book.write('budget', ID, { hour, used: used + 1 }, found?.version ?? ABSENT);
    if (written !== null) return;
  }
  throw exhausted(perHour, 60_000);
}

function exhausted(perHour: number, retryAfterMs: number): AcmeProblem {
  const detail = `all ${perHour} orders of this hour are used (tls.acme.ordersPerHour)`;
  return new AcmeProblem({ type: 'budget', detail, status: 0 }, retryAfterMs);
}
