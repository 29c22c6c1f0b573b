import type { ConsulConfig } from './config.ts';
import type { Settings } from './schema.ts';
import { intact, origin, problem, readNamed, readToken, type Sources, warn } from './sources.ts';

type ConsulSettings = Settings['consul'];

/** How to reach Consul and what to ask it. `secure` is CONSUL_HTTP_SSL. */
export function resolveConsul(given: ConsulSettings, secure: boolean, sources: Sources): ConsulConfig {
  checkTls(given, sources);
  return {
    url: resolveUrl(given, secure, sources),
    token: resolveToken(given, sources),
    tokenFile: given.tokenFile,
    datacenter: given.datacenter,
    namespace: given.namespace,
    tls: given.tls,
    health: given.health,
    connections: given.connections,
    waitMs: given.wait,
    holdMs: given.hold,
    forgetMs: given.forget,
  };
}

/** As in the Go client, `http://` never takes back that TLS was asked for. */
function resolveUrl({ address }: ConsulSettings, secure: boolean, sources: Sources): string {
  if (secure && address.scheme === 'http') {
    warn(
      sources,
      origin(sources, 'consul.address'),
      'consul.address: CONSUL_HTTP_SSL asks for https, so https is used',
    );
  }
  const scheme = secure ? 'https' : (address.scheme ?? 'http');
  return `${scheme}://${address.authority}${address.prefix}`;
}

function resolveToken(given: ConsulSettings, sources: Sources): string | null {
  const { token, empty } = readToken(sources, 'consul', given);
  if (empty) {
    const instead = token === null ? 'no token is sent' : 'consul.token is used';
    warn(
      sources,
      origin(sources, 'consul.tokenFile'),
      `consul.tokenFile: ${given.tokenFile} is empty, ${instead}`,
    );
  }
  return token;
}

function checkTls({ tls }: ConsulSettings, sources: Sources): void {
  for (const key of ['caFile', 'certFile', 'keyFile'] as const) {
    const path = tls[key];
    if (path !== null) readNamed(sources, `consul.tls.${key}`, path);
  }
  if (!tls.verify) {
    const message =
      'the certificate of Consul is NOT verified: anyone on the way can feed routes to this router';
    warn(sources, origin(sources, 'consul.tls.verify'), message);
  }
  if ((tls.certFile === null) === (tls.keyFile === null) || !intact(sources, 'consul.tls')) return;
  const [present, missing] = tls.certFile === null ? ['keyFile', 'certFile'] : ['certFile', 'keyFile'];
  const message = `consul.tls.${present} needs consul.tls.${missing} as well`;
  problem(sources, origin(sources, `consul.tls.${present}`), message);
}
