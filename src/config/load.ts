import { readConfigFile } from './config-file.ts';
import { defaultsFor } from './defaults.ts';
import { readEnvironment } from './environment.ts';
import { readText } from './files.ts';
import { type Flags, readFlags } from './flags.ts';
import { get } from './layer.ts';
import { merge } from './merge.ts';
import { type Findings, inReadingOrder, type LoadResult } from './problem.ts';
import { resolveConfig } from './resolve.ts';
import { readSharedEnvironment } from './shared-environment.ts';

export type { Flags } from './flags.ts';
export { describeProblem, type LoadResult, type Problem } from './problem.ts';

export interface LoadInput {
  readonly flags: Flags;
  readonly env: NodeJS.ProcessEnv;
  readonly cwd: string;
  /** Reads a text file or throws as `fs` does. */
  readonly read?: (path: string) => string;
  /** Certificates come from elsewhere, too, so that https listeners need none of the configuration's. */
  readonly hasOwnCertificates?: boolean;
}

/**
 * Merges flags > FAIRLEAD_* > shared variables > file > defaults. Reports every problem at once and never
 * throws.
 */
export function loadConfig(input: LoadInput): LoadResult {
  const { env, cwd, hasOwnCertificates = false } = input;
  const read = input.read ?? readText;
  const findings: Findings = { problems: [], warnings: [] };

  const flags = readFlags(input.flags, cwd, findings);
  const own = readEnvironment(env, cwd, findings);
  const taken = (key: string): boolean => [flags, own].some((layer) => get(layer.values, key) !== undefined);
  const shared = readSharedEnvironment(env, cwd, taken, findings);
  const file = readConfigFile({ named: input.flags.config, env, cwd, read }, findings);

  const layers = [file.layer, shared.layer, own, flags];
  const settings = merge(
    defaultsFor(env, cwd),
    layers.map((layer) => layer.values),
  );
  const config = resolveConfig(
    settings,
    { layers, read, findings },
    { ...shared, ...file, hasOwnCertificates },
  );

  if (findings.problems.length > 0) return { ok: false, problems: inReadingOrder(findings.problems) };
  return { ok: true, config, warnings: findings.warnings, file: file.path };
}
