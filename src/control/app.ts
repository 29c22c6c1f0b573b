import type { Config } from '../config/config.ts';
import { describeProblem, type LoadResult } from '../config/load.ts';
import { exit } from '../exit-codes.ts';
import { createLog } from './log.ts';
import { PortProblem } from './ports.ts';
import { Router } from './router.ts';
import { readStatics } from './statics.ts';

export interface RunOptions {
  readonly warnings: readonly string[];
  readonly configFile: string | null;
  /** Reads the configuration again, for HUP. */
  readonly reload: () => LoadResult;
  /** Folder of an authority of this machine that certifies every host. */
  readonly localCa?: string;
  /** Called once, when the listeners are bound. */
  readonly onListening?: (router: Router) => void;
  /** Ends with the process, whatever happens to the router. */
  readonly onExit?: () => Promise<void> | void;
}

/**
 * `fairlead run`: starts a router and turns signals into what they mean. Resolves with the exit code once everything has
 * been given back.
 */
export async function runRouter(config: Config, options: RunOptions): Promise<number> {
  const log = createLog(config.logLevel);
  for (const warning of options.warnings) log.warn(warning);
  const statics = readStatics(config);
  if (!statics.ok) {
    for (const problem of statics.problems) process.stderr.write(`fairlead: ${describeProblem(problem)}\n`);
    return exit.badConfig;
  }
  const router = new Router(config, statics.entries, log, options.localCa);
  const ended = handleSignals(router, options);
  try {
    await router.start();
  } catch (error) {
    await router.close();
    await options.onExit?.();
    if (!(error instanceof PortProblem)) throw error;
    return complain(error);
  }
  log.info({ config: options.configFile, workers: config.workers, admin: router.adminPort }, 'started');
  void router.listening.then(() => options.onListening?.(router));
  const problem = router.failed.then(async (failed) => {
    await router.close();
    return complain(failed);
  });
  const code = await Promise.race([ended, problem]);
  await options.onExit?.();
  return code;
}

/** One line; the exit code says whether it is a matter of permission. */
function complain({ message, code }: PortProblem): number {
  process.stderr.write(`fairlead: ${message}\n`);
  return code === 'EACCES' ? exit.notPermitted : exit.unavailable;
}

/** TERM and INT drain, a second one exits at once; HUP reloads; USR1 belongs to us so that it opens no debugger. */
function handleSignals(router: Router, options: RunOptions): Promise<number> {
  const { promise, resolve } = Promise.withResolvers<number>();
  let isStopping = false;
  const stop = (signal: 'SIGTERM' | 'SIGINT'): void => {
    if (isStopping) process.exit(signal === 'SIGINT' ? 130 : 143);
    isStopping = true;
    router.log.info({ signal }, 'draining');
    void router.drain().then(() => resolve(exit.ok));
  };
  process.on('SIGTERM', () => stop('SIGTERM'));
  process.on('SIGINT', () => stop('SIGINT'));
  process.on('SIGHUP', () => reload(router, options));
  process.on('SIGUSR1', () => router.log.info('logs are on standard output and error: nothing to reopen'));
  return promise;
}

/** A bad file changes nothing and is reported. */
function reload(router: Router, options: RunOptions): void {
  const loaded = options.reload();
  if (!loaded.ok) {
    return router.reloads.failed(loaded.problems);
  }
  const statics = readStatics(loaded.config);
  if (!statics.ok) {
    return router.reloads.failed(statics.problems);
  }
  router.reconfigure(loaded.config, statics.entries);
}
