import type { Log } from '../../control/log.ts';
import type { CommandSpec } from '../config/model.ts';
import { argvOf, type CommandResult, runCommand } from '../process/command.ts';
import { keyOf } from './command-key.ts';
import type { WriteResult } from './write.ts';

type Written = Extract<WriteResult, { kind: 'written' }>;

/** A commit whose files are in place. */
export interface PendingCommit<T> {
  readonly subject: T;
  readonly written: Written;
}

export interface CommandOutcome<T> {
  readonly subject: T;
  /** null when everything succeeded. */
  readonly reason: string | null;
}

/** Runs the commands of a pass, remembers when each last ran, and logs how it went. */
export class Commands {
  readonly #log: Log;
  readonly #environment: (spec: CommandSpec) => NodeJS.ProcessEnv;
  readonly #now: () => number;
  readonly #lastRunMs = new Map<string, number>();

  constructor(log: Log, environment: (spec: CommandSpec) => NodeJS.ProcessEnv, now: () => number) {
    this.#log = log;
    this.#environment = environment;
    this.#now = now;
  }

  /** When the last run of any of these was; null before the first. */
  lastRunMs(specs: readonly CommandSpec[]): number | null {
    const runs = specs.map((spec) => this.#lastRunMs.get(keyOf(spec)) ?? Number.NEGATIVE_INFINITY);
    const last = Math.max(...runs);
    return Number.isFinite(last) ? last : null;
  }

  check(spec: CommandSpec, variables: NodeJS.ProcessEnv): Promise<CommandResult> {
    return runCommand(spec, { ...this.#environment(spec), ...variables });
  }

  /**
   * Runs each distinct command once. Commits with a command that failed are taken back, and their commands run again
   * for the old files. Never rejects because of a command.
   */
  async settle<T>(commits: readonly PendingCommit<T>[]): Promise<readonly CommandOutcome<T>[]> {
    const failures = await this.#runAll(commits.flatMap(({ written }) => written.commands));
    const outcomes: CommandOutcome<T>[] = [];
    const again: CommandSpec[] = [];
    for (const { subject, written } of commits) {
      const reason = written.commands
        .map((spec) => failures.get(keyOf(spec)))
        .find((each) => each !== undefined);
      if (reason === undefined) await written.keep();
      else if (await written.undo()) again.push(...written.commands);
      outcomes.push({ subject, reason: reason ?? null });
    }
    if (again.length > 0) {
      this.#log.warn('the old files are back; running the commands for them');
      await this.#runAll(again);
    }
    return outcomes;
  }

  async #runAll(specs: readonly CommandSpec[]): Promise<ReadonlyMap<string, string>> {
    const failures = new Map<string, string>();
    const distinct = new Map(specs.map((spec) => [keyOf(spec), spec]));
    for (const [key, spec] of distinct) {
      const result = await runCommand(spec, this.#environment(spec));
      this.#lastRunMs.set(key, this.#now());
      const command = spec.line.kind === 'shell' ? spec.line.text : argvOf(spec.line).join(' ');
      const told = { command, output: result.output, tookMs: result.tookMs };
      if (result.ok) this.#log.info(told, 'command succeeded');
      else this.#log.error({ ...told, reason: result.reason }, 'command failed');
      if (!result.ok) failures.set(key, `${command}: ${result.reason}`);
    }
    return failures;
  }
}
