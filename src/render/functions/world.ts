import type { Query } from '../dependencies/query.ts';
import type { Value } from '../template/values.ts';

/** What the functions of one template reach outside of their arguments; one run at a time. */
export interface World {
  /** The answer to a query, which from now on counts as used; undefined while there is none, and then as missing. */
  ask(query: Query): Value;
  /** The answer does not do: the query counts as missing. */
  lack(query: Query): void;
  /** Whether the catalog, as this run has seen it, has a service of this name. */
  isListed(service: string): boolean;
  /** Undefined where there is no such variable. */
  environment(name: string): string | undefined;
  now(): Date;
  /** The only folder `file` may read from; null allows any. */
  readonly sandboxPath: string | null;
  /** This run's scratch. */
  scratch(): Value;
  /** Something odd that the run goes on from; said once. */
  warn(message: string): void;
  /**
   * Runs what has effects outside, such as a program, in a run that has all its data; gives `otherwise` in others.
   * consul-template does it in every run, also in those whose text is thrown away.
   */
  perform<T>(effect: () => T, otherwise: T): T;
}
