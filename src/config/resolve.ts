import { availableParallelism } from 'node:os';
import { resolveAcme } from './acme.ts';
import { formatAddress, isLoopback } from './addresses.ts';
import { resolveClientTls } from './client-tls.ts';
import type { AdminConfig, Config, StaticRoute, TcpConfig } from './config.ts';
import { resolveConsul } from './consul.ts';
import { resolveListeners } from './listeners.ts';
import type { Settings } from './schema.ts';
import { intact, origin, problem, readToken, type Sources, warn } from './sources.ts';
import { resolveTls, type TlsContext } from './tls.ts';
import { resolveUpstreamTls } from './upstream-tls.ts';

export interface ResolveContext extends TlsContext {
  readonly secure: boolean;
  /** Certificates come from elsewhere, too: https needs none of the configuration's. */
  readonly hasOwnCertificates: boolean;
  readonly routeAt: (index: number) => string;
}

/** Merged settings become the Config; rules between keys are checked on the way. */
export function resolveConfig(settings: Settings, sources: Sources, context: ResolveContext): Config {
  const { limits, timeouts, balance, workers } = settings;
  const admin = resolveAdmin(settings.admin, sources);
  return freeze({
    consul: resolveConsul(settings.consul, context.secure, sources),
    listeners: resolveListeners(settings, admin, sources, context.hasOwnCertificates),
    admin,
    acme: resolveAcme(settings.tls.acme, sources, context),
    trustedProxies: settings.trustedProxies,
    tcp: resolveTcp(settings, sources),
    udp: { ports: settings.udp.ports, host: settings.udp.address },
    dialects: settings.dialects,
    routes: resolveRoutes(settings, context.routeAt),
    tls: { ...resolveTls(settings.tls, sources, context), ...resolveClientTls(settings.tls, sources) },
    upstreamTls: resolveUpstreamTls(settings.upstreamTls, sources),
    limits: {
      headBytes: limits.head,
      fields: limits.fields,
      uriBytes: limits.uri,
      bodyBytes: limits.body,
      bodyRate: limits.bodyRate,
      connections: limits.connections,
      connectionsPerClient: limits.connectionsPerClient,
      requestsPerConnection: limits.requestsPerConnection,
      queue: limits.queue,
      streams: limits.streams,
      udpSessions: limits.udpSessions,
    },
    timeouts: {
      handshakeMs: timeouts.handshake,
      headMs: timeouts.head,
      idleMs: timeouts.idle,
      queueMs: timeouts.queue,
      connectMs: timeouts.connect,
      responseMs: timeouts.response,
      streamIdleMs: timeouts.streamIdle,
      tunnelIdleMs: timeouts.tunnelIdle,
      tcpIdleMs: timeouts.tcpIdle,
      udpIdleMs: timeouts.udpIdle,
      upstreamIdleMs: timeouts.upstreamIdle,
      drainMs: timeouts.drain,
    },
    balance: { slowStartMs: balance.slowStart },
    workers: workers === 'auto' ? availableParallelism() : workers,
    dataDir: settings.data,
    logLevel: settings.log.level,
    accessLog: settings.accessLog,
  });
}

/** The admin listener can change and reveal things, so beyond this machine it needs a token. */
function resolveAdmin(given: Settings['admin'], sources: Sources): AdminConfig {
  const { address } = given;
  const { token, empty } = readToken(sources, 'admin', given);
  const fileFailed = given.tokenFile !== null && token === null;
  if (empty) {
    problem(sources, origin(sources, 'admin.tokenFile'), `admin.tokenFile: ${given.tokenFile} is empty`);
  } else if (token === null && !isLoopback(address) && !fileFailed && intact(sources, 'admin')) {
    const reachable = `${formatAddress(address)} can be reached from other machines`;
    const message = `admin.address: ${reachable} and needs admin.token or admin.tokenFile`;
    problem(sources, origin(sources, 'admin.address'), message);
  }
  return { address, token };
}

function resolveTcp({ tcp, trustedProxies }: Settings, sources: Sources): TcpConfig {
  const { ports, address, proxyProtocol } = tcp;
  if (proxyProtocol && trustedProxies.length === 0 && intact(sources, 'trustedProxies')) {
    warn(sources, origin(sources, 'tcp.proxyProtocol'), 'tcp.proxyProtocol needs trustedProxies');
  }
  return { ports, host: address, proxyProtocol };
}

function resolveRoutes(settings: Settings, routeAt: (index: number) => string): readonly StaticRoute[] {
  return (settings.routes ?? []).map((route, index) => ({
    rule: route.rule,
    to: route.to ?? [],
    service: route.service ?? null,
    at: routeAt(index),
  }));
}

function freeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const child of Object.values(value)) freeze(child);
  }
  return value;
}
