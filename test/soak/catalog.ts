import { startRegistry } from '../../src/embedded/registry.ts';
import type { Registrar } from '../e2e/site.ts';
import { callConsul, startConsul } from '../support/consul.ts';

export interface Catalog extends Registrar {
  readonly url: string;
  stop(): Promise<void>;
}

export type CatalogKind = 'embedded' | 'consul';

/** The embedded catalog runs in this process, Consul as a program of its own. */
export async function startCatalog(kind: CatalogKind): Promise<Catalog> {
  if (kind === 'consul') return startConsul();
  const registry = await startRegistry();
  return {
    url: registry.url,
    api: (method, path, body, token) => callConsul(registry.url + path, method, body, token),
    stop: () => registry.close(),
  };
}
