import { type Layer, LayerBuilder } from './layer.ts';
import type { Findings } from './problem.ts';
import { valueSchemas } from './schema.ts';
import { parseBoolean } from './units.ts';

/**
 * Variables that other programs define: HashiCorp's, with the semantics of its Go client (api/api.go),
 * REDIS_URL and LOG_LEVEL. Nobody sets them for us alone, so one that a source above replaces is not even looked at.
 */

const valueVariables = [
  ['CONSUL_HTTP_ADDR', 'consul.address'],
  ['CONSUL_HTTP_TOKEN', 'consul.token'],
  ['CONSUL_HTTP_TOKEN_FILE', 'consul.tokenFile'],
  ['CONSUL_NAMESPACE', 'consul.namespace'],
  ['CONSUL_CACERT', 'consul.tls.caFile'],
  ['CONSUL_CLIENT_CERT', 'consul.tls.certFile'],
  ['CONSUL_CLIENT_KEY', 'consul.tls.keyFile'],
  ['CONSUL_TLS_SERVER_NAME', 'consul.tls.serverName'],
] as const;

export interface SharedEnvironment {
  readonly layer: Layer;
  /** CONSUL_HTTP_SSL asks for https; an `http://` address does not take that back. */
  readonly secure: boolean;
  /** REDIS_URL; null when unset. */
  readonly redisUrl: string | null;
}

/** @param taken whether a source above this one sets a dotted key */
export function readSharedEnvironment(
  env: NodeJS.ProcessEnv,
  cwd: string,
  taken: (key: string) => boolean,
  findings: Findings,
): SharedEnvironment {
  const builder = new LayerBuilder();
  for (const [variable, key] of valueVariables) {
    const text = env[variable] ?? '';
    if (text === '' || isTaken(key, taken)) continue;
    const reason = takeValue(builder, key, text, variable);
    if (reason !== null) findings.problems.push({ at: `environment ${variable}`, message: reason });
  }
  takeVerify(env, builder, taken, findings);
  takeLogLevel(env, builder, taken, findings);
  reportUnsupported(env, findings);
  return {
    layer: builder.build(cwd),
    secure: readBoolean(env, 'CONSUL_HTTP_SSL', findings) ?? false,
    redisUrl: env.REDIS_URL || null,
  };
}

/** A token from above replaces a token file from here, and the other way round. */
function isTaken(key: string, taken: (key: string) => boolean): boolean {
  return key.startsWith('consul.token') ? taken('consul.token') || taken('consul.tokenFile') : taken(key);
}

function takeValue(builder: LayerBuilder, key: string, text: string, variable: string): string | null {
  const schema = valueSchemas.get(key);
  return schema === undefined ? null : builder.take(key, schema, text, `environment ${variable}`);
}

/** Like the Go client, a text that is no boolean is ignored with a warning. */
export function readBoolean(env: NodeJS.ProcessEnv, variable: string, findings: Findings): boolean | null {
  const text = env[variable] ?? '';
  if (text === '') return null;
  const parsed = parseBoolean(text);
  if (parsed.ok) return parsed.value;
  findings.warnings.push(`environment ${variable}: ${parsed.reason}, ignored`);
  return null;
}

function takeVerify(
  env: NodeJS.ProcessEnv,
  builder: LayerBuilder,
  taken: (key: string) => boolean,
  findings: Findings,
): void {
  if (taken('consul.tls.verify')) return;
  const verify = readBoolean(env, 'CONSUL_HTTP_SSL_VERIFY', findings);
  if (verify !== null) takeValue(builder, 'consul.tls.verify', String(verify), 'CONSUL_HTTP_SSL_VERIFY');
}

function takeLogLevel(
  env: NodeJS.ProcessEnv,
  builder: LayerBuilder,
  taken: (key: string) => boolean,
  findings: Findings,
): void {
  const schema = valueSchemas.get('log.level');
  const text = env.LOG_LEVEL ?? '';
  if (text === '' || schema === undefined || taken('log.level')) return;
  const parsed = schema.safeParse(text);
  if (parsed.success) builder.take('log.level', schema, text, 'environment LOG_LEVEL');
  else findings.warnings.push(`environment LOG_LEVEL: ${parsed.error.issues[0]?.message}, ignored`);
}

/**
 * What would silently change which services are seen, or whether they can be, is a problem; the rest a
 * warning.
 */
function reportUnsupported(env: NodeJS.ProcessEnv, findings: Findings): void {
  const problem = (variable: string, message: string): void => {
    findings.problems.push({ at: `environment ${variable}`, message });
  };
  if ((env.CONSUL_HTTP_AUTH ?? '') !== '') {
    problem('CONSUL_HTTP_AUTH', 'basic authentication is not supported: unset it and use a token');
  }
  if (!['', 'default'].includes(env.CONSUL_PARTITION ?? '')) {
    problem('CONSUL_PARTITION', 'admin partitions are not supported: unset it to read the default partition');
  }
  if ((env.CONSUL_CAPATH ?? '') !== '' && (env.CONSUL_CACERT ?? '') === '') {
    findings.warnings.push('environment CONSUL_CAPATH: not supported, ignored; CONSUL_CACERT takes one file');
  }
}
