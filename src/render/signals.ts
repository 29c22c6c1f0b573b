import { constants } from 'node:os';
import { describeProblem, type Problem } from '../config/problem.ts';
import type { RenderConfig } from './config/model.ts';
import { renderExit } from './exit-codes.ts';
import type { RenderSession } from './session.ts';

/** A new configuration, or why there is none. */
export type Reloaded =
  | { readonly ok: true; readonly config: RenderConfig; readonly warnings: readonly string[] }
  | { readonly ok: false; readonly problems: readonly Problem[] };

/** What a child may want to hear. Listening for USR1 also keeps the runtime from opening its debugger. */
const forwarded = ['SIGQUIT', 'SIGUSR1', 'SIGUSR2', 'SIGWINCH'] as const;

/**
 * Turns signals into what they mean. The kill signal (INT unless configured) ends with 12, as consul-template does;
 * TERM, which consul-template ignores, ends with 0, as service managers expect. A second one ends at once.
 */
export class RenderSignals {
  readonly #session: RenderSession;
  readonly #load: () => Reloaded;
  readonly #handlers = new Map<NodeJS.Signals, () => void>();
  #isStopping = false;
  #reloading: Promise<void> | null = null;
  #isReloadWanted = false;

  constructor(session: RenderSession, load: () => Reloaded) {
    this.#session = session;
    this.#load = load;
  }

  /** Called again after a reload, which may name other signals. */
  listen({ killSignal, reloadSignal }: RenderConfig): void {
    this.close();
    for (const signal of forwarded) this.#on(signal, () => this.#session.forward(signal));
    this.#on('SIGINT', () => this.#stop('SIGINT', renderExit.ok));
    this.#on('SIGTERM', () => this.#stop('SIGTERM', renderExit.ok));
    // Not to be intercepted means to us that it must not end us either.
    if (reloadSignal !== 'SIGHUP') this.#on('SIGHUP', () => this.#session.forward('SIGHUP'));
    if (reloadSignal !== null) this.#on(reloadSignal, () => this.#reload());
    if (killSignal !== null) this.#on(killSignal, () => this.#stop(killSignal, renderExit.interrupt));
  }

  close(): void {
    for (const [signal, handler] of this.#handlers) process.off(signal, handler);
    this.#handlers.clear();
  }

  #on(signal: NodeJS.Signals, handler: () => void): void {
    const before = this.#handlers.get(signal);
    if (before !== undefined) process.off(signal, before);
    this.#handlers.set(signal, handler);
    process.on(signal, handler);
  }

  #stop(signal: NodeJS.Signals, code: number): void {
    if (this.#isStopping) {
      this.#session.abandon();
      process.exit(128 + constants.signals[signal]);
    }
    this.#isStopping = true;
    this.#session.log.info({ signal }, 'stopping');
    // TERM is handed on as it is; any other ending uses the signal the child is configured to end by.
    void this.#session.stop(code, code === renderExit.ok ? signal : undefined);
  }

  /** One at a time; a signal that arrives meanwhile makes it happen once more. */
  #reload(): void {
    this.#isReloadWanted = true;
    this.#reloading ??= this.#reloadWhileWanted().finally(() => {
      this.#reloading = null;
    });
  }

  async #reloadWhileWanted(): Promise<void> {
    while (this.#isReloadWanted && !this.#isStopping) {
      this.#isReloadWanted = false;
      await this.#reloadOnce();
    }
  }

  async #reloadOnce(): Promise<void> {
    const { log } = this.#session;
    const loaded = this.#load();
    if (!loaded.ok) {
      const problems = loaded.problems.map(describeProblem);
      log.error({ problems }, 'the configuration is not valid and was not reloaded');
      return;
    }
    try {
      await this.#session.reload(loaded.config);
      this.listen(loaded.config);
      for (const warning of loaded.warnings) log.warn(warning);
      log.info('configuration reloaded');
    } catch (error) {
      log.error({ reason: (error as Error).message }, 'the configuration was not reloaded');
    }
  }
}
