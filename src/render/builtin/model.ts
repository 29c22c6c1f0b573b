/** What the built-in targets are made of, and what comes out. Plain values: equal input gives equal bytes. */
import type { Pool, Route } from '../../../router/model.ts';

export interface BuiltinListener {
  readonly name: string;
  readonly address: { readonly host: string; readonly port: number };
  readonly protocol: 'http' | 'https';
}

/** One certificate on disk. */
export interface CertificateFiles {
  /** Of the content: a file that was renewed in place makes another text, so that the program is told to read it again. */
  readonly id: string;
  /** Names as rules have them: `a.example.com`, `*.example.com`. */
  readonly names: readonly string[];
  /** The chain, PEM. */
  readonly certificate: string;
  /** Its key, PEM; the same file when both are in one. */
  readonly key: string;
}

export interface BuiltinOptions {
  /** Networks whose forwarding headers are believed. */
  readonly trustedProxies: readonly string[];
  readonly connectMs: number;
  readonly responseMs: number;
  /** Idle time of clients between requests. */
  readonly idleMs: number;
  /** Idle time of streams and upgraded connections. */
  readonly tunnelIdleMs: number;
  /** Where `https=redirect` sends clients. */
  readonly redirectPort: number;
  /** The address that ports of routes are opened on. */
  readonly tcpHost: string;
  /** Whether ports of routes are opened at all. */
  readonly opensPorts: boolean;
  /** Hosts that want certificates of clients; nothing of theirs is served by a program that does not ask for them. */
  readonly guardedHosts: readonly string[];
  /** Where files of the running program go: sockets between its own listeners. */
  readonly runtimeFolder: string;
  /** HAProxy's runtime socket; null writes none. */
  readonly haproxySocket: string | null;
}

export interface BuiltinInput {
  readonly routes: readonly Route[];
  readonly pools: readonly Pool[];
  readonly listeners: readonly BuiltinListener[];
  /** The first is shown to clients that name no server, or an unknown one. */
  readonly certificates: readonly CertificateFiles[];
  readonly options: BuiltinOptions;
  /** What of the configuration did not get in. */
  readonly shortfalls: readonly Shortfall[];
}

/** What the target does not do as the router does. */
export interface Shortfall {
  /** The route's id; the file or listener where it is not about a route. */
  readonly route: string;
  readonly reason: string;
}

export interface BuiltinFile {
  readonly text: string;
  readonly shortfalls: readonly Shortfall[];
}
