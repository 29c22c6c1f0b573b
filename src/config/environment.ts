import { type Layer, LayerBuilder } from './layer.ts';
import type { Findings } from './problem.ts';
import { valueSchemas } from './schema.ts';
import { didYouMean } from './suggest.ts';

/** Ours, but not a value of the file. */
const others = ['FAIRLEAD_CONFIG', 'FAIRLEAD_HTTP', 'FAIRLEAD_HTTPS', 'FAIRLEAD_FILE'];

/** Kubernetes sets these in every pod beside a service named fairlead. */
const serviceLinks = /^FAIRLEAD_(SERVICE_(HOST|PORT)|PORT)(_|$)/;

/** `consul.tls.caFile` is set by `FAIRLEAD_CONSUL_TLS_CA_FILE`. */
export function variableFor(key: string): string {
  const words = key.replaceAll('.', '_').replace(/[A-Z]/g, (letter) => `_${letter}`);
  return `FAIRLEAD_${words.toUpperCase()}`;
}

/** Our own variables: one for every single value of the file. Empty ones count as unset. */
export function readEnvironment(env: NodeJS.ProcessEnv, cwd: string, findings: Findings): Layer {
  const builder = new LayerBuilder();
  const known = new Set(others);
  for (const [key, schema] of valueSchemas) {
    const variable = variableFor(key);
    known.add(variable);
    const text = env[variable] ?? '';
    if (text === '') continue;
    const reason = builder.take(key, schema, text, `environment ${variable}`);
    if (reason !== null) findings.problems.push({ at: `environment ${variable}`, message: reason });
  }
  readListeners(env, builder, findings);
  warnOfUnknown(env, [...known], findings);
  return builder.build(cwd);
}

function readListeners(env: NodeJS.ProcessEnv, builder: LayerBuilder, findings: Findings): void {
  for (const name of ['http', 'https'] as const) {
    const at = `environment FAIRLEAD_${name.toUpperCase()}`;
    const text = env[`FAIRLEAD_${name.toUpperCase()}`] ?? '';
    if (text === '') continue;
    findings.problems.push(...builder.listen(name, text, at).map((message) => ({ at, message })));
  }
}

function warnOfUnknown(env: NodeJS.ProcessEnv, known: readonly string[], findings: Findings): void {
  for (const variable of Object.keys(env)) {
    if (!variable.startsWith('FAIRLEAD_') || known.includes(variable) || serviceLinks.test(variable))
      continue;
    findings.warnings.push(
      `environment ${variable}: not a variable of fairlead, ignored${didYouMean(variable, known)}`,
    );
  }
}
