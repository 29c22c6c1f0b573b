import { type Layer, LayerBuilder } from './layer.ts';
import type { Findings } from './problem.ts';
import { valueSchemas } from './schema.ts';

/** Command line flags as they were typed. */
export interface Flags {
  readonly config?: string | undefined;
  readonly consul?: string | undefined;
  readonly http?: readonly string[] | undefined;
  readonly https?: readonly string[] | undefined;
  readonly admin?: string | undefined;
  readonly workers?: string | undefined;
  readonly data?: string | undefined;
  readonly logLevel?: string | undefined;
  readonly accessLog?: string | undefined;
}

const keys = [
  ['consul', '--consul', 'consul.address'],
  ['admin', '--admin', 'admin.address'],
  ['workers', '--workers', 'workers'],
  ['data', '--data', 'data'],
  ['logLevel', '--log-level', 'log.level'],
  ['accessLog', '--access-log', 'accessLog'],
] as const;

/** The topmost layer. */
export function readFlags(flags: Flags, cwd: string, findings: Findings): Layer {
  const builder = new LayerBuilder();
  for (const [name, flag, key] of keys) {
    const text = flags[name];
    const schema = valueSchemas.get(key);
    if (text === undefined || schema === undefined) continue;
    const reason = builder.take(key, schema, text, `flag ${flag}`);
    if (reason !== null) findings.problems.push({ at: `flag ${flag}`, message: reason });
  }
  for (const name of ['http', 'https'] as const) {
    const given = flags[name] ?? [];
    const at = `flag --${name}`;
    findings.problems.push(...builder.listen(name, given, at).map((message) => ({ at, message })));
  }
  return builder.build(cwd);
}
