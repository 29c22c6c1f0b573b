import type { DependencyReader } from '../dependencies/dependencies.ts';
import type { Query } from '../dependencies/query.ts';
import type { Value } from '../template/values.ts';
import { decodeShared, encode, sharedType } from './codec.ts';

/**
 * Where shareable answers come from: nobody knows yet (there may be a leader), a leader, or Consul itself. Only in the
 * last case does this process ask for them.
 */
export type Origin = 'unknown' | 'leader' | 'own';

interface Told {
  readonly given: unknown;
  /** To see what has changed. */
  readonly text: string;
  /** Once it has been asked for. */
  value?: Value;
}

/** Stands between a template and its data: gives the leader's answers where there are some, and ours else. */
export class SharedData implements DependencyReader {
  readonly #inner: DependencyReader;
  readonly #onUse: () => void;
  #origin: Origin = 'unknown';
  #owner: object | null = null;
  #queries: ReadonlyMap<string, Query> = new Map();
  #told = new Map<string, Told>();

  /** @param onUse the questions may be others than before */
  constructor(inner: DependencyReader, onUse: () => void) {
    this.#inner = inner;
    this.#onUse = onUse;
  }

  get origin(): Origin {
    return this.#origin;
  }

  recall(query: Query): Value {
    const own = this.#inner.recall(query);
    const told = this.#recallTold(query);
    // Whoever takes over has its own answers one by one; until then the last that were told are better than none.
    return this.#origin === 'leader' ? (told ?? own) : (own ?? told);
  }

  use(owner: object, queries: ReadonlyMap<string, Query>): void {
    this.#owner = owner;
    this.#queries = queries;
    this.#watch();
    this.#onUse();
  }

  /** Our own answers, encoded, by the query's id; null while one is missing. */
  answers(): ReadonlyMap<string, unknown> | null {
    const found = new Map<string, unknown>();
    for (const query of this.#queries.values()) {
      if (sharedType(query) === null) continue;
      const value = this.#inner.recall(query);
      if (value === undefined) return null;
      found.set(query.id, encode(value));
    }
    return found.size === 0 ? null : found;
  }

  /** From now on this process asks itself. What was told stays as long as nothing newer is known. */
  askOurselves(): void {
    if (this.#origin === 'own') return;
    this.#origin = 'own';
    this.#watch();
  }

  /** Takes over what a leader tells. @returns the ids whose answers are others than before */
  follow(answers: ReadonlyMap<string, unknown>): ReadonlySet<string> {
    const before = this.#told;
    const changed = new Set<string>();
    this.#told = new Map();
    for (const [id, given] of answers) {
      const text = JSON.stringify(given);
      const known = before.get(id);
      const isSame = known?.text === text;
      this.#told.set(id, isSame ? known : { given, text });
      if (!isSame || this.#origin !== 'leader') changed.add(id);
    }
    this.#origin = 'leader';
    this.#watch();
    return changed;
  }

  #recallTold(query: Query): Value {
    const told = this.#told.get(query.id);
    const type = sharedType(query);
    if (told === undefined || type === null) return undefined;
    if ('value' in told) return told.value;
    try {
      told.value = decodeShared(type, told.given);
    } catch {
      // Nobody told it then, and it is asked for like the others that are not told.
      this.#told.delete(query.id);
    }
    return told.value;
  }

  #watch(): void {
    if (this.#owner === null) return;
    const own = [...this.#queries].filter(([id, query]) => {
      if (sharedType(query) === null || this.#origin === 'own') return true;
      return this.#origin === 'leader' && !this.#told.has(id);
    });
    this.#inner.use(this.#owner, new Map(own));
  }
}
