import { matchesGlob } from 'node:path/posix';
import type { ConsulConfig } from '../../config/config.ts';
import type { EnvironmentSpec } from '../config/model.ts';

/**
 * The environment of a command: ours, filtered (a name that the denylist has never passes), then how to reach Consul,
 * then what was given by hand.
 */
export function commandEnvironment(
  { pristine, custom, allowlist, denylist }: EnvironmentSpec,
  own: NodeJS.ProcessEnv,
  consul: NodeJS.ProcessEnv,
): NodeJS.ProcessEnv {
  const isAllowed = (name: string): boolean =>
    (allowlist.length === 0 || allowlist.some((glob) => matchesGlob(name, glob))) &&
    !denylist.some((glob) => matchesGlob(name, glob));
  const inherited = pristine ? {} : { ...own, ...consul };
  const kept = Object.entries(inherited).filter(([name]) => isAllowed(name));
  return { ...Object.fromEntries(kept), ...Object.fromEntries(custom.map(split)) };
}

function split(pair: string): [string, string] {
  const at = pair.indexOf('=');
  return at === -1 ? [pair, ''] : [pair.slice(0, at), pair.slice(at + 1)];
}

/** What Consul's own tools read; commands and templates see the same. */
export function consulEnvironment({ url, token, tokenFile, tls }: ConsulConfig): NodeJS.ProcessEnv {
  return {
    CONSUL_HTTP_ADDR: url,
    CONSUL_HTTP_SSL: String(url.startsWith('https:')),
    CONSUL_HTTP_SSL_VERIFY: String(tls.verify),
    ...(tokenFile === null ? {} : { CONSUL_HTTP_TOKEN_FILE: tokenFile }),
    ...(token === null ? {} : { CONSUL_HTTP_TOKEN: token }),
  };
}
