import { type ChildProcess, spawn } from 'node:child_process';
import { performance } from 'node:perf_hooks';
import type { CommandLine, CommandSpec } from '../config/model.ts';

export type CommandResult =
  | { readonly ok: true; readonly output: string; readonly tookMs: number }
  /** `reason` in a few words: how it ended, or why it could not be started. */
  | { readonly ok: false; readonly reason: string; readonly output: string; readonly tookMs: number };

/** Of what a command prints, the end is kept: that is where it says what is wrong. */
const outputBytes = 8 * 1024;

/** Between asking a command to end and ending it. */
const graceMs = 2000;

/** What still arrives after the end. A daemon that the command left behind may hold the pipe open for ever. */
const drainMs = 100;

export function argvOf(line: CommandLine): readonly [string, ...string[]] {
  if (line.kind === 'shell') return ['sh', '-c', line.text];
  const [program = '', ...args] = line.argv;
  return [program, ...args];
}

/** Runs a command in a process group of its own and waits for its end; never rejects. */
export async function runCommand(
  { line, timeoutMs }: Pick<CommandSpec, 'line' | 'timeoutMs'>,
  env: NodeJS.ProcessEnv,
): Promise<CommandResult> {
  const startMs = performance.now();
  const [program, ...args] = argvOf(line);
  const child = spawn(program, args, { env, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
  const output = collect(child);
  const ended = endOf(child);
  const finish = (reason: string | null): CommandResult => {
    const tookMs = Math.round(performance.now() - startMs);
    if (reason === null) return { ok: true, output: output(), tookMs };
    return { ok: false, reason, output: output(), tookMs };
  };
  if (timeoutMs === 0) {
    // Asked for: nobody waits for its end, only for its start.
    const started = new Promise<null>((resolve) => child.once('spawn', () => resolve(null)));
    return finish(await Promise.race([started, ended]));
  }
  const limit = stopAfter(child, timeoutMs);
  const reason = await ended;
  limit.clear();
  return finish(limit.isOver() ? `took longer than ${timeoutMs}ms` : reason);
}

/** null for exit status 0. */
function endOf(child: ChildProcess): Promise<string | null> {
  return new Promise((resolve) => {
    child.once('error', (error: NodeJS.ErrnoException) => {
      resolve(error.code === 'ENOENT' ? `there is no program ${error.path}` : error.message);
    });
    child.once('exit', (code, signal) => {
      const reason = signal === null ? (code === 0 ? null : `exit status ${code}`) : `ended by ${signal}`;
      const timer = setTimeout(release, drainMs);
      child.once('close', release);
      function release(): void {
        clearTimeout(timer);
        for (const stream of [child.stdout, child.stderr])
          (stream as { unref?: () => void } | null)?.unref?.();
        resolve(reason);
      }
    });
  });
}

function collect(child: ChildProcess): () => string {
  let kept = Buffer.alloc(0);
  let isCut = false;
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('error', () => {});
    stream?.on('data', (chunk: Buffer) => {
      const all = Buffer.concat([kept, chunk]);
      isCut ||= all.length > outputBytes;
      kept = Buffer.from(all.subarray(Math.max(0, all.length - outputBytes)));
    });
  }
  return () => (isCut ? '…' : '') + kept.toString('utf8').trim();
}

/** TERM for the whole group when the time is over, and KILL a little later. */
function stopAfter(child: ChildProcess, timeoutMs: number) {
  let over = false;
  let timer = setTimeout(() => {
    over = true;
    signalGroup(child.pid, 'SIGTERM');
    timer = setTimeout(() => signalGroup(child.pid, 'SIGKILL'), graceMs);
  }, timeoutMs);
  return {
    isOver: () => over,
    clear: () => {
      clearTimeout(timer);
      // The shell is gone; what it started may have ignored the signal.
      if (over) signalGroup(child.pid, 'SIGKILL');
    },
  };
}

/** Whether there was anybody to signal. */
export function signalGroup(pid: number | undefined, signal: NodeJS.Signals): boolean {
  if (pid === undefined) return false;
  try {
    return process.kill(-pid, signal);
  } catch {
    return false;
  }
}
