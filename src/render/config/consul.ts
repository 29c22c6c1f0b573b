import { resolve } from 'node:path';
import { parseConsulAddress } from '../../config/addresses.ts';
import type { ConsulConfig } from '../../config/config.ts';
import type { Findings } from '../../config/problem.ts';
import { readBoolean } from '../../config/shared-environment.ts';
import type { Layer } from './layer.ts';
import { placeOf } from './merge.ts';
import type { RetryConfig } from './model.ts';
import { checkedToken, readTokenFile } from './token.ts';

export interface ConsulInput {
  readonly given: Layer['given'];
  readonly layers: readonly Layer[];
  readonly env: NodeJS.ProcessEnv;
  readonly cwd: string;
}

type Given = NonNullable<Layer['given']['consul']>;

/** How to reach Consul. As in consul-template, the environment stands below the files. */
export function resolveConsul(input: ConsulInput, findings: Findings): ConsulConfig {
  const { given, env, cwd } = input;
  const consul = given.consul ?? {};
  const ssl = consul.ssl ?? {};
  const path = (name: string | undefined, variable: string): string | null => {
    const chosen = name || env[variable] || '';
    return chosen === '' ? null : resolve(cwd, chosen);
  };
  refuseUnsupported(input, findings);
  return {
    url: resolveUrl(consul, env, findings),
    ...resolveToken(input, findings),
    datacenter: consul.datacenter || null,
    namespace: consul.namespace || env.CONSUL_NAMESPACE || null,
    tls: {
      caFile: path(ssl.ca_cert, 'CONSUL_CACERT'),
      certFile: path(ssl.cert, 'CONSUL_CLIENT_CERT'),
      keyFile: path(ssl.key ?? ssl.cert, 'CONSUL_CLIENT_KEY'),
      serverName: ssl.server_name || env.CONSUL_TLS_SERVER_NAME || null,
      verify: ssl.verify ?? readBoolean(env, 'CONSUL_HTTP_SSL_VERIFY', findings) ?? true,
    },
    health: ['passing'],
    connections: 180,
    waitMs: given.block_query_wait ?? 60_000,
    holdMs: consul.hold ?? 60_000,
    forgetMs: 0,
  };
}

function resolveUrl(consul: Given, env: NodeJS.ProcessEnv, findings: Findings): string {
  const secure = consul.ssl?.enabled ?? readBoolean(env, 'CONSUL_HTTP_SSL', findings) ?? false;
  const fallback = { scheme: null, authority: '127.0.0.1:8500', prefix: '' };
  const { scheme, authority, prefix } = consul.address ?? fromEnvironment(env, findings) ?? fallback;
  return `${secure ? 'https' : (scheme ?? 'http')}://${authority}${prefix}`;
}

function fromEnvironment(env: NodeJS.ProcessEnv, findings: Findings) {
  const text = env.CONSUL_HTTP_ADDR ?? '';
  if (text === '') return null;
  const parsed = parseConsulAddress(text);
  if (parsed.ok) return parsed.value;
  findings.problems.push({ at: 'environment CONSUL_HTTP_ADDR', message: parsed.reason });
  return null;
}

/** The token of the first source that has one, or a file with it; messages never repeat it. */
function resolveToken(
  { given, layers, env, cwd }: ConsulInput,
  findings: Findings,
): Pick<ConsulConfig, 'token' | 'tokenFile'> {
  const token = given.consul?.token;
  const file = given.consul?.token_file;
  if (file) return readTokenFile(resolve(cwd, file), placeOf(layers, 'consul', 'token_file'), findings);
  if (token)
    return { token: checkedToken(token, placeOf(layers, 'consul', 'token'), findings), tokenFile: null };
  const fromEnv = env.CONSUL_TOKEN || env.CONSUL_HTTP_TOKEN;
  const fileFromEnv = env.CONSUL_TOKEN_FILE || env.CONSUL_HTTP_TOKEN_FILE;
  if (fromEnv)
    return { token: checkedToken(fromEnv, 'environment CONSUL_HTTP_TOKEN', findings), tokenFile: null };
  if (!fileFromEnv) return { token: null, tokenFile: null };
  return readTokenFile(resolve(cwd, fileFromEnv), 'environment CONSUL_HTTP_TOKEN_FILE', findings);
}

function refuseUnsupported({ given, layers, env }: ConsulInput, findings: Findings): void {
  const { auth, ssl, transport } = given.consul ?? {};
  const usesAuth = (auth !== undefined && auth.enabled !== false) || Boolean(env.CONSUL_HTTP_AUTH);
  if (usesAuth) {
    const at = auth === undefined ? 'environment CONSUL_HTTP_AUTH' : placeOf(layers, 'consul', 'auth');
    findings.problems.push({ at, message: 'basic authentication is not supported: use a token' });
  }
  for (const key of ['ca_path', 'ca_cert_bytes'] as const) {
    if (!ssl?.[key]) continue;
    const message = `consul.ssl.${key} is not supported: ca_cert takes one file`;
    findings.problems.push({ at: placeOf(layers, 'consul', 'ssl', key), message });
  }
  if (transport === undefined) return;
  const at = placeOf(layers, 'consul', 'transport');
  findings.warnings.push(
    `${at}: consul.transport has no effect: connections are kept and bounded by themselves`,
  );
}

/**
 * consul-template gives up after twelve attempts, about five minutes, and ends. We go on for ever unless a number
 * of attempts is asked for.
 */
export function resolveRetry({ consul }: Layer['given']): RetryConfig {
  const { enabled, attempts, backoff, max_backoff } = consul?.retry ?? {};
  const limit = attempts === undefined || attempts === 0 ? null : attempts;
  return {
    attempts: enabled === false ? 1 : limit,
    backoffMs: backoff ?? 250,
    maxBackoffMs: max_backoff === undefined || max_backoff === 0 ? 60_000 : max_backoff,
  };
}
