import type { ConsulConfig } from '../../../src/config/config.ts';

/** Tells nobody. */
export const quiet = { warn() {}, info() {}, debug() {} };

export function consulConfig(url: string, connections = 64): ConsulConfig {
  return {
    url,
    token: null,
    tokenFile: null,
    datacenter: null,
    namespace: null,
    tls: { caFile: null, certFile: null, keyFile: null, serverName: null, verify: true },
    health: ['passing'],
    connections,
    waitMs: 60_000,
    holdMs: 1_000,
    forgetMs: 0,
  };
}
