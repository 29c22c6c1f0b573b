/** Child processes under test, and waiting for a condition. Whatever is still alive at the end is killed. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { stripVTControlCharacters } from 'node:util';
import { get } from './client.ts';

export interface Exit {
  code: number | null;
  signal: NodeJS.Signals | null;
}

export interface Child {
  readonly pid: number;
  readonly stdout: string[];
  readonly stderr: string[];
  readonly exited: Promise<Exit>;
  /** Set once it has exited. */
  exit: Exit | undefined;
  /** The first line of either stream that matches, past or future; rejects when the process exits without it. */
  line(pattern: RegExp, timeoutMs?: number): Promise<string>;
  signal(signal: NodeJS.Signals): void;
  /** Signals and waits; past the limit (default 10 s) it kills the whole group and rejects. */
  stop(signal?: NodeJS.Signals, timeoutMs?: number): Promise<Exit>;
}

export interface StartOptions {
  env?: Record<string, string>;
  cwd?: string;
}

const alive = new Set<ChildProcess>();

/** Children lead a process group of their own, so that their workers can be killed with them. */
function killAll(): void {
  for (const child of alive) killGroup(child);
}

function killGroup(child: ChildProcess): void {
  try {
    process.kill(-child.pid!, 'SIGKILL');
  } catch {
    // Already gone.
  }
}

process.on('exit', killAll);
// Neither a signal nor a runner that vanishes gives an exit event by itself.
for (const end of ['SIGTERM', 'SIGINT', 'SIGHUP', 'disconnect']) process.on(end, () => process.exit(1));
// Under vitest this module is loaded anew for each test file, so the hook belongs to that file.
if (process.env.VITEST) (await import('vitest')).afterAll(killAll);

/** Starts a process; rejects when the command cannot be run at all. */
export async function start(command: string, args: string[], options: StartOptions = {}): Promise<Child> {
  const env = { ...cleanEnvironment(), ...options.env };
  const cwd = options.cwd ?? process.cwd();
  const child = spawn(command, args, { cwd, env, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
  const [stdout, stderr]: [string[], string[]] = [[], []];
  collectLines(child, 'stdout', stdout);
  collectLines(child, 'stderr', stderr);
  const exited = new Promise<Exit>((resolve) => {
    child.once('close', (code, signal) => resolve({ code, signal }));
  });
  await once(child, 'spawn');
  alive.add(child);
  const self: Child = {
    ...{ pid: child.pid!, stdout, stderr, exited, exit: undefined },
    line: (pattern, timeoutMs) => awaitLine(self, pattern, timeoutMs),
    signal: (signal) => void child.kill(signal),
    stop: (signal, timeoutMs) => stop(self, child, signal, timeoutMs),
  };
  child.once('exit', (code, signal) => {
    self.exit = { code, signal };
    alive.delete(child);
  });
  return self;
}

/** Our environment without what would configure the program under test, or make it believe it is a test. */
function cleanEnvironment(): NodeJS.ProcessEnv {
  const foreign = /^(CONSUL_|FAIRLEAD_|REDIS_URL$|VITEST|NODE_OPTIONS$|NODE_ENV$|TEST$|STATE_DIRECTORY$)/;
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !foreign.test(name)));
}

function collectLines(child: ChildProcess, stream: 'stdout' | 'stderr', into: string[]): void {
  let rest = '';
  child[stream]!.setEncoding('utf8');
  child[stream]!.on('data', (text: string) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    into.push(...lines.map((line) => stripVTControlCharacters(line)));
  });
  child[stream]!.on('end', () => rest !== '' && into.push(rest));
}

async function awaitLine(child: Child, pattern: RegExp, timeoutMs = 10_000): Promise<string> {
  const found = () =>
    child.stdout.find((line) => pattern.test(line)) ?? child.stderr.find((l) => pattern.test(l));
  return eventually(
    async () => {
      const hasEnded = child.exit !== undefined;
      // What it wrote last may come in after its end.
      if (hasEnded) await child.exited;
      const line = found();
      if (line === undefined && hasEnded)
        throw new Stop(`exited without a line like ${pattern}\n${tail(child)}`);
      if (line === undefined) throw new Error(`no line like ${pattern}\n${tail(child)}`);
      return line;
    },
    { timeoutMs },
  );
}

async function stop(
  self: Child,
  child: ChildProcess,
  signal: NodeJS.Signals = 'SIGTERM',
  timeoutMs = 10_000,
) {
  if (!self.exit) child.kill(signal);
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    killGroup(child);
  }, timeoutMs);
  const exit = await self.exited;
  clearTimeout(timer);
  if (late) throw new Error(`still running ${timeoutMs} ms after ${signal}\n${tail(self)}`);
  return exit;
}

/** The last lines it wrote, for a failure message. */
export function tail(child: Child, lines = 20): string {
  const how = child.exit ? `exit ${child.exit.code ?? child.exit.signal}` : `pid ${child.pid} still running`;
  return [how, ...child.stdout.slice(-lines), ...child.stderr.slice(-lines)].join('\n  ');
}

/** Thrown inside `eventually` to give up at once. */
export class Stop extends Error {}

export interface EventuallyOptions {
  timeoutMs?: number;
  /** What is awaited, for the failure message. */
  what?: string;
}

/**
 * Polls until `fn` neither throws nor returns false (null and undefined count as success, so that a bare
 * `expect` works), every 5 to 20 ms; returns its result. Fails with its last error.
 * A string for options says what is awaited.
 */
export async function eventually<T>(
  fn: () => T | Promise<T>,
  options: EventuallyOptions | string = {},
): Promise<Exclude<T, false>> {
  const { timeoutMs = 10_000, what = 'the condition' } =
    typeof options === 'string' ? { what: options } : options;
  const start = performance.now();
  for (let step = 5; ; step = Math.min(20, step + 1)) {
    let last: unknown = new Error('it was false');
    try {
      const result = await fn();
      if (result !== false) return result as Exclude<T, false>;
    } catch (error) {
      if (error instanceof Stop) throw error;
      last = error;
    }
    if (performance.now() - start >= timeoutMs) {
      const reason = last instanceof Error ? last.message : String(last);
      throw new Error(`${what} did not hold within ${timeoutMs} ms: ${reason}`, { cause: last });
    }
    await new Promise((resolve) => setTimeout(resolve, step));
  }
}

export const root: string = fileURLToPath(new URL('../..', import.meta.url));

export interface FairleadOptions extends StartOptions {
  /** The admin port to poll for `/ready`; without it, the process is returned as soon as it is spawned. */
  admin?: number;
  timeoutMs?: number;
}

/** Runs the program from source, as `fairlead ARGS`. */
export async function startFairlead(args: string[], options: FairleadOptions = {}): Promise<Child> {
  const child = await start(`${root}node_modules/.bin/node`, [`${root}src/main.ts`, ...args], options);
  const { admin, timeoutMs = 10_000 } = options;
  if (admin !== undefined) await ready(child, admin, timeoutMs);
  return child;
}

async function ready(child: Child, admin: number, timeoutMs: number): Promise<void> {
  const probe = async () => {
    if (child.exit) throw new Stop(`exited before it was ready: ${tail(child)}`);
    const { status, body } = await get(admin, {
      path: '/ready',
      host: `127.0.0.1:${admin}`,
      timeoutMs: 1000,
    });
    if (status !== 200) throw new Error(`/ready says ${status} ${body.trim()}\n${tail(child)}`);
  };
  await eventually(probe, { timeoutMs, what: 'readiness' });
}
