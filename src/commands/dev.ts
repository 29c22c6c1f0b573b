import type { Command } from 'commander';
import { loadConfig } from '../config/load.ts';
import { addRouterOptions, type RouterOptions } from './options.ts';
import { refuseToStart } from './refuse.ts';

const examples = `
Nothing needs to be installed: the catalog is embedded, speaks Consul's HTTP API and starts with
three sample instances. URLs and curl lines to try are printed. When a real Consul answers at the
configured address, it is used instead.

Examples:
  fairlead dev
  fairlead dev --http :9000 --log-level debug`;

export function addDev(program: Command, finish: (code: number) => void): void {
  const command = program
    .command('dev')
    .description('try it: the router on an embedded catalog with sample instances')
    .helpGroup('Route:');
  addRouterOptions(command)
    .addHelpText('after', examples)
    .action(async (options: RouterOptions) => finish(await dev(options)));
}

async function dev(flags: RouterOptions): Promise<number> {
  const load = () => loadConfig({ flags, env: process.env, cwd: process.cwd(), hasOwnCertificates: true });
  const loaded = load();
  if (!loaded.ok) return refuseToStart(loaded.problems);
  const { runDev } = await import('../control/dev.ts');
  return runDev(loaded.config, {
    warnings: [...loaded.warnings],
    configFile: loaded.file,
    reload: load,
  });
}
