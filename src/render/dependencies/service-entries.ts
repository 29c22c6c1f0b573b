import type { WatchContext } from '../../control/providers/blocking-query.ts';
import type { Read } from '../../control/providers/consul-client.ts';
import { Unconfirmed } from '../../control/providers/fault.ts';
import { healthPath, type ServiceBook } from '../../control/providers/service-book.ts';
import { parseExact } from './decode.ts';
import { type Entry, readEntries } from './read-service.ts';

/** A restarting server can answer `[]` before it has replayed its log; it does not take longer than this. */
const CONFIRM_AFTER_MS = 250;

/** Asks once more, with a leader that has made sure it is one. */
export async function confirmed(
  context: WatchContext,
  path: string,
  signal: AbortSignal,
  absent = false,
): Promise<Read> {
  await context.clock.sleep(CONFIRM_AFTER_MS, signal);
  const again = await context.client.read(path, { signal, consistent: true, absent });
  if (again.kind === 'error') throw new Unconfirmed(again);
  return again;
}

/** All instances of each followed service as Consul told them last: what queries pick from. */
export function createServiceEntries(
  context: WatchContext,
  onEntries: (name: string, entries: readonly Entry[]) => void,
): ServiceBook {
  const pages = new Map<string, readonly Entry[]>();
  return {
    async take(name, read, signal) {
      let entries = readEntries(parseExact(read.body ?? Buffer.alloc(0)));
      let isContradicted = false;
      if (entries.length === 0 && (pages.get(name)?.length ?? 0) > 0) {
        const again = await confirmed(context, healthPath(name), signal);
        entries = readEntries(parseExact(again.body ?? Buffer.alloc(0)));
        isContradicted = entries.length > 0;
      }
      if (!signal.aborted) {
        pages.set(name, entries);
        onEntries(name, entries);
      }
      return isContradicted ? 'reread' : 'accepted';
    },
    count: (name) => pages.get(name)?.length ?? 0,
    names: () => pages.keys(),
    tags: (name) => pages.get(name)?.flatMap((entry) => entry.tags) ?? [],
    onNode: (node) =>
      [...pages].filter(([, entries]) => entries.some((each) => each.node === node)).map(([name]) => name),
    drop: (name) => void pages.delete(name),
  };
}
