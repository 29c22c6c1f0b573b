import { closeSync, openSync, readSync } from 'node:fs';
import { homedir } from 'node:os';
import { join, relative, resolve } from 'node:path';

/** Largest configuration or token file. */
export const largestFile = 1024 * 1024;

/** Reads a small text file, whatever its kind; stops at the limit so that a device cannot fill the memory. */
export function readText(path: string): string {
  const descriptor = openSync(path, 'r');
  try {
    const buffer = Buffer.alloc(largestFile + 1);
    let length = 0;
    while (length < buffer.length) {
      const count = readSync(descriptor, buffer, length, buffer.length - length, null);
      if (count === 0) break;
      length += count;
    }
    if (length > largestFile) throw new Error('larger than 1MiB');
    return new TextDecoder('utf-8', { fatal: true }).decode(buffer.subarray(0, length));
  } finally {
    closeSync(descriptor);
  }
}

/** Why a file could not be read, in words. */
export function explainRead(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === 'ENOENT' || code === 'ENOTDIR') return 'there is no such file';
  if (code === 'EACCES' || code === 'EPERM') return 'permission denied';
  if (code === 'EISDIR') return 'this is a folder, not a file';
  if (code === 'ERR_ENCODING_INVALID_ENCODED_DATA') return 'not UTF-8 text';
  return message;
}

export function isMissing(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === 'ENOENT' || code === 'ENOTDIR';
}

/** Where the file is looked for when nobody names one; the first that exists is read. */
export function searchPath(env: NodeJS.ProcessEnv, cwd: string): readonly string[] {
  const folders = [cwd];
  if (env.XDG_CONFIG_HOME) folders.push(join(resolve(cwd, env.XDG_CONFIG_HOME), 'fairlead'));
  folders.push(join(env.HOME || homedir(), '.config', 'fairlead'), '/etc/fairlead');
  return folders.map((folder) => join(folder, 'fairlead.yaml'));
}

/** A path as people know it: short below the working directory, absolute elsewhere. */
export function displayPath(path: string, cwd: string): string {
  const short = relative(cwd, path);
  return cwd === '/' || short.startsWith('..') ? path : short;
}
