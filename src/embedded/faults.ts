import type { BlockedQueries } from './blocked.ts';
import { type PathScope, within } from './scope.ts';

export interface FaultScope {
  readonly path?: PathScope;
  /** Requests it spoils before it ends by itself; without it, until cleared. */
  readonly times?: number;
}

/** A switched-on fault. */
export interface Fault {
  readonly hits: number;
  clear(): void;
}

export type LostIndex = 'missing' | 'zero' | 'text' | 'backwards' | 'too-large';
export type Garbage = 'truncated' | 'html' | 'null' | 'huge' | { readonly body: string };

/** What a fault does to a request it meets. */
export type Effect =
  | { readonly kind: 'stall'; readonly released: Promise<void> }
  | { readonly kind: 'latency'; readonly ms: number }
  | { readonly kind: 'reset' }
  | { readonly kind: 'fail'; readonly status: number; readonly body: string }
  | { readonly kind: 'empty' }
  | { readonly kind: 'index'; readonly how: LostIndex }
  | { readonly kind: 'garbage'; readonly what: Garbage; readonly bytes: number }
  | { readonly kind: 'cut' }
  | { readonly kind: 'drip'; readonly bytes: number; readonly everyMs: number };

export type EffectOf<Kind extends Effect['kind']> = Extract<Effect, { kind: Kind }>;

interface Active {
  readonly effect: Effect;
  readonly path: PathScope | undefined;
  left: number;
  hits: number;
  readonly ended: () => void;
}

/** What faults do to the registry as a whole. */
export interface Levers {
  /** Closes the listener and all sockets, as a killed agent does. */
  refuse(): Promise<void>;
  /** Listens again, on the same port. */
  accept(): Promise<void>;
  /** Kills all open sockets; new ones are accepted. */
  drop(): void;
  wipe(): void;
}

/** More paths than this are counted together, so that a scanner cannot fill the memory. */
const MAX_COUNTED_PATHS = 50_000;
const HUGE_BYTES = 256 * 1024 * 1024;

/** Switches faults on and off at run time, and counts what clients ask. Faults of different kinds add up. */
export class Faults {
  readonly blocked: BlockedQueries;
  /** Requests by path, without the query, as received. */
  readonly requests = new Map<string, number>();
  readonly #levers: Levers;
  readonly #active = new Set<Active>();

  constructor(blocked: BlockedQueries, levers: Levers) {
    this.blocked = blocked;
    this.#levers = levers;
  }

  /** Requests are accepted and not answered; when cleared, they are answered as usual. */
  stall(scope: FaultScope = {}): Fault {
    const { promise, resolve } = Promise.withResolvers<void>();
    return this.#start({ kind: 'stall', released: promise }, scope, resolve);
  }

  /** Answers with an error; queries that are open already meet it when they return. */
  fail(status: number, body: string, scope: FaultScope = {}): Fault {
    return this.#start({ kind: 'fail', status, body }, scope);
  }

  /** Answers reads with `[]` or `{}`, whichever fits. */
  empty(scope: FaultScope = {}): Fault {
    return this.#start({ kind: 'empty' }, scope);
  }

  /** Resets the connection instead of answering. */
  reset(scope: FaultScope = {}): Fault {
    return this.#start({ kind: 'reset' }, scope);
  }

  /** Spoils `X-Consul-Index`. */
  loseIndex(how: LostIndex, scope: FaultScope = {}): Fault {
    return this.#start({ kind: 'index', how }, scope);
  }

  /** A correct HTTP answer whose body is not what was asked for. `bytes` is the size of `huge`. */
  garbage(what: Garbage, scope: FaultScope & { readonly bytes?: number } = {}): Fault {
    return this.#start({ kind: 'garbage', what, bytes: scope.bytes ?? HUGE_BYTES }, scope);
  }

  /** Sends half of the announced body, then closes the connection. */
  cut(scope: FaultScope = {}): Fault {
    return this.#start({ kind: 'cut' }, scope);
  }

  /** Sends the body slowly, a few bytes at a time. */
  drip({ bytes = 1, everyMs = 20, ...scope }: FaultScope & { bytes?: number; everyMs?: number } = {}): Fault {
    return this.#start({ kind: 'drip', bytes, everyMs }, scope);
  }

  /** Waits before a request is looked at. */
  latency(ms: number, scope: FaultScope = {}): Fault {
    return this.#start({ kind: 'latency', ms }, scope);
  }

  /** Loses all data, counts indexes from the start again, and drops all connections: a restarted dev agent. */
  wipe(): void {
    this.#levers.wipe();
    this.#levers.drop();
  }

  refuseConnections(): Promise<void> {
    return this.#levers.refuse();
  }

  acceptAgain(): Promise<void> {
    return this.#levers.accept();
  }

  dropConnections(): void {
    this.#levers.drop();
  }

  /** Requests counted so far. */
  requestCount(path?: PathScope): number {
    let sum = 0;
    for (const [asked, count] of this.requests) if (within(path, asked)) sum += count;
    return sum;
  }

  /** Ends every fault. Counters stay; closed doors stay closed. */
  clear(): void {
    for (const active of [...this.#active]) this.#end(active);
  }

  /** Counts a request. */
  count(path: string): void {
    const key = this.requests.has(path) || this.requests.size < MAX_COUNTED_PATHS ? path : '(other)';
    this.requests.set(key, (this.requests.get(key) ?? 0) + 1);
  }

  /** The oldest fault of this kind for this path; counts as one of its `times`. */
  take<Kind extends Effect['kind']>(kind: Kind, path: string): EffectOf<Kind> | null {
    for (const active of this.#active) {
      if (active.effect.kind !== kind || active.left <= 0 || !within(active.path, path)) continue;
      active.hits += 1;
      active.left -= 1;
      return active.effect as EffectOf<Kind>;
    }
    return null;
  }

  #start(
    effect: Effect,
    { path, times = Number.POSITIVE_INFINITY }: FaultScope,
    ended = (): void => {},
  ): Fault {
    const active: Active = { effect, path, left: times, hits: 0, ended };
    this.#active.add(active);
    return {
      get hits() {
        return active.hits;
      },
      clear: () => this.#end(active),
    };
  }

  #end(active: Active): void {
    this.#active.delete(active);
    active.ended();
  }
}
