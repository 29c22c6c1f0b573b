import type { Route, Rule } from './model.ts';

/** Shared by the many hosts that need none. */
const NO_LENGTHS: PrefixLength[] = [];

/** The routes of one host. */
export class HostRoutes<R extends Route> {
  /** Of the path `/`, all that most hosts have: no map of its own, which 100,000 hosts would feel. */
  #root: readonly R[] | null = null;
  #exact: Map<string, R[]> | null = null;
  #prefixes: Map<string, R[]> | null = null;
  /** Lengths of the prefixes beyond `/`, longest first: a path is looked up only where a prefix can end. */
  #lengths: PrefixLength[] = NO_LENGTHS;
  #prioritised = 0;

  get isEmpty(): boolean {
    return this.#root === null && (this.#exact?.size ?? 0) + (this.#prefixes?.size ?? 0) === 0;
  }

  add(route: R): void {
    if (route.rule.priority !== 0) this.#prioritised++;
    if (isRoot(route.rule)) {
      this.#root = [...(this.#root ?? []), route].sort(byPrecedence);
      return;
    }
    const map = this.#mapOf(route.rule);
    const { path, match } = route.rule;
    map.set(path, [...(map.get(path) ?? []), route].sort(byPrecedence));
    if (match !== 'exact') this.#count(route.rule, 1);
  }

  remove(route: R): void {
    if (route.rule.priority !== 0) this.#prioritised--;
    const isOther = (other: R): boolean => other.id !== route.id;
    if (isRoot(route.rule)) {
      const list = (this.#root ?? []).filter(isOther);
      this.#root = list.length > 0 ? list : null;
      return;
    }
    const map = this.#mapOf(route.rule);
    const { path, match } = route.rule;
    const list = (map.get(path) ?? []).filter(isOther);
    if (list.length > 0) map.set(path, list);
    else map.delete(path);
    if (match !== 'exact') this.#count(route.rule, -1);
  }

  /** In the order in which they are preferred. */
  all(): R[] {
    const others = [...(this.#exact?.values() ?? []), ...(this.#prefixes?.values() ?? [])];
    return [...others.flat(), ...(this.#root ?? [])].sort(byPrecedence);
  }

  /** Longest first; with priorities in play every length is asked, otherwise the first answer is the answer. */
  match(path: string, method: string, listener: string): R | null {
    let best = this.#exact === null ? null : firstOf(this.#exact.get(path), true, method, listener);
    if (best && this.#prioritised === 0) return best;
    for (const { length, texts } of this.#lengths) {
      if (length > path.length) continue;
      const isBoundary = length === path.length || path.charCodeAt(length) === SLASH;
      if (!isBoundary && texts === 0) continue;
      const found = firstOf(this.#prefixes!.get(path.slice(0, length)), isBoundary, method, listener);
      if (found && this.#prioritised === 0) return found;
      best = higher(best, found);
    }
    return this.#root === null || path.charCodeAt(0) !== SLASH
      ? best
      : higher(best, firstOf(this.#root, true, method, listener));
  }

  #mapOf({ match }: Rule): Map<string, R[]> {
    if (match === 'exact') {
      this.#exact ??= new Map();
      return this.#exact;
    }
    this.#prefixes ??= new Map();
    return this.#prefixes;
  }

  #count({ path: { length }, match }: Rule, step: 1 | -1): void {
    if (this.#lengths === NO_LENGTHS) this.#lengths = [];
    let at = this.#lengths.findIndex((known) => known.length <= length);
    if (at < 0) at = this.#lengths.length;
    if (this.#lengths[at]?.length !== length) this.#lengths.splice(at, 0, { length, routes: 0, texts: 0 });
    const entry = this.#lengths[at]!;
    entry.routes += step;
    if (match === 'text') entry.texts += step;
    if (entry.routes === 0) this.#lengths.splice(at, 1);
  }
}

/** How many prefixes have this length, and how many of those are plain text. */
interface PrefixLength {
  readonly length: number;
  routes: number;
  texts: number;
}

const SLASH = 0x2f;

/** Every path begins with `/`, whether it counts as a segment or as text. */
function isRoot({ path, match }: Rule): boolean {
  return path === '/' && match !== 'exact';
}

function firstOf<R extends Route>(
  list: readonly R[] | undefined,
  isBoundary: boolean,
  method: string,
  listener: string,
): R | null {
  if (!list) return null;
  for (const route of list) {
    const { match, methods, listeners } = route.rule;
    if (
      (isBoundary || match === 'text') &&
      (methods === null || methods.includes(method)) &&
      (listeners === null || listeners.includes(listener))
    ) {
      return route;
    }
  }
  return null;
}

/** The one with the higher priority; the first of equals. */
export function higher<R extends Route>(first: R | null, second: R | null): R | null {
  if (first === null) return second;
  if (second === null) return first;
  return second.rule.priority > first.rule.priority ? second : first;
}

/** What decides between routes of one host, the weightiest first; each with the words for the one that comes first. */
const ORDER: readonly { compare(a: Route, b: Route): number; words(first: Route): string }[] = [
  {
    compare: (a, b) => b.rule.priority - a.rule.priority,
    words: ({ rule }) => `its priority is ${rule.priority}`,
  },
  { compare: (a, b) => rank(a.rule) - rank(b.rule), words: () => 'it is exact' },
  { compare: (a, b) => b.rule.path.length - a.rule.path.length, words: () => 'its path is longer' },
  {
    compare: (a, b) => Number(a.rule.match === 'text') - Number(b.rule.match === 'text'),
    words: () => 'it counts segments and not characters',
  },
  {
    compare: (a, b) => filters(b.rule) - filters(a.rule),
    words: () => 'it says more of methods or listeners',
  },
  { compare: (a, b) => compareText(a.id, b.id), words: () => 'they are equal, and its name is first' },
];

/** Among routes of one host. */
function byPrecedence(a: Route, b: Route): number {
  for (const { compare } of ORDER) {
    const order = compare(a, b);
    if (order !== 0) return order;
  }
  return 0;
}

/** What `first` has before `second`, a route of the same host. */
export function whyFirst(first: Route, second: Route): string {
  return ORDER.find(({ compare }) => compare(first, second) !== 0)?.words(first) ?? 'it is the same';
}

function rank(rule: Rule): number {
  return rule.match === 'exact' ? 0 : 1;
}

function filters(rule: Rule): number {
  return (rule.methods ? 1 : 0) + (rule.listeners ? 1 : 0);
}

/** Order of code units: the same everywhere, whatever the locale. */
export function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
