import { spawn } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const entry = fileURLToPath(new URL('../../../src/main.ts', import.meta.url));

export interface Outcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Surroundings {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
}

export function emptyFolder(): string {
  return mkdtempSync(join(tmpdir(), 'fairlead-cli-'));
}

const nowhere = emptyFolder();

/** So that a start does not compile everything anew. */
const cache = { NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE ?? '' };

/** Runs the real command line with nothing else of this process's environment. */
export function fairlead(
  args: readonly string[],
  { cwd = nowhere, env = {} }: Surroundings = {},
): Promise<Outcome> {
  return execute(process.execPath, [entry, ...args], cwd, { HOME: nowhere, ...cache, ...env });
}

export function execute(
  program: string,
  args: readonly string[],
  cwd: string,
  env: Readonly<Record<string, string>>,
): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { cwd, env: { ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
    const out = { stdout: '', stderr: '' };
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      out.stdout += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      out.stderr += text;
    });
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, ...out }));
  });
}
