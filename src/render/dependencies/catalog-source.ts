import type { Entry } from './read-service.ts';

/**
 * Where the instances of services come from. The usual one reads Consul; a router in the same process, which watches
 * them already, can stand in for it.
 */
export interface CatalogSource {
  /** These services are asked for from now on, and no others. */
  follow(names: ReadonlySet<string>): void;
  stop(): void;
}

/** Starts a source; it calls `onEntries` for each service it follows, at first and whenever something changes. */
export type StartCatalogSource = (
  onEntries: (name: string, entries: readonly Entry[]) => void,
  signal: AbortSignal,
) => CatalogSource;
