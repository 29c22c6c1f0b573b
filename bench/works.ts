/** What is asked of the contestants. */

/** The host of every work but `routes10k`. */
export const HOST = 'bench.test';
export const MANY_HOSTS = 10_000;

/** Bodies that the backend serves, in bytes. */
export const BODIES = { '/': 130, '/16k': 16 * 1024, '/1m': 1024 * 1024 } as const;
export const POST_BYTES = 4096;
/** A handshake for each takes its time, and each has so much memory that fewer will do. */
const IDLE_TLS = 4_000;

export type WorkName =
  | 'small'
  | '16k'
  | '1m'
  | 'post4k'
  | 'connect'
  | 'routes10k'
  | StreamWorkName
  | TlsWorkName
  | 'p99'
  | 'idle'
  | 'idle-tls'
  | 'idle-h2';
export type StreamWorkName = 'tcp-small' | 'tcp-bulk' | 'tcp-connect';
export type TlsWorkName = 'tls-small' | 'h2-small' | 'tls-full' | 'tls-resumed';

/** Which of a contestant's ports is asked: the one that passes connections on reads nothing of them. */
export type Door = 'http' | 'stream' | 'https';
/** What asks: requests as HTTP/1.1 or HTTP/2, or a TLS connection for each request, with or without resumption. */
export type Asking = 'http1' | 'http2' | 'full-handshakes' | 'resumed-handshakes';

/** One request, repeated by every connection as soon as its answer is there. */
export interface ClosedWork {
  readonly kind: 'closed';
  readonly name: WorkName;
  readonly title: string;
  readonly path: string;
  readonly method: 'GET' | 'POST';
  /** Bytes of the request's body. */
  readonly bodyBytes: number;
  /** False opens a connection for each request. */
  readonly keepAlive: boolean;
  readonly door: Door;
  readonly asking: Asking;
  /** Hosts that are routed and asked in turn. */
  readonly hosts: number;
  /** Null takes part with every contestant. */
  readonly among: readonly string[] | null;
}

export interface PacedWork {
  readonly kind: 'p99';
  readonly name: WorkName;
  readonly title: string;
  readonly among: readonly string[] | null;
}

export interface IdleWork {
  readonly kind: 'idle';
  readonly name: WorkName;
  readonly title: string;
  readonly among: readonly string[] | null;
  /** Its load warms up, and the idle connections are of its kind. */
  readonly like: ClosedWork;
  readonly connections: number;
}

export type Work = ClosedWork | PacedWork | IdleWork;

const plain: Omit<ClosedWork, 'name' | 'title'> = {
  kind: 'closed',
  path: '/',
  method: 'GET',
  bodyBytes: 0,
  keepAlive: true,
  door: 'http',
  asking: 'http1',
  hosts: 1,
  among: null,
};

const compared = ['nginx', 'haproxy', 'fairlead'];
const passedOn = { ...plain, door: 'stream', among: ['direct', ...compared] } as const;
const secured = { ...plain, door: 'https', among: compared } as const;

/** What the calibration of `p99` asks. */
export const small: ClosedWork = {
  ...plain,
  ...{ name: 'small', title: '130-byte answers, kept-alive connections' },
};
const tlsSmall: ClosedWork = {
  ...secured,
  ...{ name: 'tls-small', title: '130-byte answers, kept-alive TLS connections' },
};
const h2Small: ClosedWork = {
  ...secured,
  ...{ name: 'h2-small', title: '130-byte answers, HTTP/2 over TLS', asking: 'http2' },
};

export const works: readonly Work[] = [
  small,
  { ...plain, name: '16k', title: '16 KiB answers, kept-alive connections', path: '/16k' },
  { ...plain, name: '1m', title: '1 MiB answers, kept-alive connections', path: '/1m' },
  {
    ...plain,
    ...{ name: 'post4k', title: '4 KiB POST, kept-alive connections' },
    ...{ path: '/post', method: 'POST', bodyBytes: POST_BYTES },
  },
  { ...plain, name: 'connect', title: '130-byte answers, a new connection each', keepAlive: false },
  {
    ...plain,
    ...{ name: 'routes10k', title: '130-byte answers among 10,000 hosts, all asked in turn' },
    ...{ hosts: MANY_HOSTS, among: compared },
  },
  { ...passedOn, name: 'tcp-small', title: 'small messages over TCP connections that are passed on' },
  { ...passedOn, name: 'tcp-bulk', title: '1 MiB over TCP connections that are passed on', path: '/1m' },
  {
    ...passedOn,
    name: 'tcp-connect',
    title: 'TCP connections that are passed on, a new one each',
    keepAlive: false,
  },
  tlsSmall,
  h2Small,
  {
    ...{ ...secured, name: 'tls-full', title: 'a full TLS handshake for each 130-byte answer' },
    ...{ keepAlive: false, asking: 'full-handshakes' },
  },
  {
    ...{ ...secured, name: 'tls-resumed', title: 'a resumed TLS handshake for each 130-byte answer' },
    ...{ keepAlive: false, asking: 'resumed-handshakes' },
  },
  {
    ...{ kind: 'p99', name: 'p99', title: 'latency at a constant rate' },
    among: ['direct', ...compared],
  },
  {
    ...{ kind: 'idle', name: 'idle', title: 'memory of an idle kept-alive connection', like: small },
    connections: 10_000,
    among: ['nginx', 'haproxy', 'caddy', 'http-proxy', 'http-proxy-3', 'httpxy', 'fairlead'],
  },
  {
    ...{ kind: 'idle', name: 'idle-tls', title: 'memory of an idle kept-alive TLS connection' },
    ...{ like: tlsSmall, among: compared, connections: IDLE_TLS },
  },
  {
    ...{ kind: 'idle', name: 'idle-h2', title: 'memory of an idle HTTP/2 connection over TLS' },
    ...{ like: h2Small, among: compared, connections: IDLE_TLS },
  },
];

/** The hosts a work routes: one, or `h0.bench.test` and so on. */
export function hostsOf(count: number): string[] {
  return count === 1 ? [HOST] : Array.from({ length: count }, (_, i) => `h${i}.${HOST}`);
}
