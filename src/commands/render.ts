import { describeProblem, type Problem } from '../config/problem.ts';
import { loadRender } from '../render/config/load.ts';
import type { RenderConfig } from '../render/config/model.ts';
import { withSharing } from '../render/deduplicate/with-sharing.ts';
import { renderExit } from '../render/exit-codes.ts';
import { removePidFile, writePidFile } from '../render/process/pid-file.ts';
import type { CreateRenderers } from '../render/renderer.ts';
import { RenderSession } from '../render/session.ts';
import { type Reloaded, RenderSignals } from '../render/signals.ts';
import { renderHelp } from './render-help.ts';
import { parseTemplates } from './render-parse.ts';
import { complain, print, tolerateClosedPipe } from './terminal.ts';
import { readVersion } from './version.ts';

/**
 * `fairlead render ARGS`, with consul-template's flags in Go's form, which is why no option parser of ours sees them.
 * Resolves with the exit code.
 */
export async function render(args: readonly string[], createRenderers: CreateRenderers): Promise<number> {
  tolerateClosedPipe();
  const load = () => loadRender({ args, env: process.env, cwd: process.cwd() });
  const loaded = load();
  if (loaded.kind === 'help') {
    print(renderHelp);
    return renderExit.ok;
  }
  if (loaded.kind === 'version') {
    print(`fairlead ${readVersion()}`);
    return renderExit.ok;
  }
  if (loaded.kind === 'refused') return refuse(loaded.problems);
  if (loaded.config.parseOnly) return parseTemplates(loaded.config, createRenderers);
  return run(loaded.config, loaded.warnings, createRenderers, () => {
    const again = load();
    if (again.kind === 'config') return { ok: true, config: again.config, warnings: again.warnings };
    return { ok: false, problems: again.kind === 'refused' ? again.problems : [] };
  });
}

/** A command line that is wrong by itself has its own exit code. */
function refuse(problems: readonly Problem[]): number {
  for (const problem of problems) complain(`fairlead: ${describeProblem(problem)}`);
  const isFlag = ({ at }: Problem): boolean => at === null || at.startsWith('flag ');
  return problems.every(isFlag) ? renderExit.flags : renderExit.config;
}

async function run(
  config: RenderConfig,
  warnings: readonly string[],
  createRenderers: CreateRenderers,
  load: () => Reloaded,
): Promise<number> {
  const session = new RenderSession(config, {
    createRenderers: withSharing(createRenderers),
    env: process.env,
    print: (text) => process.stdout.write(text),
    isTerminal: process.stdout.isTTY === true,
  });
  const { log } = session;
  for (const warning of warnings) log.warn(warning);
  if (process.pid === 1)
    log.info(
      'running as process 1: what commands leave behind is reaped only with --init, tini or dumb-init',
    );
  const signals = new RenderSignals(session, load);
  signals.listen(config);
  try {
    if (config.pidFile !== null) writePidFile(config.pidFile);
    await session.start(config);
  } catch (error) {
    complain(`fairlead: ${(error as Error).message}`);
    void session.stop(renderExit.runner);
  }
  const code = await session.ended;
  signals.close();
  if (config.pidFile !== null) removePidFile(config.pidFile);
  return code;
}
