import type { EndpointFact, Pool, Route } from '../../../router/model.ts';
import { ident } from '../quote.ts';
import { authority } from './checks.ts';
import type { Prepared } from './prepare.ts';

/** HAProxy's largest weight. */
const MAX_WEIGHT = 256;
const DEFAULT_RETRIES = 2;

/** A pool as one section. What HAProxy only sets for a whole section, retries and PROXY headers, makes another of it. */
export interface Backend {
  readonly name: string;
  readonly mode: 'http' | 'tcp';
  readonly pool: Pool;
  readonly retries: number;
  /** Those that use it, in their order. */
  readonly routes: readonly Route[];
  readonly servers: readonly Server[];
  /** What is said of each server besides its weight: the same words in the file and on the socket. */
  readonly serverOptions: string;
}

export interface Server {
  readonly name: string;
  /** `10.0.0.1:80`, `[::1]:80`. */
  readonly address: string;
  readonly weight: number;
}

/** Every section with servers, sorted by name. */
export function backendsOf({ routes, refused, streams, pools }: Prepared): Backend[] {
  const backends = new Map<string, Backend & { routes: Route[] }>();
  for (const route of [...routes, ...streams]) {
    const pool = pools.get(route.pool ?? '');
    if (pool === undefined || refused.has(route.id) || route.options.redirect !== undefined) continue;
    const name = backendName(route);
    const known = backends.get(name);
    if (known !== undefined) known.routes.push(route);
    else backends.set(name, { ...sectionOf(name, route, pool), routes: [route] });
  }
  return [...backends.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** `http.web`, `tcp.db.v2.r5`: pools keep their names, so a section means the same from one version to the next. */
export function backendName({ rule, pool, options: { retry, proxy } }: Route): string {
  const mode = rule.stream === undefined ? 'http' : 'tcp';
  return [mode, ident(pool!), ...(proxy ? [proxy] : []), ...(retry === undefined ? [] : [`r${retry}`])].join(
    ':',
  );
}

/** The shares as HAProxy can hold them, up to 256 each; nobody's share becomes nothing. */
export function scaledWeights(endpoints: readonly EndpointFact[]): number[] {
  const most = Math.max(0, ...endpoints.map(({ weight }) => weight));
  const scale = most > MAX_WEIGHT ? MAX_WEIGHT / most : 1;
  return endpoints.map(({ weight }) => (weight === 0 ? 0 : Math.max(1, Math.round(weight * scale))));
}

function sectionOf(name: string, { rule, options }: Route, pool: Pool): Omit<Backend, 'routes'> {
  const weights = scaledWeights(pool.endpoints);
  const proxy = options.proxy === undefined ? [] : [options.proxy === 'v1' ? 'send-proxy' : 'send-proxy-v2'];
  const limit = pool.maxconn === null ? [] : [`maxconn ${pool.maxconn}`];
  const servers = pool.endpoints.map((endpoint, at) => ({
    name: ident(endpoint.id),
    address: authority(endpoint.address, endpoint.port),
    weight: weights[at]!,
  }));
  const mode = rule.stream === undefined ? 'http' : 'tcp';
  // A server cannot be deleted while it keeps idle connections; those that came back late stay this long.
  const purge = mode === 'http' ? ['pool-purge-delay 1s'] : [];
  return {
    name,
    mode,
    pool,
    retries: options.retry ?? DEFAULT_RETRIES,
    servers,
    serverOptions: [...limit, ...proxy, ...purge].join(' '),
  };
}
