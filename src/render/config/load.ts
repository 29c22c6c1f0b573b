import { type Findings, inReadingOrder, type Problem } from '../../config/problem.ts';
import { readConfd } from '../confd/read.ts';
import { readConfigPath, readConfigText } from './files.ts';
import { type ParsedFlags, parseFlags } from './flags.ts';
import { type Layer, validate } from './layer.ts';
import { mergeLayers } from './merge.ts';
import type { RenderConfig } from './model.ts';
import { resolveRender } from './resolve.ts';

export interface LoadRenderInput {
  readonly args: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  readonly cwd: string;
}

export type LoadRenderResult =
  | { readonly kind: 'config'; readonly config: RenderConfig; readonly warnings: readonly string[] }
  | { readonly kind: 'help' }
  | { readonly kind: 'version' }
  | { readonly kind: 'refused'; readonly problems: readonly Problem[] };

/** Merges flags > files (later ones win) > `CT_LOCAL_CONFIG` > environment > defaults. Reports everything at once. */
export function loadRender({ args, env, cwd }: LoadRenderInput): LoadRenderResult {
  const findings: Findings = { problems: [], warnings: [] };
  const flags = parseFlags(args, findings.problems);
  if (flags.help) return { kind: 'help' };
  if (flags.version) return { kind: 'version' };
  const config = resolveAll(flags, env, cwd, findings);
  if (findings.problems.length > 0) return { kind: 'refused', problems: inReadingOrder(findings.problems) };
  return { kind: 'config', config, warnings: findings.warnings };
}

function resolveAll(
  flags: ParsedFlags,
  env: NodeJS.ProcessEnv,
  cwd: string,
  findings: Findings,
): RenderConfig {
  const { problems } = findings;
  const confd = flags.confd.map((folder) => readConfd(folder, cwd, findings));
  const layers = [
    levelFromEnvironment(env, problems),
    localConfig(env, problems),
    ...confd.map(({ layer }) => layer),
    ...flags.configPaths.flatMap((path) => readConfigPath(path, cwd, problems)),
    validate(flags.placed, problems),
  ];
  const more = confd.flatMap(({ templates }) => templates);
  const dry = flags.dry || confd.some(({ noop }) => noop);
  return resolveRender({ given: mergeLayers(layers), layers, env, cwd, flags, more, dry }, findings);
}

/** A whole configuration in one variable, below everything that is named on the command line. */
function localConfig(env: NodeJS.ProcessEnv, problems: Problem[]): Layer {
  return readConfigText(env.CT_LOCAL_CONFIG ?? '', 'environment CT_LOCAL_CONFIG', problems);
}

function levelFromEnvironment(env: NodeJS.ProcessEnv, problems: Problem[]): Layer {
  const variable = ['CT_LOG', 'CONSUL_TEMPLATE_LOG', 'CONSUL_TEMPLATE_LOG_LEVEL'].find((name) => env[name]);
  const at = (): string => `environment ${variable}`;
  const values = variable === undefined ? {} : { log_level: env[variable] };
  return validate({ values, at, atKey: at }, problems);
}
