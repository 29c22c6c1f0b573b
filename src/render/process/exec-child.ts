import { type ChildProcess, spawn } from 'node:child_process';
import { constants } from 'node:os';
import type { Log } from '../../control/log.ts';
import type { CommandLine, ExecReload, ExecSpec } from '../config/model.ts';
import { argvOf, signalGroup } from './command.ts';

/**
 * Signals go to the whole group, the shell included. It must not die of what its command takes as a request, and when
 * the command is asked to end it must wait for that, then end with its status. Handlers are not handed on to commands.
 */
const shellTraps = 'trap : HUP USR1 USR2 WINCH; trap exit INT TERM QUIT; ';

function childArgv(line: CommandLine): readonly [string, ...string[]] {
  return argvOf(line.kind === 'shell' ? { kind: 'shell', text: shellTraps + line.text } : line);
}

/** The process that `-exec` keeps, such as an nginx in the foreground. Lives through reloads of the configuration. */
export class ExecChild {
  /** Exit status of a child that ended without being asked to; a signal counts as 128 and its number. */
  readonly ended: Promise<number>;
  readonly #resolveEnded: (code: number) => void;
  readonly #log: Log;
  readonly #random: () => number;
  #spec: ExecSpec;
  #env: NodeJS.ProcessEnv;
  #child: ChildProcess | null = null;
  /** Asked to end, so that another can take its place. */
  #leaving: ChildProcess | null = null;
  #timeout: NodeJS.Timeout | null = null;
  #splay: NodeJS.Timeout | null = null;
  /** Signals to be sent; null stands for a restart. */
  readonly #due = new Set<NodeJS.Signals | null>();
  #isStopping = false;

  constructor(spec: ExecSpec, env: NodeJS.ProcessEnv, log: Log, random: () => number = Math.random) {
    this.#spec = spec;
    this.#env = env;
    this.#log = log;
    this.#random = random;
    const { promise, resolve } = Promise.withResolvers<number>();
    this.ended = promise;
    this.#resolveEnded = resolve;
  }

  start(): void {
    if (this.#child !== null || this.#isStopping) return;
    const [program, ...args] = childArgv(this.#spec.line);
    // A group of its own: signals of a terminal reach it through us, once.
    const child = spawn(program, args, { env: this.#env, detached: true, stdio: 'inherit' });
    this.#child = child;
    child.once('spawn', () => this.#log.info({ pid: child.pid }, 'child started'));
    child.once('error', (error) => {
      this.#log.error({ reason: error.message }, 'the child cannot be started');
      this.#end(child, 127);
    });
    child.once('exit', (code, signal) =>
      this.#end(child, code ?? 128 + constants.signals[signal ?? 'SIGKILL']),
    );
    if (this.#spec.timeoutMs > 0)
      this.#timeout = setTimeout(() => {
        this.#log.error({ pid: child.pid }, 'the child runs longer than its timeout and is ended');
        void this.#kill(child);
      }, this.#spec.timeoutMs);
  }

  #end(child: ChildProcess, code: number): void {
    if (this.#child !== child) return;
    this.#child = null;
    if (this.#timeout !== null) clearTimeout(this.#timeout);
    this.#log.info({ pid: child.pid, code }, 'child ended');
    this.#resolveEnded(code);
  }

  /**
   * Files changed: after the splay the child hears of it, as each file says or else as configured. Changes within the
   * splay count once.
   */
  changed(reloads: readonly (ExecReload | null)[]): void {
    if (this.#child === null) return;
    for (const reload of reloads) {
      const asked = reload ?? this.#spec.reload;
      if (asked.kind !== 'nothing') this.#due.add(asked.kind === 'signal' ? asked.signal : null);
    }
    if (this.#splay !== null || this.#due.size === 0) return;
    this.#splay = setTimeout(() => {
      this.#splay = null;
      void this.#tell();
    }, this.#random() * this.#spec.splayMs);
  }

  async #tell(): Promise<void> {
    const due = [...this.#due];
    this.#due.clear();
    // One that starts anew needs no signal.
    if (due.includes(null)) return this.#restart();
    for (const signal of due) if (signal !== null) this.forward(signal);
  }

  async #restart(): Promise<void> {
    const child = this.#child;
    if (child === null) return;
    // Forgotten first, so that its end is not the end of everything.
    this.#child = null;
    if (this.#timeout !== null) clearTimeout(this.#timeout);
    this.#leaving = child;
    await this.#kill(child);
    this.#leaving = null;
    this.start();
  }

  /** A new configuration: only a child that is started differently is replaced. */
  async reconfigure(spec: ExecSpec, env: NodeJS.ProcessEnv): Promise<void> {
    const isSame = JSON.stringify([spec.line, env]) === JSON.stringify([this.#spec.line, this.#env]);
    this.#spec = spec;
    this.#env = env;
    if (!isSame) await this.#restart();
  }

  /** Hands a signal to the child and everything it started. */
  forward(signal: NodeJS.Signals): void {
    signalGroup((this.#child ?? this.#leaving)?.pid, signal);
  }

  /** Ends the child; its status, or null when there was none. */
  async stop(signal: NodeJS.Signals = this.#spec.killSignal): Promise<number | null> {
    this.#isStopping = true;
    if (this.#splay !== null) clearTimeout(this.#splay);
    const child = this.#child ?? this.#leaving;
    if (child === null) return null;
    await this.#kill(child, signal);
    return child.exitCode;
  }

  async #kill(child: ChildProcess, signal: NodeJS.Signals = this.#spec.killSignal): Promise<void> {
    if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
    const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
    signalGroup(child.pid, signal);
    const timer = setTimeout(() => {
      this.#log.warn({ pid: child.pid }, 'the child did not end in time and is killed');
      signalGroup(child.pid, 'SIGKILL');
    }, this.#spec.killTimeoutMs);
    await gone;
    clearTimeout(timer);
  }
}
