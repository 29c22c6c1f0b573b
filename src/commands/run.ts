import type { Command } from 'commander';
import { loadConfig } from '../config/load.ts';
import { addRouterOptions, type RouterOptions, searchHelp } from './options.ts';
import { refuseToStart } from './refuse.ts';

const examples = `
Examples:
  fairlead run
  fairlead run --config /etc/fairlead/fairlead.yaml
  fairlead run --consul consul.example.com:8500 --http :80 --access-log combined
  CONSUL_HTTP_TOKEN_FILE=/run/secrets/consul fairlead run

Signals:
  HUP reloads the configuration; a bad file changes nothing and is reported
  TERM and INT finish what runs, then exit with 0; a second one exits now
${searchHelp}`;

export function addRun(program: Command, finish: (code: number) => void): void {
  const command = program.command('run').description('run the router in the foreground').helpGroup('Route:');
  addRouterOptions(command)
    .addHelpText('after', examples)
    .action(async (options: RouterOptions) => finish(await run(options)));
}

async function run(flags: RouterOptions): Promise<number> {
  const load = () => loadConfig({ flags, env: process.env, cwd: process.cwd() });
  const loaded = load();
  if (!loaded.ok) return refuseToStart(loaded.problems);
  const { runRouter } = await import('../control/app.ts');
  return runRouter(loaded.config, {
    warnings: [...loaded.warnings],
    configFile: loaded.file,
    reload: load,
  });
}
