/**
 * The nouns of the router. Plain values only: everything here survives a structured clone, so the same
 * shapes travel from the control plane to the workers.
 */

/** Consul's aggregate of node and service checks, worst first: maintenance > critical > warning > passing. */
export type Health = 'passing' | 'warning' | 'critical' | 'maintenance';

/** One check as Consul reports it. `output` is for people; it never takes part in comparisons. */
export interface CheckFact {
  readonly id: string;
  readonly name: string;
  readonly status: Health;
  readonly output: string;
  /** It is of the node and everything on it, such as `serfHealth`, and says nothing of this instance alone. */
  readonly isOfNode: boolean;
}

/** A registered instance: Consul's fact, immutable. */
export interface Instance {
  /** Unique in the catalog: `node/serviceId`. The same service id may exist on two nodes. */
  readonly id: string;
  readonly service: string;
  readonly serviceId: string;
  readonly node: string;
  /** An IP address or host name, already fallen back to the node's address when the service has none. */
  readonly address: string;
  readonly port: number;
  readonly tags: readonly string[];
  readonly meta: Readonly<Record<string, string>>;
  readonly weights: { readonly passing: number; readonly warning: number };
  readonly health: Health;
  readonly checks: readonly CheckFact[];
  /** Consul's index of the registration; a higher one is newer. */
  readonly createIndex: number;
}

/** Everything a provider knows at one moment. An unchanged service keeps the identity of its array. */
export type Catalog = ReadonlyMap<string, readonly Instance[]>;

export type PathMatch =
  /** `/api` takes `/api` and `/api/x`, not `/apix`. */
  | 'segment'
  /** Only the path itself. */
  | 'exact'
  /** Plain text prefix, as Fabio's matcher does: `/api` takes `/apix`. */
  | 'text';

/** When a request belongs to a route. */
export interface Rule {
  /** Lower case: `a.example.com`, `*.example.com` (any depth below), a Fabio glob, or `''` for any host. */
  readonly host: string;
  /** Starts with `/`; without a trailing slash unless it is `/` (or the match is not `segment`). */
  readonly path: string;
  readonly match: PathMatch;
  /** Upper case, sorted; null takes every method. */
  readonly methods: readonly string[] | null;
  /** Listener names, sorted; null takes every HTTP listener. */
  readonly listeners: readonly string[] | null;
  /** Explicit priority; 0 when none was given. */
  readonly priority: number;
  /** For connections and datagrams that are passed on as they come; absent for HTTP, and then host and path decide. */
  readonly stream?: StreamMatch;
}

export type StreamMatch =
  /** Every connection to this port. The rule's host is empty. */
  | { readonly kind: 'tcp'; readonly port: number }
  /** Every datagram to this port. The rule's host is empty. */
  | { readonly kind: 'udp'; readonly port: number }
  /** TLS for the rule's host, on a port of its own or (null) on the https listeners. */
  | { readonly kind: 'sni'; readonly port: number | null };

export type UpstreamProtocol = 'http' | 'https' | 'h2' | 'h2c' | 'tcp' | 'udp';

export type Balance =
  | { readonly kind: 'least' }
  | { readonly kind: 'rr' }
  | { readonly kind: 'random' }
  | { readonly kind: 'hash'; readonly on: 'ip' }
  | { readonly kind: 'hash'; readonly on: 'header' | 'cookie'; readonly name: string };

/** What is done with a matching request. Everything optional is absent rather than undefined. */
export interface RouteOptions {
  /** Removed from the front of the path; the result starts with `/`. */
  readonly strip?: string;
  /** Put before the path, after `strip`. */
  readonly prefix?: string;
  /** Host header for the upstream: as received (default), the instance's address, or a fixed name. */
  readonly host?: { readonly kind: 'instance' } | { readonly kind: 'name'; readonly name: string };
  readonly redirect?: { readonly status: number; readonly location: string };
  readonly https?: 'redirect' | 'only';
  readonly allow?: readonly string[];
  readonly deny?: readonly string[];
  /** Time until the response head, in milliseconds. */
  readonly timeoutMs?: number;
  /** Further attempts on other endpoints after a failure that is safe to repeat. */
  readonly retry?: number;
  /** Name that certificates of instances must be for, and that they are asked for; absent: the `Host` they are sent. */
  readonly serverName?: string;
  /** Instances need not prove who they are. */
  readonly insecure?: true;
  /** Sticky cookie name. */
  readonly sticky?: string;
  /** Version of the PROXY header that the instance is sent, for streams. */
  readonly proxy?: 'v1' | 'v2';
  /** TLS of clients ends here, and the instance gets what was inside; for ports. */
  readonly tls?: 'terminate';
  /** What becomes of streams whose instance leaves: they may finish (default), or end at once. */
  readonly departure?: 'close';
}

/** Where a route came from, for people. */
export interface RouteSource {
  readonly provider: 'consul' | 'file' | 'kv';
  readonly service: string;
  /** Instance ids that carry the tag. */
  readonly instances: readonly string[];
  /** The text somebody wrote. */
  readonly text: string;
}

export interface Route {
  /** Stable name: the rule as text, e.g. `example.com/api` or `example.com/api GET,POST`. */
  readonly id: string;
  readonly rule: Rule;
  /** Pool name; null for routes that only redirect. */
  readonly pool: string | null;
  readonly service: string;
  readonly options: RouteOptions;
  readonly source: RouteSource;
}

/** How an instance that speaks TLS proves who it is. */
export interface EndpointTls {
  /** A name in lower case, or an IP address: what its certificate must be for. */
  readonly name: string;
  /** Whatever certificate it shows will do. */
  readonly isInsecure: boolean;
}

/** Where we dial for an instance. */
export interface EndpointFact {
  /**
   * `service@address:port`, and what else a connection depends on: an address reused by another service is another
   * endpoint, and so is one that is to prove another name.
   */
  readonly id: string;
  readonly address: string;
  readonly port: number;
  readonly protocol: UpstreamProtocol;
  /** Absent without TLS. */
  readonly tls?: EndpointTls;
  /** Relative share; 0 takes no new work. */
  readonly weight: number;
  /** Instance id behind it. */
  readonly instance: string;
}

export interface Pool {
  readonly name: string;
  readonly service: string;
  readonly balance: Balance;
  /** At most so many requests in flight on each endpoint, over all workers; null sets no limit. */
  readonly maxconn: number | null;
  readonly endpoints: readonly EndpointFact[];
}

/** A tag or line that was set aside, and why. Everything else still applies. */
export interface Refusal {
  readonly provider: 'consul' | 'file' | 'kv';
  readonly service: string;
  readonly instance: string;
  readonly text: string;
  readonly reason: string;
}

/** What changed between two versions. Names not mentioned keep their identity in every worker. */
export interface Delta {
  readonly routes: { readonly set: readonly Route[]; readonly drop: readonly string[] };
  readonly pools: { readonly set: readonly Pool[]; readonly drop: readonly string[] };
}
