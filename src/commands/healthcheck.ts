import type { Command } from 'commander';
import { exit } from '../exit-codes.ts';
import { type AdminOptions, findTarget, urlOf } from './admin.ts';
import { request, type Target } from './admin-request.ts';
import { explainFailure } from './explain-failure.ts';
import { complain, complainAbout, print } from './terminal.ts';

const examples = `
Exits with 0 and prints "OK: url", or with 1 and says why on stderr.

Examples:
  fairlead healthcheck
  HEALTHCHECK CMD ["fairlead", "healthcheck"]`;

export function addHealthcheck(program: Command, finish: (code: number) => void): void {
  program
    .command('healthcheck')
    .description('exit with 0 when the running router is alive')
    .helpGroup('Ask a running router:')
    .option('--admin <address>', 'admin listener of the router (default: as configured, 127.0.0.1:9998)')
    .option('--token-file <file>', 'file with the admin token (default: as configured)')
    .option('--config <file>', 'configuration file to take both from')
    .addHelpText('after', examples)
    .action(async (options: AdminOptions) => finish(await healthcheck(options)));
}

async function healthcheck(options: AdminOptions): Promise<number> {
  const target = chooseTarget(options);
  if (target === null) return exit.failed;
  const url = `${target.url}/health`;
  const reason = await failureOf(target);
  if (reason === null) print(`OK: ${url}`);
  else complain(`FAILED: ${url}: ${reason}`);
  return reason === null ? exit.ok : exit.failed;
}

/**
 * A file that went bad under a running router must not make it look dead: the default address is tried
 * then.
 */
function chooseTarget(options: AdminOptions): Target | null {
  const found = findTarget(options);
  if (found.ok) return found.target;
  complainAbout(found.problems);
  if (found.problems.some(({ at }) => at?.startsWith('flag ') === true && at !== 'flag --config'))
    return null;
  return { url: urlOf({ host: '127.0.0.1', port: 9998 }), token: null };
}

async function failureOf(target: Target): Promise<string | null> {
  try {
    const { status } = await request(target, '/health');
    return status === 200 ? null : `answered ${status}`;
  } catch (error) {
    return explainFailure(error);
  }
}
