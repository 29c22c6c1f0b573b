import type { Instance } from '../../../router/model.ts';

/** One committed change of the table, as `/api/history` has it. */
export interface HistoryEntry {
  readonly version: number;
  /** ISO 8601, UTC. */
  readonly at: string;
  /** In words: whose news it was. */
  readonly cause: string;
  readonly changes: readonly Change[];
  /** Further changes, where there were too many to keep. */
  readonly omitted?: number;
  /** From the catalog's answer until it was live in every worker; null as long as it is not, or nobody measured it. */
  readonly lagMs: number | null;
}

export type Change =
  | {
      readonly kind: 'endpoint-in' | 'endpoint-out';
      readonly service: string;
      readonly endpoint: string;
      readonly instance: string;
      /** The first few that it entered or left. */
      readonly pools: readonly string[];
      readonly why: string;
    }
  | {
      readonly kind: 'weight';
      readonly service: string;
      readonly endpoint: string;
      readonly instance: string;
      readonly pools: readonly string[];
      readonly from: number;
      readonly to: number;
    }
  | { readonly kind: 'route-added' | 'route-removed'; readonly route: string }
  | { readonly kind: 'route-changed'; readonly route: string; readonly what: readonly string[] }
  | { readonly kind: 'pool-changed'; readonly pool: string; readonly what: readonly string[] };

/** How a service's news came about: the source said it, or what had been held or saved was applied. */
export type NewsKind = 'reported' | 'held' | 'taken-back' | 'released' | 'saved';

/** `[key, text]` of each entry of the KV tree. */
export type Lines = readonly (readonly [key: string, text: string])[];

/** What came in and may change the table. References only: it costs nothing until something has changed. */
export type Cause =
  | {
      readonly kind: 'service';
      readonly service: string;
      readonly before: readonly Instance[];
      readonly after: readonly Instance[];
      readonly how: NewsKind;
    }
  | { readonly kind: 'forgotten'; readonly service: string }
  | { readonly kind: 'lines'; readonly before: Lines; readonly after: Lines }
  | { readonly kind: 'config' }
  /** A check of the router's own, by its id. */
  | { readonly kind: 'check'; readonly check: string; readonly isUp: boolean };
