/** What is asked of the contestants. */

/** The host of every work but `routes10k`. */
export const HOST = 'bench.test';
export const MANY_HOSTS = 10_000;

/** Bodies that the backend serves, in bytes. */
export const BODIES = { '/': 130, '/16k': 16 * 1024, '/1m': 1024 * 1024 } as const;
export const POST_BYTES = 4096;

export type WorkName =
  | 'small'
  | '16k'
  | '1m'
  | 'post4k'
  | 'connect'
  | 'routes10k'
  | StreamWorkName
  | 'p99'
  | 'idle';
export type StreamWorkName = 'tcp-small' | 'tcp-bulk' | 'tcp-connect';

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
  /** Asked over the port that passes connections on, of which the proxy reads nothing. */
  readonly isStream: boolean;
  /** Hosts that are routed and asked in turn. */
  readonly hosts: number;
  /** Null takes part with every contestant. */
  readonly among: readonly string[] | null;
}

export interface SpecialWork {
  readonly kind: 'p99' | 'idle';
  readonly name: WorkName;
  readonly title: string;
  readonly among: readonly string[] | null;
}

export type Work = ClosedWork | SpecialWork;

const plain: Omit<ClosedWork, 'name' | 'title'> = {
  kind: 'closed',
  path: '/',
  method: 'GET',
  bodyBytes: 0,
  keepAlive: true,
  isStream: false,
  hosts: 1,
  among: null,
};

const passedOn = { ...plain, isStream: true, among: ['direct', 'nginx', 'haproxy', 'fairlead'] };

export const works: readonly Work[] = [
  { ...plain, name: 'small', title: '130-byte answers, kept-alive connections' },
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
    ...{ hosts: MANY_HOSTS, among: ['nginx', 'haproxy', 'fairlead'] },
  },
  { ...passedOn, name: 'tcp-small', title: 'small messages over TCP connections that are passed on' },
  { ...passedOn, name: 'tcp-bulk', title: '1 MiB over TCP connections that are passed on', path: '/1m' },
  {
    ...passedOn,
    name: 'tcp-connect',
    title: 'TCP connections that are passed on, a new one each',
    keepAlive: false,
  },
  {
    ...{ kind: 'p99', name: 'p99', title: 'latency at a constant rate' },
    among: ['direct', 'nginx', 'haproxy', 'fairlead'],
  },
  {
    ...{ kind: 'idle', name: 'idle', title: 'memory of an idle kept-alive connection' },
    among: ['nginx', 'haproxy', 'caddy', 'http-proxy', 'http-proxy-3', 'httpxy', 'fairlead'],
  },
];

/** The hosts a work routes: one, or `h0.bench.test` and so on. */
export function hostsOf(count: number): string[] {
  return count === 1 ? [HOST] : Array.from({ length: count }, (_, i) => `h${i}.${HOST}`);
}
