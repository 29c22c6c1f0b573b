import { setTimeout as sleep } from 'node:timers/promises';
import { exit } from '../exit-codes.ts';
import type { Target } from './admin-request.ts';
import { events, NoEvents } from './event-stream.ts';
import { explainFailure } from './explain-failure.ts';
import type { ListedEntry } from './history.ts';
import { complain } from './terminal.ts';

const AGAIN_MS = 1_000;
/** Stopping, or too many are listening: another try may help. */
const BUSY = 503;

/**
 * Shows every change after a version as it comes. A router that goes away is waited for, as `tail -F` does; one that
 * refuses to tell ends it.
 */
export async function followHistory(
  target: Target,
  version: number | null,
  show: (entry: ListedEntry) => void,
): Promise<number> {
  let lastId = version === null ? null : String(version);
  let isAway = false;
  for (;;) {
    try {
      for await (const { event, id, data } of events(target, '/api/events', lastId)) {
        if (isAway) complain('connected again');
        isAway = false;
        if (event === 'change') show(JSON.parse(data) as ListedEntry);
        else if (lastId !== null) complain('what came meanwhile is not known any more');
        lastId = id;
      }
      throw new Error('the router closed the connection');
    } catch (error) {
      const reason = `${target.url}/api/events: ${explainFailure(error)}`;
      if (error instanceof NoEvents && error.status !== BUSY) {
        complain(reason);
        return exit.unavailable;
      }
      if (!isAway) complain(`${reason}; waiting for it`);
      isAway = true;
      await sleep(AGAIN_MS);
    }
  }
}
