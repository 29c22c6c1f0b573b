import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';

/** Writes our number for those who signal us; throws as `fs` does. */
export function writePidFile(path: string): void {
  const staged = `${path}.${process.pid}.tmp`;
  writeFileSync(staged, `${process.pid}\n`, { mode: 0o644 });
  renameSync(staged, path);
}

/** Takes the file away unless somebody else has replaced it since. */
export function removePidFile(path: string): void {
  try {
    if (readFileSync(path, 'utf8').trim() === String(process.pid)) rmSync(path);
  } catch {
    // Gone already, or no longer ours to remove.
  }
}
