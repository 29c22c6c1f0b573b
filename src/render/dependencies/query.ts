/** Where in a federation a question is asked; '' leaves it to the agent. */
export interface Scope {
  readonly datacenter: string;
  readonly partition: string;
  readonly namespace: string;
  readonly peer: string;
  readonly samenessGroup: string;
}

export interface ServiceQuery {
  readonly kind: 'service';
  readonly id: string;
  readonly name: string;
  readonly tag: string;
  readonly near: string;
  /** Sorted. */
  readonly filters: readonly string[];
  /** Sidecar proxies and native instances instead of the service itself. */
  readonly isConnect: boolean;
  readonly scope: Scope;
}

/**
 * One thing a template asks for. The id is consul-template's, and is what queries are shared by: one watch in the
 * process for each, however many templates ask.
 */
export type Query =
  | ServiceQuery
  | { readonly kind: 'services'; readonly id: string; readonly scope: Scope }
  | { readonly kind: 'nodes'; readonly id: string; readonly near: string; readonly scope: Scope }
  | { readonly kind: 'node'; readonly id: string; readonly name: string; readonly scope: Scope }
  | { readonly kind: 'datacenters'; readonly id: string; readonly isProbed: boolean }
  | {
      readonly kind: 'key';
      readonly id: string;
      readonly key: string;
      /** No answer until there is such a key, and its last value after it is gone. */
      readonly isAwaited: boolean;
      readonly scope: Scope;
    }
  | { readonly kind: 'keys'; readonly id: string; readonly prefix: string; readonly scope: Scope }
  | { readonly kind: 'roots'; readonly id: string }
  | { readonly kind: 'leaf'; readonly id: string; readonly service: string }
  | { readonly kind: 'partitions'; readonly id: string }
  | { readonly kind: 'peerings'; readonly id: string; readonly partition: string }
  | { readonly kind: 'exports'; readonly id: string; readonly partition: string }
  | { readonly kind: 'imports'; readonly id: string; readonly partition: string }
  | { readonly kind: 'file'; readonly id: string; readonly path: string }
  /** Keys in Redis, for confd's templates: one key, the fields of a hash, or all that is below. */
  | { readonly kind: 'redis'; readonly id: string; readonly key: string }
  /** What a name server knows. */
  | {
      readonly kind: 'lookup';
      readonly id: string;
      readonly name: string;
      readonly type: 'address' | 'service';
    };

/** What Consul answers. */
export type ConsulQuery = Exclude<Query, { kind: 'file' | 'redis' | 'lookup' }>;

export function isConsulQuery(query: Query): query is ConsulQuery {
  return query.kind !== 'file' && query.kind !== 'redis' && query.kind !== 'lookup';
}

/** Whether it is about all instances of a service here, of which tags and states are then picked by us. */
export function isPlainService(query: Query): query is ServiceQuery {
  return (
    query.kind === 'service' &&
    !query.isConnect &&
    query.near === '' &&
    Object.values(query.scope).every((part) => part === '')
  );
}
