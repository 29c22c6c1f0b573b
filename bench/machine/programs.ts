/** Where other people's programs are, and which version they say they are. */
import { execFile } from 'node:child_process';
import { accessSync, constants, readFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export type ProgramName = 'nginx' | 'haproxy' | 'caddy' | 'wrk' | 'h2load';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** Named by its variable (`WRK_BIN`), on the PATH, where Debian keeps daemons, or in the cache of the tests. */
export function findProgram(name: ProgramName): string | null {
  const named = process.env[`${name.toUpperCase()}_BIN`];
  if (named) return named;
  const folders = (process.env.PATH ?? '').split(delimiter).filter((folder) => folder !== '');
  const all = [...folders, '/usr/local/sbin', '/usr/sbin', join(root, '.cache', name)];
  return all.map((folder) => join(folder, name)).find(isProgram) ?? null;
}

/** Its path; throws one line that says what to do. */
export function needProgram(name: ProgramName): string {
  const path = findProgram(name);
  if (path !== null) return path;
  throw new Error(`${name} is missing: put it on the PATH or set ${name.toUpperCase()}_BIN`);
}

const probes: Record<ProgramName, readonly string[]> = {
  nginx: ['-v'],
  haproxy: ['-v'],
  caddy: ['version'],
  wrk: ['-v'],
  h2load: ['--version'],
};

/** The first version number it prints, on either stream; some exit with 1 after it. */
export function programVersion(name: ProgramName): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  execFile(needProgram(name), [...probes[name]], (_, stdout, stderr) => {
    resolve(/\d+\.\d+\.\d+/.exec(stdout + stderr)?.[0] ?? 'unknown version');
  });
  return promise;
}

/** The version of an installed npm package. */
export function packageVersion(name: string): string {
  const text = readFileSync(join(root, 'node_modules', name, 'package.json'), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
