import type { Policy } from '../../router/members.ts';
import type { PortPolicy } from '../../router/ports.ts';
import type { Config } from '../config/config.ts';

/** What the configuration says about tags and the instances that carry them. */
export function routingPolicy(config: Config): Policy {
  const { fabio, fairlead } = config.dialects;
  return {
    dialects: { fairlead, fabio: fabio.enabled ? { prefix: fabio.tagPrefix } : null },
    datacenter: config.consul.datacenter ?? '',
    accepts: (health) => config.consul.health.some((accepted) => accepted === health),
    listeners: config.listeners.map(({ name }) => name),
    ...portPolicy(config),
  };
}

/** What the configuration leaves to routes that bring a port or a server name. */
export function portPolicy({
  listeners,
  tcp,
  udp,
  admin,
}: Pick<Config, 'listeners' | 'tcp' | 'udp' | 'admin'>): PortPolicy {
  const taken = new Map<number, string>([[admin.address.port, 'the admin listener']]);
  for (const { name, address } of listeners) taken.set(address.port, `listener ${name}`);
  const tlsListeners = listeners.filter(({ protocol }) => protocol === 'https').map(({ name }) => name);
  return { tcpPorts: tcp.ports, udpPorts: udp.ports, takenPorts: taken, tlsListeners };
}
