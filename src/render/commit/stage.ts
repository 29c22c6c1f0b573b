import { randomBytes } from 'node:crypto';
import { readdirSync, rmSync } from 'node:fs';
import { open, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { makeFolder } from '../../control/make-folder.ts';
import type { Desired } from './target.ts';

/** Hidden, so that neither `include *.conf` nor a watcher of the folder takes a half-written file for a whole one. */
export function besideName(destination: string, ending: 'tmp' | 'old'): string {
  const random = randomBytes(6).toString('hex');
  return join(dirname(destination), `.${basename(destination)}.${process.pid}-${random}.${ending}`);
}

/**
 * Writes the new content beside its destination, on the same file system, with its final mode and owner, and onto the
 * disk. @returns the path; `warn` hears of an owner that could not be kept.
 */
export async function stageFile(
  destination: string,
  desired: Desired,
  createFolders: boolean,
  warn: (message: string) => void,
): Promise<string> {
  if (createFolders) makeFolder(dirname(destination), 0o755);
  const staged = besideName(destination, 'tmp');
  const handle = await open(staged, 'wx', 0o600);
  try {
    await handle.writeFile(desired.bytes);
    const { uid, gid } = await handle.stat();
    if (uid !== desired.uid || gid !== desired.gid) {
      await handle.chown(desired.uid, desired.gid).catch((error: Error) => {
        if (desired.isOwnerAsked) throw error;
        warn(`${destination}: the owner of the old file cannot be kept (${error.message})`);
      });
    }
    // After the owner: a change of owner takes the setuid bits away.
    await handle.chmod(desired.mode);
    await handle.sync();
    await handle.close();
    return staged;
  } catch (error) {
    await handle.close().catch(() => {});
    await rm(staged, { force: true });
    throw error;
  }
}

/** What a process that was killed left beside the destination. Files of a process that lives are not touched. */
export function sweepStale(destination: string): readonly string[] {
  const folder = dirname(destination);
  const prefix = `.${basename(destination)}.`;
  const stale = listFolder(folder).filter((name) => {
    const match = /^(\d+)-[\da-f]{12}\.(tmp|old)$/.exec(
      name.startsWith(prefix) ? name.slice(prefix.length) : '',
    );
    return match !== null && !isAlive(Number(match[1]));
  });
  for (const name of stale) rmSync(join(folder, name), { force: true });
  return stale;
}

function listFolder(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

/** Our own number means an earlier process: in a container every one has the same. */
function isAlive(pid: number): boolean {
  if (pid === process.pid) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
