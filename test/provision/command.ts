/** Running a command of the system, and saying what is going on when it takes long. */
import { execFile } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';

const quietMs = 2000;
const begun = performance.now();
let step = '';

/** Names the current step; said on stderr only once the whole has taken longer than two seconds. */
export function progress(text: string): void {
  if (text === step) return;
  if (step === '') setTimeout(say, quietMs).unref();
  step = text;
  if (performance.now() - begun > quietMs) say();
}

const say = (): void => void process.stderr.write(`provision: ${step}\n`);

export interface CommandOptions {
  cwd?: string;
  env?: Record<string, string>;
}

/** Its stdout; rejects with one line: the command's own error where it printed one. */
export async function command(file: string, args: string[], options: CommandOptions = {}): Promise<string> {
  const env = { ...process.env, LC_ALL: 'C', ...options.env };
  try {
    const limits = { timeout: 600_000, maxBuffer: 64 * 1024 * 1024 };
    const { stdout } = await promisify(execFile)(file, args, { ...options, ...limits, env });
    return stdout;
  } catch (error) {
    const { stderr = '', message, code } = error as Error & { stderr?: string; code?: unknown };
    const lines = `${stderr}`.split('\n').filter((line) => line.trim() !== '');
    const reason = lines.find((line) => line.startsWith('E: ')) ?? lines.at(-1) ?? message.split('\n')[0];
    throw new Error(`${file}: ${code === 'ENOENT' ? 'not installed' : reason}`, { cause: error });
  }
}

/** Tries again twice, for mirrors and networks that fail for a moment. */
export async function retried<T>(work: () => Promise<T>): Promise<T> {
  for (const pauseMs of [1000, 3000]) {
    try {
      return await work();
    } catch (error) {
      progress(`${(error as Error).message}; trying again`);
      await sleep(pauseMs);
    }
  }
  return work();
}
