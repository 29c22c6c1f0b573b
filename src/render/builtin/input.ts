import type { Config, ListenerConfig } from '../../config/config.ts';
import type { RouterPart } from '../config/model.ts';
import { isOnDisk, nameOf } from './certificates.ts';
import type { BuiltinInput, BuiltinListener, BuiltinOptions, Shortfall } from './model.ts';

/** What the router's configuration says, for a target; routes, pools and certificates come in beside it. */
export function fixedInput(
  { config, runtimeFolder }: RouterPart,
  haproxySocket: string | null,
): Pick<BuiltinInput, 'listeners' | 'options' | 'shortfalls'> {
  const { listeners } = config;
  return {
    listeners: listeners.filter(({ proxyProtocol }) => !proxyProtocol).map(listenerOf),
    options: optionsOf(config, runtimeFolder, haproxySocket),
    shortfalls: shortfallsOf(config),
  };
}

function listenerOf({ name, address, protocol }: ListenerConfig): BuiltinListener {
  return { name, address, protocol };
}

function optionsOf(config: Config, runtimeFolder: string, haproxySocket: string | null): BuiltinOptions {
  const { timeouts, tls, listeners, tcp, trustedProxies } = config;
  const { connectMs, responseMs, idleMs, tunnelIdleMs } = timeouts;
  const secure = listeners.find(({ protocol }) => protocol === 'https');
  return {
    ...{ trustedProxies, connectMs, responseMs, idleMs, tunnelIdleMs, runtimeFolder, haproxySocket },
    redirectPort: tls.redirectPort ?? secure?.address.port ?? 443,
    tcpHost: tcp.host,
    opensPorts: !tcp.proxyProtocol,
    guardedHosts: tls.clientAuth.flatMap(({ hosts }) => hosts),
  };
}

function shortfallsOf({ listeners, tls, tcp, acme }: Config): readonly Shortfall[] {
  const listed = listeners
    .filter(({ proxyProtocol }) => proxyProtocol)
    .map(({ name }) => ({
      route: `listener ${name}`,
      reason: 'left out: PROXY headers of clients are not rendered',
    }));
  const stored = tls.certificates
    .filter((origin) => !isOnDisk(origin))
    .map((origin) => ({ route: nameOf(origin), reason: 'left out: only PEM files are rendered' }));
  const given: readonly (readonly [isGiven: boolean, route: string, reason: string])[] = [
    [acme !== null, 'tls.acme', 'certificates by ACME are not rendered'],
    [tls.strict, 'tls.strict', 'unknown server names are shown the first certificate'],
    [tls.hsts !== '', 'tls.hsts', 'HSTS is not rendered'],
    [tcp.proxyProtocol, 'tcp.proxyProtocol', 'ports left out: PROXY headers of clients are not rendered'],
  ];
  const options = given
    .filter(([isGiven]) => isGiven)
    .map(([, route, reason]): Shortfall => ({ route, reason }));
  return [...listed, ...stored, ...options];
}
