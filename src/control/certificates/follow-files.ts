import { type FSWatcher, watch } from 'node:fs';
import { stat } from 'node:fs/promises';
import { explainRead } from '../../config/files.ts';
import { type Clock, systemClock } from '../providers/clock.ts';
import { createBell } from './bell.ts';
import { type Item, Keeper } from './keeper.ts';
import type { OnCertificates } from './source.ts';

/**
 * Without notifications (network file systems, symbolic links into other folders) a change is seen at the next look. Many
 * files, or slow ones, are looked at less often.
 */
const LOOK_EVERY_MS = 500;
const LOOK_SELDOM_MS = 2_000;
/** Share of the time that looking may take. */
const LOOK_SHARE = 1 / 20;
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
    const beganAt = clock.now();
    let tookMs = 0;
    try {
      const sight = await look();
      tookMs = clock.now() - beganAt;
      await watchers.follow(sight.folders);
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
    const pauseMs = Math.min(LOOK_SELDOM_MS, Math.max(LOOK_EVERY_MS, tookMs / LOOK_SHARE));
    await bell.wait(clock, pauseMs, signal);
    await clock.sleep(SETTLE_MS, signal);
  }
  watchers.close();
}

interface Open {
  readonly watcher: FSWatcher;
  readonly identity: string;
}

/** One notification per folder; a folder that cannot be watched is looked at every now and then all the same. */
class Watchers {
  readonly #ring: () => void;
  readonly #open = new Map<string, Open>();

  constructor(ring: () => void) {
    this.#ring = ring;
  }

  /** A path may stand for another folder than before (swapped, mounted, a link that was turned): that one is watched. */
  async follow(folders: readonly string[]): Promise<void> {
    const wanted = new Map<string, string>();
    for (const folder of folders) wanted.set(folder, await identityOf(folder));
    for (const [folder, { identity }] of this.#open) if (wanted.get(folder) !== identity) this.#drop(folder);
    for (const [folder, identity] of wanted) if (!this.#open.has(folder)) this.#add(folder, identity);
  }

  close(): void {
    for (const folder of [...this.#open.keys()]) this.#drop(folder);
  }

  #add(folder: string, identity: string): void {
    try {
      const watcher = watch(folder, { persistent: false }, this.#ring);
      watcher.on('error', () => this.#drop(folder));
      this.#open.set(folder, { watcher, identity });
    } catch {
      // The system allows no more of them.
    }
  }

  #drop(folder: string): void {
    this.#open.get(folder)?.watcher.close();
    this.#open.delete(folder);
  }
}

async function identityOf(folder: string): Promise<string> {
  return stat(folder).then(
    // A number is used again for a folder that was made anew; its birth is not.
    ({ dev, ino, birthtimeMs }) => `${dev} ${ino} ${birthtimeMs}`,
    () => 'missing',
  );
}
