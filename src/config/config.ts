import type { Health } from '../../router/model.ts';
import type { ClientAuth } from '../../tls/profiles.ts';
import type { UpstreamTlsConfig } from '../../tls/upstream.ts';
import type { AcmeConfig } from './acme.ts';

/**
 * Everything an operator can set, after flags, environment, file and defaults were merged. Frozen; durations in
 * milliseconds, sizes in bytes. What follows the catalog (routes, pools) is never here.
 */
export interface Config {
  readonly consul: ConsulConfig;
  readonly listeners: readonly ListenerConfig[];
  readonly admin: AdminConfig;
  /** null orders no certificates. */
  readonly acme: AcmeConfig | null;
  /** CIDR texts of proxies whose forwarded headers we believe. */
  readonly trustedProxies: readonly string[];
  readonly tcp: TcpConfig;
  readonly udp: UdpConfig;
  readonly dialects: { readonly fairlead: boolean; readonly fabio: FabioConfig };
  readonly routes: readonly StaticRoute[];
  readonly tls: TlsConfig;
  readonly upstreamTls: UpstreamTlsConfig;
  readonly limits: Limits;
  readonly timeouts: Timeouts;
  readonly balance: BalanceConfig;
  readonly workers: number;
  readonly dataDir: string;
  readonly logLevel: LogLevel;
  readonly accessLog: AccessLogFormat;
}

export type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'silent';
export type AccessLogFormat = 'json' | 'common' | 'combined' | 'off';

export interface Address {
  /** `''` means every interface (IPv6 and IPv4 where the system has both). */
  readonly host: string;
  readonly port: number;
}

export interface PortRange {
  readonly from: number;
  readonly to: number;
}

export interface ListenerConfig {
  readonly name: string;
  readonly address: Address;
  readonly protocol: 'http' | 'https';
  /** Every connection begins with a PROXY header of a trusted proxy. */
  readonly proxyProtocol: boolean;
  /** HTTP/2 beside HTTP/1.1: by ALPN with TLS, by prior knowledge without. */
  readonly http2: boolean;
}

/** Listeners that routes open. */
export interface TcpConfig {
  /** Ports that tags may open; null allows none. */
  readonly ports: PortRange | null;
  /** The address they are bound to; `''` means every interface. */
  readonly host: string;
  /** Every connection begins with a PROXY header of a trusted proxy. */
  readonly proxyProtocol: boolean;
}

/** Ports for datagrams that routes open. */
export interface UdpConfig {
  /** Ports that tags may open; null allows none. */
  readonly ports: PortRange | null;
  /** The address they are bound to; `''` means every interface. */
  readonly host: string;
}

export interface AdminConfig {
  readonly address: Address;
  /** Value of the token, already read from `tokenFile`; null means no token. */
  readonly token: string | null;
}

export interface ConsulConfig {
  /** `http://host:port` or `https://host:port`, with a path prefix where one was given; never a trailing slash. */
  readonly url: string;
  readonly token: string | null;
  /** Read again before each attempt after a 403, so that a rotated token is picked up. Wins over `token`. */
  readonly tokenFile: string | null;
  readonly datacenter: string | null;
  readonly namespace: string | null;
  readonly tls: {
    readonly caFile: string | null;
    readonly certFile: string | null;
    readonly keyFile: string | null;
    readonly serverName: string | null;
    readonly verify: boolean;
  };
  /** Aggregate states that take traffic. */
  readonly health: readonly Health[];
  /** Connections the watches may hold open; Consul's agent allows 200 per client address. */
  readonly connections: number;
  /** How long one blocking read waits. */
  readonly waitMs: number;
  /** How long a sudden mass disappearance is held before it is believed. */
  readonly holdMs: number;
  /** How long a host whose service left the catalog keeps answering 503 rather than 404. */
  readonly forgetMs: number;
}

export interface TlsConfig extends CertificateConfig, ClientTlsConfig {}

export interface CertificateConfig {
  /** In the order of the file. */
  readonly certificates: readonly CertificateOrigin[];
  /** Name whose certificate serves what no other does; null takes the first certificate unless `strict`. */
  readonly defaultName: string | null;
  /** Handshakes for other names, or without one, are refused. */
  readonly strict: boolean;
}

/** Where certificates come from. Paths are absolute; `at` is `file:line:column`, for messages. */
export type CertificateOrigin =
  | {
      readonly kind: 'folder';
      readonly at: string;
      readonly folder: string;
      /** For PKCS#12 files that have no `.pass` file beside them. */
      readonly passwordFile: string | null;
    }
  /** The same file twice is one that holds both. */
  | { readonly kind: 'files'; readonly at: string; readonly certFile: string; readonly keyFile: string }
  | {
      readonly kind: 'pkcs12';
      readonly at: string;
      readonly file: string;
      readonly passwordFile: string | null;
    }
  /** `prefix` without slashes at its ends. */
  | { readonly kind: 'consul-kv'; readonly at: string; readonly prefix: string }
  /** `url` may hold a password. */
  | {
      readonly kind: 'redis';
      readonly at: string;
      readonly url: string;
      readonly prefixes: readonly string[];
    };

export interface FabioConfig {
  readonly enabled: boolean;
  readonly tagPrefix: string;
  /** KV folder with `route add|del|weight` lines; null reads none. */
  readonly kvPath: string | null;
}

/** A route of the operator's own. The rule is a tag without its prefix. */
export interface StaticRoute {
  readonly rule: string;
  /** Fixed instances, `address:port` or `address:port weight=N`. */
  readonly to: readonly string[];
  /** Or: every accepted instance of this Consul service. */
  readonly service: string | null;
  /** `file:line:column`, for messages. */
  readonly at: string;
}

/** What clients of https listeners are asked for and told, beside certificates. */
export interface ClientTlsConfig {
  readonly clientAuth: readonly ClientAuth[];
  /** Value of `Strict-Transport-Security` for routes that are served with TLS alone; empty sends none. */
  readonly hsts: string;
  /** Where `https=redirect` sends clients; null follows the first https listener. */
  readonly redirectPort: number | null;
}

export interface Limits {
  /** Request line plus all fields. */
  readonly headBytes: number;
  readonly fields: number;
  readonly uriBytes: number;
  /** Largest request body; 0 means no limit. */
  readonly bodyBytes: number;
  /** Slowest request body, in bytes per second; 0 means any. */
  readonly bodyRate: number;
  /** Client connections over all workers; 0 follows the limit for descriptors. */
  readonly connections: number;
  /** Connections of one client address to one worker; 0 means no limit. */
  readonly connectionsPerClient: number;
  /** Requests until a connection ends; 0 means no limit. */
  readonly requestsPerConnection: number;
  /** Requests that may wait in one worker for a pool whose endpoints have all reached `maxconn`. */
  readonly queue: number;
  /** Requests at a time on one HTTP/2 connection. */
  readonly streams: number;
  /** UDP sessions over all workers; 0 follows the limit for descriptors. */
  readonly udpSessions: number;
}

export interface BalanceConfig {
  /** Until a newcomer takes its whole share; 0 gives it at once. */
  readonly slowStartMs: number;
}

export interface Timeouts {
  /** A connection to a TLS listener until its handshake is done. */
  readonly handshakeMs: number;
  /** First byte of a head until its end. */
  readonly headMs: number;
  /** A client connection without a request. */
  readonly idleMs: number;
  /** Waiting for an endpoint below its `maxconn`. */
  readonly queueMs: number;
  readonly connectMs: number;
  /** Request sent until response head. */
  readonly responseMs: number;
  /** Nothing moved in either direction of a body or tunnel. */
  readonly streamIdleMs: number;
  readonly tunnelIdleMs: number;
  /** Nothing moved in either direction of a TCP connection. */
  readonly tcpIdleMs: number;
  /** No datagram in either direction of a UDP session. */
  readonly udpIdleMs: number;
  /** Upstream connection kept for reuse. */
  readonly upstreamIdleMs: number;
  /** How long departing endpoints and a stopping process may finish their work. */
  readonly drainMs: number;
}
