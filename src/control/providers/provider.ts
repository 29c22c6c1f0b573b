import type { Instance, Refusal } from '../../../router/model.ts';

/**
 * What a provider tells the control plane. A provider never reports emptiness because of an error: when it cannot
 * find out, it says nothing and its `state` says why.
 */
export interface ProviderEvents {
  /**
   * The instances of one service are now these; an empty list means the source itself said there are none.
   * `receivedAt` is `performance.now()` at the moment the answer's body was complete.
   */
  service(name: string, instances: readonly Instance[], receivedAt: number): void;
  /**
   * Every service of the source was reported at least once, except `unknown`: those could not be read so far, and
   * whatever was known of them before stays. Called once per life.
   */
  complete(unknown: readonly string[]): void;
  /** The source's own route lines, such as Fabio's KV tree, as `[key, text]` in key order. */
  lines?(source: 'kv', lines: readonly (readonly [string, string])[], receivedAt: number): void;
  /** Facts that were set aside before they became instances. Replaces what was said of that service before. */
  refused(service: string, refusals: readonly Refusal[]): void;
  /**
   * The source has lost its memory (index went backwards, its own service is missing): losses reported from now on are
   * doubtful until `certain` is called.
   */
  doubt(reason: string): void;
  certain(): void;
  /**
   * The source answers again after a time in which it could not be reached, and may have been started anew: what it says
   * of checks may be what it assumes until they have run.
   */
  returned?(): void;
  /** The service was read again and is as it was reported last, perhaps but for what nobody compares. */
  confirmed?(service: string): void;
}

/** `/api/consul`. */
export interface ProviderState {
  readonly state: 'starting' | 'live' | 'degraded' | 'down';
  readonly mode: string;
  readonly connections: number;
  readonly watches: number;
  /** Since the last successful answer; null before the first. */
  readonly ageMs: number | null;
  readonly lastError: string | null;
}

export interface Provider {
  /** Runs until the signal aborts; never rejects for a failing source. */
  watch(events: ProviderEvents, signal: AbortSignal): Promise<void>;
  state(): ProviderState;
}
