import { createLog, type Log } from '../control/log.ts';
import { AdminPort } from './admin-port.ts';
import { type AppliedStore, openAppliedStore } from './commit/applied.ts';
import type { CommandSpec, RenderConfig } from './config/model.ts';
import { renderExit } from './exit-codes.ts';
import { commandEnvironment, consulEnvironment } from './process/environment.ts';
import { ExecChild } from './process/exec-child.ts';
import type { CreateRenderers, RenderSource } from './renderer.ts';
import { Runner, type RunnerEnd } from './runner.ts';
import { RenderCounts, type RenderView } from './views.ts';

/** Everything that a reload of the configuration replaces. */
interface Generation {
  readonly config: RenderConfig;
  readonly source: RenderSource;
  readonly runner: Runner;
}

export interface SessionOptions {
  readonly createRenderers: CreateRenderers;
  readonly env: NodeJS.ProcessEnv;
  readonly print: (text: string) => void;
  readonly isTerminal: boolean;
}

/** One run of `fairlead render`: the templates in use, the child they serve, and the exit code in the end. */
export class RenderSession {
  readonly log: Log;
  /** The exit code, once everything has been given back. */
  readonly ended: Promise<number>;
  readonly #resolveEnded: (code: number) => void;
  readonly #options: SessionOptions;
  readonly #counts = new RenderCounts();
  readonly #consulErrors = new Map<string, number>();
  readonly #applied: AppliedStore;
  #generation: Generation | null = null;
  // Imported when a port opens: most renderers have none, and the library of metrics takes a tenth of their start.
  readonly #admin = new AdminPort(async () => (await import('./admin-routes.ts')).renderRoutes(this));
  #starting: Promise<void> | null = null;
  #child: ExecChild | null = null;
  #isEnding = false;

  constructor(config: RenderConfig, options: SessionOptions) {
    this.log = createLog(config.logLevel);
    this.#options = options;
    this.#applied = openAppliedStore(config.dataDir, (message) => this.log.warn(message));
    const { promise, resolve } = Promise.withResolvers<number>();
    this.ended = promise;
    this.#resolveEnded = resolve;
  }

  views(): readonly RenderView[] {
    return this.#generation?.runner.views() ?? [];
  }

  /** `renders_total` by template and result. */
  counts(): RenderCounts {
    return this.#counts;
  }

  /** Failed reads of Consul by kind; outlives a reload. */
  consulErrors(): ReadonlyMap<string, number> {
    return this.#consulErrors;
  }

  consulAgeMs(): number | null {
    return this.#generation?.source.consulAgeMs() ?? null;
  }

  /** Rejects with a message for people when a template cannot be parsed. */
  start(config: RenderConfig): Promise<void> {
    this.#starting = this.#start(config);
    return this.#starting;
  }

  async #start(config: RenderConfig): Promise<void> {
    const generation = await this.#build(config);
    if (this.#isEnding) return generation.source.close();
    this.#generation = generation;
    await this.#admin.follow(adminOf(config));
    if (!this.#isEnding) this.#launch(generation);
  }

  /** Builds the new beside the old, then swaps. What cannot be built changes nothing. The child lives on. */
  async reload(config: RenderConfig): Promise<void> {
    // Asked for while it starts, it must not be lost.
    await this.#starting?.catch(() => {});
    const old = this.#generation;
    if (old === null || this.#isEnding) return;
    const next = await this.#build(config);
    try {
      if (!this.#isEnding) await this.#admin.follow(adminOf(config));
    } catch (error) {
      await next.source.close();
      throw error;
    }
    await old.runner.stop();
    await old.source.close();
    // A signal or a failure meanwhile ended the session: nothing must be written or started after it.
    if (this.#isEnding) {
      await next.source.close();
      return this.#admin.close();
    }
    this.#generation = next;
    this.log.level = config.logLevel;
    await this.#reconfigureChild(config);
    if (!this.#isEnding) this.#launch(next);
  }

  async #build(config: RenderConfig): Promise<Generation> {
    const { env, createRenderers, print, isTerminal } = this.#options;
    // Data may arrive before there is a runner, which will look at everything when it begins.
    let runner: Runner | null = null;
    const consul = consulEnvironment(config.consul);
    const source = await createRenderers(config, {
      log: this.log,
      env: { ...env, ...consul },
      changed: (ids) => runner?.changed(ids),
      consulFailed: (kind) => {
        this.#consulErrors.set(kind, (this.#consulErrors.get(kind) ?? 0) + 1);
      },
      gaveUp: (reason) => {
        this.log.fatal({ reason }, 'gave up');
        void this.stop(renderExit.runner);
      },
    });
    const environment = ({ environment: spec }: CommandSpec): NodeJS.ProcessEnv =>
      commandEnvironment(spec, env, consul);
    runner = new Runner({
      ...{ config, source, environment, print, isTerminal },
      applied: this.#applied,
      log: this.log,
      counts: this.#counts,
      onAllRendered: () => this.#startChild(config),
      onWritten: (reloads) => this.#child?.changed(reloads),
    });
    return { config, source, runner };
  }

  #launch(generation: Generation): void {
    generation.runner.run().then(
      (end) => void this.#runnerEnded(generation, end),
      (error: unknown) => {
        this.log.fatal({ error: (error as Error).stack }, 'unexpected failure');
        void this.stop(renderExit.error);
      },
    );
  }

  async #runnerEnded({ source }: Generation, end: RunnerEnd): Promise<void> {
    if (end.kind === 'stopped') return;
    if (end.kind === 'failed') return this.stop(renderExit.runner);
    await source.close();
    // A single run that started a child lasts as long as the child.
    if (this.#child === null) await this.stop(renderExit.ok);
  }

  #startChild({ exec, consul }: RenderConfig): void {
    if (exec === null || this.#child !== null || this.#isEnding) return;
    const env = commandEnvironment(exec.environment, this.#options.env, consulEnvironment(consul));
    const child = new ExecChild(exec, env, this.log);
    this.#child = child;
    void child.ended.then((code) => this.stop(code));
    child.start();
  }

  async #reconfigureChild({ exec, consul }: RenderConfig): Promise<void> {
    const child = this.#child;
    if (child === null) return;
    if (exec !== null) {
      const env = commandEnvironment(exec.environment, this.#options.env, consulEnvironment(consul));
      return child.reconfigure(exec, env);
    }
    this.#child = null;
    await child.stop();
  }

  forward(signal: NodeJS.Signals): void {
    this.#child?.forward(signal);
  }

  /** Ends everything, the child with the given signal or the one it is configured to end by. */
  async stop(code: number, signal?: NodeJS.Signals): Promise<void> {
    if (this.#isEnding) return;
    this.#isEnding = true;
    const generation = this.#generation;
    const [, childCode] = await Promise.all([generation?.runner.stop(), this.#child?.stop(signal)]);
    await generation?.source.close();
    await this.#admin.close();
    // A child that was asked to end and could not do it well has the last word.
    this.#resolveEnded(code === renderExit.ok && childCode ? childCode : code);
  }

  /** Without waiting for anything. */
  abandon(): void {
    this.forward('SIGKILL');
  }
}

/** A single run is over before anybody could ask; its port may be that of the process it was started beside. */
function adminOf({ admin, once }: RenderConfig): RenderConfig['admin'] {
  return once ? null : admin;
}
