import { Command, CommanderError } from 'commander';
import { exit } from '../exit-codes.ts';
import { addCheck } from './check.ts';
import { addDev } from './dev.ts';
import { addExplain } from './explain.ts';
import { addHealthcheck } from './healthcheck.ts';
import { addHistory } from './history.ts';
import { addPools } from './pools.ts';
import { addRoutes } from './routes.ts';
import { addRun } from './run.ts';
import { addVersion, readVersion } from './version.ts';

const examples = `
Examples:
  fairlead dev                                try it without a Consul
  fairlead run --consul 127.0.0.1:8500        route what is registered there
  fairlead check --config fairlead.yaml       validate before a reload
  fairlead routes                             what it routes now
  fairlead history --follow                   what changes, and why
  fairlead explain http://www.example.com/    where a request would go, and why

A service becomes reachable by a tag in Consul:
  fairlead:www.example.com/api                host and path, every healthy instance
  fairlead:*.example.com/ strip=/v1 retry=2   options follow, separated by spaces

Exit codes:
  0 done   1 problems found   2 usage   69 unavailable   77 port not permitted   78 bad configuration`;

/** The whole command line; `finish` receives the exit code of the command that ran. */
function createProgram(finish: (code: number) => void): Command {
  const program = new Command('fairlead')
    .description('Dynamic edge router for Consul: live routes, least-connection pools, zero failed requests.')
    .version(`fairlead ${readVersion()}`, '-v, --version', 'print the version')
    .helpOption('-h, --help', 'print help')
    .helpCommand(false)
    .showHelpAfterError('(add --help for what is possible)')
    .addHelpText('after', examples)
    .exitOverride();
  for (const add of [
    addRun,
    addDev,
    addCheck,
    addRoutes,
    addPools,
    addExplain,
    addHistory,
    addHealthcheck,
    addVersion,
  ])
    add(program, finish);
  addRender(program);
  return program;
}

/** Listed here; its flags are consul-template's, which no option parser of ours must see. */
function addRender(program: Command): void {
  program
    .command('render')
    .description("write files from consul-template's templates and keep them current (-help for its flags)");
}

/** Runs one command line and returns its exit code; a wrong one is 2, explained on stderr. */
export async function main(args: readonly string[]): Promise<number> {
  if (args[0] === 'render') {
    // Only here: the router has no use for an interpreter of templates.
    const [{ render }, { createSource }] = await Promise.all([
      import('./render.ts'),
      import('../render/create-source.ts'),
    ]);
    return render(args.slice(1), createSource);
  }
  let code: number = exit.ok;
  const program = createProgram((result) => {
    code = result;
  });
  try {
    await program.parseAsync(args, { from: 'user' });
    return code;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? exit.ok : exit.usage;
    throw error;
  }
}
