import { constants, type Stats } from 'node:fs';
import { type FileHandle, lstat, open, readFile } from 'node:fs/promises';
import type { FileSpec } from '../config/model.ts';
import { idOf } from './owners.ts';

/** A destination as it is now. */
export interface Present {
  readonly bytes: Buffer;
  readonly stats: Stats;
}

/** What a destination is to become. */
export interface Desired {
  readonly bytes: Buffer;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Whether somebody asked for this owner; otherwise it is the old file's, and kept where that is possible. */
  readonly isOwnerAsked: boolean;
}

/** A reason that an operator can act on. */
class CommitError extends Error {
  override readonly name = 'CommitError';
}

/** null when there is no such file. Never blocks, whatever stands at the path. */
export async function readPresent(path: string): Promise<Present | null> {
  let handle: FileHandle;
  try {
    handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    // A link into nothing is replaced like a file.
    if (code === 'ENOENT') return null;
    throw error;
  }
  try {
    const stats = await handle.stat();
    if (!stats.isFile()) throw new CommitError(`${path} is not a regular file`);
    return { bytes: await readFile(handle), stats };
  } finally {
    await handle.close();
  }
}

export function desire(bytes: Buffer, file: FileSpec, present: Present | null): Desired {
  const user = file.user === null ? null : lookUp('user', file.user);
  const group = file.group === null ? null : lookUp('group', file.group);
  return {
    bytes,
    mode: file.mode ?? (present === null ? 0o644 : present.stats.mode & 0o7777),
    uid: user ?? present?.stats.uid ?? process.getuid?.() ?? 0,
    gid: group ?? present?.stats.gid ?? process.getgid?.() ?? 0,
    isOwnerAsked: user !== null || group !== null,
  };
}

function lookUp(kind: 'user' | 'group', name: string): number {
  const id = idOf(kind, name);
  if (id === null) throw new CommitError(`there is no ${kind} ${name}`);
  return id;
}

/** Content, mode and owner count: a file whose mode somebody changed is written again. */
export function isUpToDate(present: Present | null, desired: Desired): boolean {
  if (present === null) return false;
  const { bytes, stats } = present;
  return (
    bytes.equals(desired.bytes) &&
    (stats.mode & 0o7777) === desired.mode &&
    stats.uid === desired.uid &&
    stats.gid === desired.gid
  );
}

export async function exists(path: string): Promise<boolean> {
  try {
    await lstat(path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
}
