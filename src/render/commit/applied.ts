import { createHash } from 'node:crypto';
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeFolder } from '../../control/make-folder.ts';

/**
 * What has been applied: the hash of the content whose commands succeeded, for each destination. A process that dies
 * between replacing a file and telling the server about it finds here that the server was never told.
 */
export interface AppliedStore {
  /** null for a destination that we have never begun to write. */
  find(destination: string): AppliedRecord | null;
  /** Durable before the file is replaced. */
  begin(destination: string): void;
  finish(destination: string, hash: string): void;
}

export interface AppliedRecord {
  /** null while nothing has been applied. */
  readonly hash: string | null;
}

export function hashOf(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** One small file for each destination, so that processes with the same folder do not disturb each other. */
export function openAppliedStore(dataDir: string, warn: (message: string) => void): AppliedStore {
  const folder = join(dataDir, 'render');
  const memory = new Map<string, AppliedRecord>();
  let hasWarned = false;
  const pathOf = (destination: string): string => join(folder, `${hashOf(Buffer.from(destination))}.json`);

  function write(destination: string, record: AppliedRecord): void {
    memory.set(destination, record);
    try {
      makeFolder(folder, 0o700);
      const path = pathOf(destination);
      const staged = `${path}.${process.pid}.tmp`;
      writeFileSync(staged, JSON.stringify({ destination, ...record }), { mode: 0o600, flush: true });
      renameSync(staged, path);
    } catch (error) {
      if (hasWarned) return;
      hasWarned = true;
      warn(
        `${folder} cannot be written (${(error as Error).message}): after a restart it is not known which files were applied`,
      );
    }
  }

  return {
    find: (destination) => memory.get(destination) ?? load(pathOf(destination), destination),
    begin: (destination) => {
      const known = memory.get(destination) ?? load(pathOf(destination), destination);
      if (known === null) write(destination, { hash: null });
    },
    finish: (destination, hash) => {
      const known = memory.get(destination) ?? load(pathOf(destination), destination);
      if (known?.hash !== hash) write(destination, { hash });
      else memory.set(destination, known);
    },
  };
}

/** A record that cannot be read counts as begun: running a command once too often is the lesser evil. */
function load(path: string, destination: string): AppliedRecord | null {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch {
    return null;
  }
  try {
    const record = JSON.parse(text) as { destination?: unknown; hash?: unknown };
    const isOurs = record.destination === destination && typeof record.hash === 'string';
    return { hash: isOurs ? (record.hash as string) : null };
  } catch {
    return { hash: null };
  }
}
