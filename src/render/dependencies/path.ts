import type { ConsulQuery, Scope } from './query.ts';

/** Where Consul answers a query. */
export function pathOf(query: ConsulQuery): string {
  switch (query.kind) {
    case 'service': {
      const parameters = scopeParameters(query.scope);
      if (query.near !== '') parameters.push(['near', query.near]);
      const kind = query.isConnect ? 'connect' : 'service';
      return withParameters(`/v1/health/${kind}/${encodeURIComponent(query.name)}`, parameters);
    }
    case 'services':
      return withParameters('/v1/catalog/services', scopeParameters(query.scope));
    case 'nodes': {
      const parameters = scopeParameters(query.scope);
      if (query.near !== '') parameters.push(['near', query.near]);
      return withParameters('/v1/catalog/nodes', parameters);
    }
    case 'node':
      return withParameters(
        `/v1/catalog/node/${encodeURIComponent(query.name)}`,
        scopeParameters(query.scope),
      );
    case 'datacenters':
      return '/v1/catalog/datacenters';
    case 'key':
      return withParameters(`/v1/kv/${encodeKey(query.key)}`, scopeParameters(query.scope));
    case 'keys':
      return withParameters(`/v1/kv/${encodeKey(query.prefix)}`, [
        ['recurse', ''],
        ...scopeParameters(query.scope),
      ]);
    case 'roots':
      return '/v1/agent/connect/ca/roots';
    case 'leaf':
      return `/v1/agent/connect/ca/leaf/${encodeURIComponent(query.service)}`;
    case 'partitions':
      return '/v1/partitions';
    case 'peerings':
      return withParameters('/v1/peerings', partitionParameter(query.partition));
    case 'exports':
      return withParameters('/v1/exported-services', partitionParameter(query.partition));
    case 'imports':
      return withParameters('/v1/imported-services', partitionParameter(query.partition));
  }
}

type Parameter = readonly [name: string, value: string];

function scopeParameters(scope: Scope): Parameter[] {
  const all: readonly Parameter[] = [
    ['dc', scope.datacenter],
    ['ns', scope.namespace],
    ['partition', scope.partition],
    ['peer', scope.peer],
    ['sg', scope.samenessGroup],
  ];
  return all.filter(([, value]) => value !== '');
}

function partitionParameter(partition: string): readonly Parameter[] {
  return partition === '' ? [] : [['partition', partition]];
}

function withParameters(path: string, parameters: readonly Parameter[]): string {
  if (parameters.length === 0) return path;
  const shown = parameters.map(([name, value]) =>
    value === '' ? name : `${name}=${encodeURIComponent(value)}`,
  );
  return `${path}?${shown.join('&')}`;
}

/** Slashes stay: they are part of the key's path. */
export function encodeKey(key: string): string {
  return key.split('/').map(encodeURIComponent).join('/');
}
