import type { Log } from '../../control/log.ts';
import type { LiveOutput } from '../renderer.ts';
import type { HaproxyFile } from './haproxy.ts';
import { type Applied, applyAtRuntime } from './haproxy-runtime.ts';
import type { RuntimeSocket } from './haproxy-socket.ts';
import type { TargetRenderer } from './target-renderer.ts';

export interface HaproxyLiveOptions {
  readonly socket: Pick<RuntimeSocket, 'send'>;
  readonly target: TargetRenderer<HaproxyFile>;
  readonly log: Log;
}

/**
 * Commands that reload return before the new process answers (`systemctl reload` sends a signal), and a change may then go
 * to the old one and be lost: so long it is looked whether servers are as the file has them.
 */
const SETTLES_MS = 15_000;
/** Times between looks; servers that leave are waited for at the last of these for as long as they have connections. */
const LOOK_MS = [100, 300, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000];

/** Keeps a running HAProxy as the rendered file has it, over its runtime socket. */
export class HaproxyLive implements LiveOutput {
  readonly #options: HaproxyLiveOptions;
  /** What HAProxy runs, as far as is known. */
  #running: HaproxyFile | null = null;
  #hasBegun = false;
  /** Monotonic; a reload may be under way until then. */
  #settlesAtMs = 0;
  /** One exchange after the other. */
  #queue: Promise<unknown> = Promise.resolve();
  #timer: NodeJS.Timeout | null = null;
  readonly #life = new AbortController();

  constructor(options: HaproxyLiveOptions) {
    this.#options = options;
  }

  sparesCommand(): boolean {
    return this.#running !== null && this.#running.structure === this.#options.target.latest()?.structure;
  }

  async apply(text: string): Promise<'spared' | 'needs_command' | 'socket_failed'> {
    const file = this.#options.target.rendered(text);
    this.#hasBegun = true;
    this.#stopLooking();
    if (file === null) return 'needs_command';
    const applied = await this.#bring(this.#running, file);
    if (applied.kind === 'applied') {
      this.#running = file;
      if (this.#isSettling || applied.leaving.length > 0) this.#look(0);
      return 'spared';
    }
    const { cause, reason } = applied;
    const level = cause === 'socket' ? 'warn' : cause === 'structure' ? 'info' : 'debug';
    this.#options.log[level]({ reason }, 'HAProxy must be reloaded');
    this.#running = null;
    return cause === 'socket' ? 'socket_failed' : 'needs_command';
  }

  adopt(text: string): void {
    this.#hasBegun = true;
    this.#running = this.#options.target.rendered(text);
    this.#stopLooking();
    this.#settlesAtMs = performance.now() + SETTLES_MS;
    this.#look(0);
  }

  found(text: string): void {
    if (!this.#hasBegun) this.adopt(text);
  }

  lose(): void {
    this.#hasBegun = true;
    this.#running = null;
    this.#stopLooking();
  }

  close(): void {
    this.#stopLooking();
    this.#life.abort();
  }

  #bring(from: HaproxyFile | null, to: HaproxyFile): Promise<Applied> {
    const { socket } = this.#options;
    const applied = this.#queue.then(() => applyAtRuntime(socket, from, to, this.#life.signal));
    this.#queue = applied;
    return applied;
  }

  get #isSettling(): boolean {
    return performance.now() < this.#settlesAtMs;
  }

  /** Looks later, and again, unless something else happens first. */
  #look(round: number): void {
    const file = this.#running;
    if (file === null || this.#life.signal.aborted) return;
    const timer = setTimeout(
      () => {
        void this.#bring(file, file).then((applied) => {
          if (this.#timer === timer) this.#hasLooked(applied, round);
        });
      },
      LOOK_MS[Math.min(round, LOOK_MS.length - 1)],
    ).unref();
    this.#timer = timer;
  }

  #hasLooked(applied: Applied, round: number): void {
    const { log } = this.#options;
    this.#timer = null;
    if (applied.kind === 'applied' && applied.commands.some((command) => !command.startsWith('del ')))
      log.info({ commands: applied.commands.length }, 'HAProxy was brought to its file');
    // A process that comes up may not answer yet.
    if (this.#isSettling) return this.#look(round + 1);
    if (applied.kind === 'applied') {
      if (applied.leaving.length > 0) this.#look(round + 1);
      return;
    }
    log.warn({ reason: applied.reason }, 'HAProxy does not run what its file says');
    this.#running = null;
  }

  #stopLooking(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }
}
