import type { DependencyReader } from './dependencies/dependencies.ts';
import type { Query } from './dependencies/query.ts';
import { newScratch } from './functions/scratch.ts';
import type { World } from './functions/world.ts';
import type { List, Pointer, Struct, Value } from './template/values.ts';

export interface WorldOptions {
  readonly dependencies: Pick<DependencyReader, 'recall'>;
  readonly environment: (name: string) => string | undefined;
  readonly now: () => Date;
  readonly sandboxPath: string | null;
  readonly warn: (message: string) => void;
}

/** More different warnings of one template tell nothing new. */
const MAX_WARNINGS = 1_000;

/** What one template's functions see, run after run: it notes what a run has asked for. */
export class RunWorld implements World {
  readonly sandboxPath: string | null;
  readonly #options: WorldOptions;
  readonly #warned = new Set<string>();
  #used = new Map<string, Query>();
  #missing = new Set<string>();
  #scratch: Value;
  /** Lists of services this run has seen. */
  #lists = new Set<Value>();
  #isPerforming = false;
  #wantsPerforming = false;

  constructor(options: WorldOptions) {
    this.#options = options;
    this.sandboxPath = options.sandboxPath;
  }

  /** @param isPerforming whether effects are to happen */
  begin(isPerforming: boolean): void {
    this.#used = new Map();
    this.#missing = new Set();
    this.#lists = new Set();
    this.#scratch = undefined;
    this.#isPerforming = isPerforming;
    this.#wantsPerforming = false;
  }

  /** All queries of the run, by id. */
  get used(): ReadonlyMap<string, Query> {
    return this.#used;
  }

  /** Ids of those without an answer. */
  get missing(): ReadonlySet<string> {
    return this.#missing;
  }

  /** The run has left out effects. */
  get wantsPerforming(): boolean {
    return this.#wantsPerforming;
  }

  ask(query: Query): Value {
    this.#used.set(query.id, query);
    const answer = this.#options.dependencies.recall(query);
    if (answer === undefined) this.#missing.add(query.id);
    else if (query.kind === 'services') this.#lists.add(answer);
    return answer;
  }

  lack(query: Query): void {
    this.#missing.add(query.id);
  }

  isListed(service: string): boolean {
    for (const list of this.#lists) if (namesOf(list as List).has(service)) return true;
    return false;
  }

  environment(name: string): string | undefined {
    return this.#options.environment(name);
  }

  now(): Date {
    return this.#options.now();
  }

  scratch(): Value {
    this.#scratch ??= newScratch();
    return this.#scratch;
  }

  warn(message: string): void {
    if (this.#warned.has(message) || this.#warned.size >= MAX_WARNINGS) return;
    this.#warned.add(message);
    this.#options.warn(message);
  }

  perform<T>(effect: () => T, otherwise: T): T {
    if (this.#isPerforming) return effect();
    this.#wantsPerforming = true;
    return otherwise;
  }
}

/** The same list answers until the catalog changes. */
const names = new WeakMap<List, ReadonlySet<string>>();

function namesOf(list: List): ReadonlySet<string> {
  const known = names.get(list);
  if (known !== undefined) return known;
  const found = new Set(list.items.map((item) => ((item as Pointer).to as Struct).values[0] as string));
  names.set(list, found);
  return found;
}
