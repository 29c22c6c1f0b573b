/** A folder for configurations and logs, removed when the process ends, however it ends. */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

let root: string | undefined;

/** A new folder. */
export function scratch(name: string): string {
  root ??= make();
  const folder = mkdtempSync(join(root, `${name}-`));
  mkdirSync(folder, { recursive: true });
  return folder;
}

function make(): string {
  const folder = mkdtempSync(join(tmpdir(), 'fairlead-bench-'));
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
  return folder;
}
