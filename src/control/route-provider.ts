import type { Policy } from '../../router/members.ts';
import type { StaticEntry } from '../../router/static-routes.ts';
import { readTag } from '../../router/tags.ts';
import type { Config } from '../config/config.ts';
import { type ConsulProvider, type ConsulProviderOptions, createConsulProvider } from './providers/consul.ts';
import type { Log } from './providers/fault-log.ts';

export interface RouteProviderOptions {
  readonly config: Pick<Config, 'consul' | 'dialects'>;
  readonly policy: Policy;
  /** The operator's own routes at present. */
  readonly statics: () => readonly StaticEntry[];
  /** Services that are followed whatever their tags are, besides those of static routes. */
  readonly counted?: readonly string[];
  readonly log: Log;
  /** Counts faults by kind. */
  readonly onError: (kind: string) => void;
  readonly onFailures?: ConsulProviderOptions['onFailures'];
}

/** Follows what routes are made of: services with tags that are read as routes or that static routes name, and KV lines. */
export function createRouteProvider(options: RouteProviderOptions): ConsulProvider {
  const { config, policy, statics, counted = [], log, onError, onFailures } = options;
  const { fabio } = config.dialects;
  return createConsulProvider({
    config: config.consul,
    isRouted: (tags) => tags.some((tag) => readTag(tag, policy.dialects, policy).kind !== 'ignored'),
    wanted: () =>
      new Set([...counted, ...statics().flatMap(({ service }) => (service === null ? [] : [service]))]),
    kvPath: fabio.enabled ? fabio.kvPath : null,
    log,
    onError,
    ...(onFailures && { onFailures }),
  });
}
