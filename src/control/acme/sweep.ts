import type { Book, View } from './book.ts';
import type { Kind } from './records.ts';

const GRACE_MS = 7 * 24 * 3_600_000;
const CHALLENGE_GRACE_MS = 3_600_000;

/** Removes what nobody needs any more: what belongs to names that nobody wants, challenges of replicas that died. */
export async function sweep(
  book: Book,
  view: View,
  planned: ReadonlySet<string>,
  now: number,
): Promise<void> {
  const stale: [Kind, string][] = [];
  for (const [id, { notAfter }] of view.certificates) {
    if (!planned.has(id) && notAfter + GRACE_MS < now) {
      stale.push(['certificate', id], ['advice', id], ['attempts', id]);
    }
  }
  for (const [id, { nextAt }] of view.attempts) {
    if (!planned.has(id) && nextAt + GRACE_MS < now) stale.push(['attempts', id], ['order', id]);
  }
  for (const [id, { expiresAt }] of view.challenges) {
    if (expiresAt + CHALLENGE_GRACE_MS < now) stale.push(['challenge', id]);
  }
  for (const [kind, id] of stale) await book.remove(kind, id);
}
