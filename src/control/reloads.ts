import type { Config } from '../config/config.ts';
import { describeProblem } from '../config/load.ts';
import type { Problem } from '../config/problem.ts';
import { changedKeys } from './changed-keys.ts';
import type { Log } from './log.ts';

/** What is taken over while running; everything else waits for the next start. */
const LIVE: ReadonlySet<string> = new Set([
  ...['logLevel', 'routes'],
  ...['tls.clientAuth', 'tls.hsts', 'tls.redirectPort'],
]);

/** What became of the configuration since the start, for the log and the API. */
export class Reloads {
  readonly #given: Config;
  readonly #log: Pick<Log, 'info' | 'warn' | 'error'>;
  #loadedAt = new Date();
  #needRestart: readonly string[] = [];
  #problems: readonly string[] = [];

  /** @param given what the router was started with */
  constructor(given: Config, log: Pick<Log, 'info' | 'warn' | 'error'>) {
    this.#given = given;
    this.#log = log;
  }

  succeeded(config: Config, routes: number): void {
    this.#loadedAt = new Date();
    this.#problems = [];
    this.#needRestart = changedKeys(config, this.#given).filter((key) => !LIVE.has(key));
    const fields = { routes, needRestart: this.#needRestart };
    this.#log.info(fields, 'configuration reloaded');
    if (this.#needRestart.length > 0)
      this.#log.warn({ keys: this.#needRestart }, 'these keys have changed and need a restart');
  }

  /** Nothing was changed by it. */
  failed(problems: readonly Problem[]): void {
    this.#problems = problems.map(describeProblem);
    this.#log.error({ problems: this.#problems }, 'the configuration is not valid and was not reloaded');
  }

  view(): object {
    return {
      loadedAt: this.#loadedAt.toISOString(),
      needRestart: this.#needRestart,
      problems: this.#problems,
    };
  }
}
