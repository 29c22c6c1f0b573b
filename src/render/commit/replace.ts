import { copyFile, link, open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { besideName } from './stage.ts';
import type { Present } from './target.ts';

/** A destination that has been replaced, and the way back. */
export interface Replaced {
  /** There was a file before. */
  readonly canRestore: boolean;
  /** Puts the old file back: the very same one where the file system allows it. */
  restore(): Promise<void>;
  /** Lets go of the old file. */
  keep(): Promise<void>;
}

export interface ReplaceOptions {
  readonly backup: boolean;
  readonly warn: (message: string) => void;
  /** As `fs.rename`; a mount that refuses it takes rights that tests seldom have. */
  readonly move?: typeof rename;
}

/** Puts a staged file in the place of the old one, in one step, and makes that durable. */
export async function replaceFile(
  staged: string,
  destination: string,
  present: Present | null,
  { backup, warn, move = rename }: ReplaceOptions,
): Promise<Replaced> {
  const old = present === null ? null : besideName(destination, 'old');
  try {
    if (old !== null) await linkOrCopy(destination, old);
    if (old !== null && backup) await backUp(old, destination);
    await move(staged, destination);
    await syncFolder(destination);
    return byRename(destination, old);
  } catch (error) {
    if (old !== null) await rm(old, { force: true });
    if (!isMountPoint(error) || present === null) throw error;
  }
  // A file that is mounted on its own, as containers do, cannot be replaced, only overwritten.
  warn(`${destination} is a mount of its own and is overwritten in place, which is not atomic`);
  const content = await readAll(staged);
  await overwrite(destination, content);
  await rm(staged, { force: true });
  return {
    canRestore: true,
    restore: () => overwrite(destination, present.bytes),
    keep: async () => {},
  };
}

function byRename(destination: string, old: string | null): Replaced {
  return {
    canRestore: old !== null,
    restore: async () => {
      if (old === null) return;
      await rename(old, destination);
      await syncFolder(destination);
    },
    keep: async () => {
      if (old !== null) await rm(old, { force: true });
    },
  };
}

/** A second name costs nothing and keeps the file itself; not every file system and not every owner may have one. */
async function linkOrCopy(from: string, to: string): Promise<void> {
  try {
    await link(from, to);
  } catch {
    await copyFile(from, to);
  }
}

async function backUp(old: string, destination: string): Promise<void> {
  const next = besideName(destination, 'tmp');
  await linkOrCopy(old, next);
  await rename(next, `${destination}.bak`);
  // A name for the same file makes rename do nothing and leave both.
  await rm(next, { force: true });
}

function isMountPoint(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === 'EBUSY';
}

async function readAll(path: string): Promise<Buffer> {
  const handle = await open(path, 'r');
  try {
    return await handle.readFile();
  } finally {
    await handle.close();
  }
}

async function overwrite(path: string, bytes: Buffer): Promise<void> {
  const handle = await open(path, 'r+');
  try {
    await handle.writeFile(bytes);
    await handle.truncate(bytes.length);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** The new name survives a power cut only once the folder is on the disk. */
async function syncFolder(path: string): Promise<void> {
  const handle = await open(dirname(path), 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
