import { type FSWatcher, watch } from 'node:fs';
import { explainRead } from '../../config/files.ts';
import { type Clock, systemClock } from '../providers/clock.ts';
import { createBell } from './bell.ts';
import { type Item, Keeper } from './keeper.ts';
import type { OnCertificates } from './source.ts';

/** Without notifications (network file systems, symbolic links into other folders) a change is seen within this time. */
const LOOK_EVERY_MS = 2_000;
/** Those who write a pair write two files. */
const SETTLE_MS = 50;

/** What lies there at one moment. */
export interface Sight {
  /** Where a change would be notified. */
  readonly folders: readonly string[];
  /** Changes when anything does that matters. */
  readonly fingerprint: string;
  /** Reads everything. */
  items(): Promise<ReadonlyMap<string, Item>>;
}

/**
 * Looks again and again until the signal aborts, sooner when the system notifies.
 *
 * @param look throws what `fs` throws when nothing at all can be said
 */
export async function followFiles(
  name: string,
  look: () => Promise<Sight>,
  onCertificates: OnCertificates,
  signal: AbortSignal,
  clock: Clock = systemClock,
): Promise<void> {
  const keeper = new Keeper();
  const bell = createBell();
  const watchers = new Watchers(bell.ring);
  let fingerprint: string | null = null;
  let trouble: string | null = null;
  while (!signal.aborted) {
    try {
      const sight = await look();
      watchers.follow(sight.folders);
      if (trouble !== null || sight.fingerprint !== fingerprint) {
        const { set, refused } = await keeper.take(await sight.items());
        if (signal.aborted) break;
        onCertificates(set, refused);
      }
      fingerprint = sight.fingerprint;
      trouble = null;
    } catch (error) {
      // A folder that is not there (mounted late, renamed) is not an empty one.
      const reason = explainRead(error).replace('no such file', 'no such folder');
      if (reason !== trouble && !signal.aborted) onCertificates(keeper.last, [{ source: name, reason }]);
      trouble = reason;
    }
    await bell.wait(clock, LOOK_EVERY_MS, signal);
    await clock.sleep(SETTLE_MS, signal);
  }
  watchers.close();
}

/** One notification per folder; a folder that cannot be watched is looked at every few seconds all the same. */
class Watchers {
  readonly #ring: () => void;
  readonly #open = new Map<string, FSWatcher>();

  constructor(ring: () => void) {
    this.#ring = ring;
  }

  follow(folders: readonly string[]): void {
    const wanted = new Set(folders);
    for (const folder of [...this.#open.keys()]) if (!wanted.has(folder)) this.#drop(folder);
    for (const folder of wanted) if (!this.#open.has(folder)) this.#add(folder);
  }

  close(): void {
    for (const folder of [...this.#open.keys()]) this.#drop(folder);
  }

  #add(folder: string): void {
    try {
      const watcher = watch(folder, { persistent: false }, this.#ring);
      watcher.on('error', () => this.#drop(folder));
      this.#open.set(folder, watcher);
    } catch {
      // The system allows no more of them.
    }
  }

  #drop(folder: string): void {
    this.#open.get(folder)?.close();
    this.#open.delete(folder);
  }
}
