import { collide, formatAddress } from './addresses.ts';
import type { Address, AdminConfig, ListenerConfig } from './config.ts';
import type { Settings } from './schema.ts';
import { intact, origin, problem, type Sources, warn } from './sources.ts';

interface Placed extends ListenerConfig {
  readonly at: string | null;
}

/**
 * The listeners to bind: the file's, with `web` and `websecure` replaced where flags or environment say
 * so.
 */
export function resolveListeners(
  settings: Settings,
  admin: AdminConfig,
  sources: Sources,
  hasOwnCertificates: boolean,
): readonly ListenerConfig[] {
  const named = Object.entries(settings.listeners ?? {}).map(([name, listener]): Placed => {
    const at = origin(sources, `listeners.${name}`);
    const { address, protocol = 'http', proxyProtocol = false, h2c = false } = listener;
    const http2 = protocol === 'https' ? (listener.http2 ?? true) : h2c;
    return { name, address, protocol, proxyProtocol, http2, at };
  });
  const { certificates, acme } = settings.tls;
  const hasCertificates = hasOwnCertificates || (certificates ?? []).length > 0 || acme !== null;
  const given = hasCertificates && origin(sources, 'listeners') === null ? [...named, SECURE] : named;
  const replaced = replace(replace(given, 'web', 'http', sources), 'websecure', 'https', sources);
  const usable = hasCertificates ? replaced : withoutTls(replaced, sources);
  if (intact(sources, 'trustedProxies')) warnOfUntrusted(usable, settings, sources);
  if (intact(sources, 'listeners')) checkTogether(usable, settings, admin, sources);
  return usable.map(({ at: _, ...listener }) => listener);
}

/** There as soon as certificates can come, unless listeners are named. */
const SECURE: Placed = {
  ...{ name: 'websecure', address: { host: '', port: 8443 }, protocol: 'https' as const },
  ...{ proxyProtocol: false, http2: true },
  at: null,
};

/** `web`, `web2`, `web3` … take the addresses of the highest source that has any. */
function replace(
  listeners: readonly Placed[],
  base: string,
  protocol: 'http' | 'https',
  sources: Sources,
): readonly Placed[] {
  const layer = sources.layers.findLast((each) => each[protocol].length > 0);
  if (layer === undefined) return listeners;
  const fresh = layer[protocol].map((address: Address, index): Placed => {
    const name = index === 0 ? base : `${base}${index + 1}`;
    const isSecure = protocol === 'https';
    return { name, address, protocol, proxyProtocol: false, http2: isSecure, at: layer.at(protocol) };
  });
  const names = new Set(fresh.map(({ name }) => name));
  return [...fresh, ...listeners.filter(({ name }) => !names.has(name))];
}

function withoutTls(listeners: readonly Placed[], sources: Sources): readonly Placed[] {
  for (const { name, protocol, at } of listeners) {
    if (protocol === 'https') warn(sources, at, `listener "${name}" is ignored: ${noCertificates}`);
  }
  return listeners.filter(({ protocol }) => protocol === 'http');
}

const noCertificates = 'https needs tls.certificates or tls.acme';

/** Only trusted proxies may send a PROXY header, so without any the listener serves nobody. */
function warnOfUntrusted(listeners: readonly Placed[], settings: Settings, sources: Sources): void {
  if (settings.trustedProxies.length > 0) return;
  for (const { name, proxyProtocol, at } of listeners) {
    if (proxyProtocol) warn(sources, at, `listener "${name}" has proxyProtocol and needs trustedProxies`);
  }
}

function checkTogether(
  listeners: readonly Placed[],
  settings: Settings,
  admin: AdminConfig,
  sources: Sources,
): void {
  const { tcp, udp, routes } = settings;
  const hasPorts =
    tcp.ports !== null || udp.ports !== null || routes?.some(({ rule }) => /^(tcp|udp):/.test(rule));
  const isKnown = intact(sources, 'tcp') && intact(sources, 'udp') && intact(sources, 'routes');
  if (listeners.length === 0 && !hasPorts && isKnown) {
    const message =
      'nothing to listen on: no http listener, no tcp.ports, no udp.ports, no route with a port';
    problem(sources, origin(sources, 'listeners'), message);
  }
  for (const [index, { name, address, at }] of listeners.entries()) {
    const other = listeners.slice(0, index).find((each) => collide(each.address, address));
    const message = `listener "${name}" cannot have ${formatAddress(address)}`;
    if (other !== undefined) problem(sources, at, `${message}: listener "${other.name}" has it`);
    else if (collide(admin.address, address)) problem(sources, at, `${message}: the admin address has it`);
  }
}
