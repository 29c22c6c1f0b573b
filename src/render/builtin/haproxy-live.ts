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
 * to the old one and be lost: for a while it is looked whether servers are as the file has them.
 */
const LOOK_AFTER_RELOAD_MS = [100, 300, 1_000, 3_000, 10_000];
/** Servers that leave are deleted once their last connection has ended; the wait doubles up to the last. */
const LOOK_AT_LEAVING_MS = [500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000];

/** Keeps a running HAProxy as the rendered file has it, over its runtime socket. */
export class HaproxyLive implements LiveOutput {
  readonly #options: HaproxyLiveOptions;
  /** What HAProxy runs, as far as is known. */
  #running: HaproxyFile | null = null;
  #hasBegun = false;
  /** How often it was looked since the last reload; null once that was often enough. */
  #looks: number | null = null;
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
      // A process that is on its way out may have been the one that was told.
      if (this.#looks === null) this.#lookAtLeaving(applied.leaving);
      else this.#lookAfterReload(this.#looks);
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
    if (this.#running !== null) this.#lookAfterReload(0);
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

  #lookAfterReload(round: number): void {
    const file = this.#running;
    const isLast = round === LOOK_AFTER_RELOAD_MS.length - 1;
    this.#looks = round;
    this.#after(LOOK_AFTER_RELOAD_MS[round]!, file, (applied) => {
      const { log } = this.#options;
      if (applied.kind === 'applied' && applied.commands.length > 0)
        log.info({ commands: applied.commands.length }, 'HAProxy was brought to its file');
      if (!isLast) return this.#lookAfterReload(round + 1);
      this.#looks = null;
      if (applied.kind === 'applied') return this.#lookAtLeaving(applied.leaving);
      log.warn({ reason: applied.reason }, 'HAProxy does not run what its file says');
      this.#running = null;
    });
  }

  #lookAtLeaving(leaving: readonly string[], round = 0): void {
    if (leaving.length === 0) return;
    const waitMs = LOOK_AT_LEAVING_MS[Math.min(round, LOOK_AT_LEAVING_MS.length - 1)]!;
    this.#after(waitMs, this.#running, (applied) => {
      if (applied.kind === 'applied') return this.#lookAtLeaving(applied.leaving, round + 1);
      this.#options.log.warn({ reason: applied.reason, leaving }, 'servers that left cannot be deleted');
      this.#running = null;
    });
  }

  /** Looks again later, unless something else happens first. */
  #after(waitMs: number, file: HaproxyFile | null, then: (applied: Applied) => void): void {
    if (file === null || this.#life.signal.aborted) return;
    const timer = setTimeout(() => {
      void this.#bring(file, file).then((applied) => {
        if (this.#timer === timer) then(applied);
      });
    }, waitMs).unref();
    this.#timer = timer;
  }

  #stopLooking(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }
}
