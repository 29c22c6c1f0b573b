import type { EndpointFact, Pool, Route } from '../../router/model.ts';
import type { Certificate } from '../../tls/certificate.ts';
import type { ClientAuth } from '../../tls/profiles.ts';
import type { UpstreamTlsConfig } from '../../tls/upstream.ts';
import type {
  AccessLogFormat,
  BalanceConfig,
  Limits,
  ListenerConfig,
  TcpConfig,
  Timeouts,
  UdpConfig,
} from '../config/config.ts';
import type { CountersLayout } from './counters.ts';

/** Everything the main thread and the workers say to each other. Counters travel by shared memory instead. */

/** Given to a worker when it starts. */
export interface WorkerSetup {
  readonly index: number;
  readonly counters: CountersLayout;
  readonly listeners: readonly ListenerConfig[];
  readonly tcp: Omit<TcpConfig, 'ports'>;
  readonly udp: Omit<UdpConfig, 'ports'>;
  readonly limits: Limits;
  readonly timeouts: Timeouts;
  readonly balance: BalanceConfig;
  readonly trustedProxies: readonly string[];
  readonly accessLog: AccessLogFormat;
  readonly tls: WorkerTls;
  readonly upstreamTls: UpstreamTlsConfig;
}

/** What workers need to know of TLS beside certificates. */
export interface WorkerTls {
  readonly clientAuth: readonly ClientAuth[];
  /** Value of `Strict-Transport-Security`; empty sends none. */
  readonly hsts: string;
  /** The port that clients of other listeners are sent to; 443 needs no mention. */
  readonly redirectPort: number;
  /** Names without a certificate are told of: one may be ordered for them. */
  readonly tellsUnknownNames: boolean;
}

/** An endpoint with its row in the shared counters. */
export interface SlottedEndpoint extends EndpointFact {
  readonly slot: number;
}

/** A pool with its row in the shared counters of queues. */
export interface SlottedPool extends Omit<Pool, 'endpoints'> {
  readonly slot: number;
  readonly endpoints: readonly SlottedEndpoint[];
}

/** A route with its number in the shared counters. */
export interface SlottedRoute extends Route {
  readonly slot: number;
}

/** One number may be a port of each. */
export type Transport = 'tcp' | 'udp';

export type ToWorker =
  /** Applied in one synchronous step; `reset` replaces everything (a fresh worker). */
  | {
      readonly type: 'table';
      readonly version: number;
      readonly reset: boolean;
      /** The catalog is complete: a host that matches nothing does not exist, rather than being unknown yet. */
      readonly isComplete: boolean;
      readonly routes: { readonly set: readonly SlottedRoute[]; readonly drop: readonly string[] };
      readonly pools: { readonly set: readonly SlottedPool[]; readonly drop: readonly string[] };
      /** Slots of routes that are gone: their series end. */
      readonly forgetRoutes: readonly number[];
    }
  /** What changed among the live certificates, by id: chains and keys travel once. `reset` replaces everything. */
  | {
      readonly type: 'certificates';
      readonly set: readonly Certificate[];
      readonly drop: readonly string[];
      readonly reset: boolean;
      /** Serves names that no certificate has, and handshakes without a name; null refuses them. */
      readonly defaultId: string | null;
    }
  /** Rules of TLS that have changed since the start. */
  | { readonly type: 'tls'; readonly tls: WorkerTls }
  /** 48 bytes that session tickets are sealed with, the same for all workers. */
  | { readonly type: 'ticket-key'; readonly key: Uint8Array }
  /** What an ACME authority may ask for now; replaces what was there. */
  | {
      readonly type: 'challenges';
      /** http-01: what is answered to `/.well-known/acme-challenge/TOKEN`. */
      readonly tokens: readonly { readonly token: string; readonly keyAuthorization: string }[];
      /** tls-alpn-01: each for its one name. */
      readonly certificates: readonly Certificate[];
    }
  /** Bind the listeners. A worker that has no table yet answers 503 `no_catalog`. */
  | { readonly type: 'listen' }
  /** These ports of a transport are to be open, and no others. */
  | { readonly type: 'ports'; readonly transport: Transport; readonly ports: readonly number[] }
  /** Stop accepting, finish what runs, close at the deadline. */
  | { readonly type: 'drain'; readonly deadlineMs: number }
  | { readonly type: 'close' };

export type FromWorker =
  | { readonly type: 'ready' }
  | { readonly type: 'listening' }
  | {
      readonly type: 'listen-failed';
      readonly listener: string;
      readonly code: string;
      readonly message: string;
    }
  /** One of `ports` could not be opened; it stays closed until it is asked for anew. */
  | {
      readonly type: 'port-failed';
      readonly transport: Transport;
      readonly port: number;
      readonly code: string;
    }
  | { readonly type: 'applied'; readonly version: number; readonly applyMs: number }
  /** Somebody connects with a name that no certificate has. In the form names are looked up by. */
  | { readonly type: 'unknown-name'; readonly name: string }
  /** The worker holds nothing of this endpoint any more; its counters may be reused once all workers said so. */
  | { readonly type: 'released'; readonly slots: readonly number[] }
  | { readonly type: 'access'; readonly lines: Uint8Array<ArrayBuffer> }
  | {
      readonly type: 'log';
      readonly level: 'warn' | 'error';
      readonly msg: string;
      readonly detail?: unknown;
    }
  | { readonly type: 'drained' };

/** The listener of a port that routes have opened, in logs and metrics. */
export function portName(transport: Transport, port: number): string {
  return `${transport}:${port}`;
}
