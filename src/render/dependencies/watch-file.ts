import { constants, type FSWatcher, watch } from 'node:fs';
import { open } from 'node:fs/promises';
import { dirname } from 'node:path';
import { explainRead } from '../../config/files.ts';
import { createBell } from '../../control/certificates/bell.ts';
import type { Clock } from '../../control/providers/clock.ts';
import { fromBytes } from '../template/bytes.ts';
import type { WatchEvents } from './watch-elsewhere.ts';

/** Without notifications a change is seen within this time. */
const LOOK_EVERY_MS = 2_000;
/** Writers that truncate first and write then are not caught in between. */
const SETTLE_MS = 20;
const MAX_FILE_BYTES = 16 * 1024 * 1024;

/** Reads a file whenever it changes, until the signal aborts. */
export async function watchFile(
  path: string,
  events: WatchEvents,
  clock: Clock,
  signal: AbortSignal,
): Promise<void> {
  const bell = createBell();
  let watcher: FSWatcher | null = null;
  let seen = '';
  let trouble = '';
  while (!signal.aborted) {
    watcher ??= openWatcher(path, bell.ring, () => {
      watcher = null;
    });
    try {
      const read = await readChanged(path, seen);
      if (read !== null && !signal.aborted) {
        seen = read.mark;
        events.onValue(read.text);
      }
      trouble = '';
    } catch (error) {
      const reason = error instanceof Unreadable ? error.message : explainRead(error);
      if (reason !== trouble && !signal.aborted) events.onTrouble(reason);
      trouble = reason;
      seen = '';
    }
    await bell.wait(clock, LOOK_EVERY_MS, signal);
    await clock.sleep(SETTLE_MS, signal);
  }
  watcher?.close();
}

class Unreadable extends Error {}

/** Null when it is as it was. */
async function readChanged(path: string, seen: string): Promise<{ text: string; mark: string } | null> {
  // A pipe must not keep us waiting for its writer.
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const stat = await file.stat({ bigint: true });
    if (!stat.isFile()) throw new Unreadable('not a file');
    const { size, mtimeNs, ino } = stat;
    const mark = `${size} ${mtimeNs} ${ino}`;
    if (mark === seen) return null;
    if (size > BigInt(MAX_FILE_BYTES)) throw new Unreadable(`larger than ${MAX_FILE_BYTES} bytes`);
    return { text: fromBytes(await file.readFile()), mark };
  } finally {
    await file.close();
  }
}

/** The folder's notifications: a file that is replaced is another one. Null where the system gives none. */
function openWatcher(path: string, ring: () => void, onEnd: () => void): FSWatcher | null {
  try {
    const watcher = watch(dirname(path), { persistent: false }, ring);
    watcher.on('error', () => {
      watcher.close();
      onEnd();
    });
    return watcher;
  } catch {
    return null;
  }
}
