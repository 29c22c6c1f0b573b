import { readFileSync } from 'node:fs';
import type { buildConnector } from 'undici';
import type { ConsulConfig } from '../../config/config.ts';

/** How Consul proves who it is, and how we do, in the words of undici. Throws when a file cannot be read. */
export function consulTls(tls: ConsulConfig['tls']): buildConnector.BuildOptions {
  return {
    rejectUnauthorized: tls.verify,
    ...(tls.caFile === null ? {} : { ca: readFileSync(tls.caFile) }),
    ...(tls.certFile === null ? {} : { cert: readFileSync(tls.certFile) }),
    ...(tls.keyFile === null ? {} : { key: readFileSync(tls.keyFile) }),
    ...(tls.serverName === null ? {} : { servername: tls.serverName }),
  };
}
