import type { Member } from './members.ts';
import type { EndpointTls, UpstreamProtocol } from './model.ts';

export function usesTls(protocol: UpstreamProtocol): boolean {
  return protocol === 'https' || protocol === 'h2';
}

/** How an instance is to prove who it is; null where no TLS is spoken. */
export function tlsOf({ address, claim: { rule, options, pool } }: Member): EndpointTls | null {
  if (!usesTls(pool.protocol)) return null;
  const host = hostSent(rule.host, options.host) ?? address;
  const name = options.serverName ?? host.replace(/^\[|\]$/g, '');
  return { name, isInsecure: options.insecure === true };
}

/** The `Host` that all requests of a rule carry to instances; null where that is the instance's address, or open. */
export function hostSent(ruleHost: string, option: Member['claim']['options']['host']): string | null {
  if (option !== undefined) return option.kind === 'name' ? option.name : null;
  const isOpen = ruleHost === '' || /[*?{]|^\[[^:]*$|[^[]\[/.test(ruleHost);
  return isOpen ? null : ruleHost;
}
