import type { Command } from 'commander';
import type { Config } from '../config/config.ts';
import { loadConfig, type Problem } from '../config/load.ts';
import { exit } from '../exit-codes.ts';
import { addRouterOptions, type RouterOptions, searchHelp } from './options.ts';
import { complain, complainAbout, print, tolerateClosedPipe } from './terminal.ts';

interface CheckOptions extends RouterOptions {
  readonly online?: boolean;
  readonly json?: boolean;
}

interface Verdict {
  readonly file: string | null;
  readonly problems: readonly Problem[];
  readonly warnings: readonly string[];
}

const examples = `
Exits with 0, or with 1 after telling every problem as file:line:column: message.

Examples:
  fairlead check
  fairlead check --config new.yaml && systemctl reload fairlead
  fairlead check --online --json
${searchHelp}`;

export function addCheck(program: Command, finish: (code: number) => void): void {
  const command = program.command('check').description('validate the configuration').helpGroup('Route:');
  command
    .option('--online', 'also reach Consul, and read the certificates and the ACME store in Consul and Redis')
    .option('--json', 'print the findings as JSON on stdout');
  addRouterOptions(command)
    .addHelpText('after', examples)
    .action(async (options: CheckOptions) => finish(await check(options)));
}

async function check(options: CheckOptions): Promise<number> {
  tolerateClosedPipe();
  const verdict = await judge(options);
  if (options.json === true) printJson(verdict);
  else printText(verdict);
  return verdict.problems.length === 0 ? exit.ok : exit.failed;
}

async function judge(options: CheckOptions): Promise<Verdict> {
  const loaded = loadConfig({ flags: options, env: process.env, cwd: process.cwd() });
  if (!loaded.ok) return { file: null, problems: loaded.problems, warnings: [] };
  const { config, file, warnings } = loaded;
  const problems = [
    ...(await checkRoutes(config)),
    ...(await checkTls(config, options.online === true)),
    ...(options.online === true ? await checkConsul(config) : []),
    ...(options.online === true ? await checkStore(config) : []),
  ];
  return { file, problems, warnings };
}

/** Static routes are judged by the parser that the router starts with. */
export async function checkRoutes(
  config: Pick<Config, 'routes' | 'listeners' | 'tcp' | 'udp' | 'admin'>,
): Promise<readonly Problem[]> {
  if (config.routes.length === 0) return [];
  const { readStatics } = await import('../control/statics.ts');
  const statics = readStatics(config);
  return statics.ok ? [] : statics.problems;
}

async function checkTls(config: Config, online: boolean): Promise<readonly Problem[]> {
  if (config.tls.certificates.length === 0) return [];
  const { checkCertificates } = await import('./certificate-check.ts');
  return checkCertificates(config, process.cwd(), online);
}

async function checkStore(config: Config): Promise<readonly Problem[]> {
  if (config.acme === null) return [];
  const { checkAcme } = await import('./acme-check.ts');
  return checkAcme(config);
}

async function checkConsul(config: Config): Promise<readonly Problem[]> {
  const { probeConsul } = await import('./consul-probe.ts');
  const reason = await probeConsul(config.consul);
  return reason === null ? [] : [{ at: null, message: `consul: ${reason}` }];
}

function printJson({ file, problems, warnings }: Verdict): void {
  print(JSON.stringify({ valid: problems.length === 0, file, problems, warnings }, null, 2));
}

function printText({ file, problems, warnings }: Verdict): void {
  complainAbout(problems);
  for (const warning of warnings) complain(`warning: ${warning}`);
  if (problems.length > 0) return;
  print(`configuration is valid: ${file ?? 'no file; flags, environment and defaults'}`);
}
