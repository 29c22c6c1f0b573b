import { compileGlob } from './hosts.ts';
import type { Route, Rule } from './model.ts';

/**
 * Compiled routes. Precedence: an explicit priority beats everything; then the host (exact, longest wildcard, glob,
 * any), then the path (exact, longest prefix), then a route that names methods or listeners before one that does not;
 * last the id, so that the winner never depends on the order of arrival.
 *
 * A look-up costs one map access per label of the host and per segment of the path, whatever the number of routes.
 */
export class Table<R extends Route = Route> {
  #byId = new Map<string, R>();
  #exact = new Map<string, HostRoutes<R>>();
  /** Keyed without the leading `*`: `.example.com`. */
  #wildcards = new Map<string, HostRoutes<R>>();
  #globs: {
    readonly text: string;
    readonly test: (host: string) => boolean;
    readonly routes: HostRoutes<R>;
  }[] = [];
  #anyHost = new HostRoutes<R>();
  /** Routes with a priority other than 0; while there are none the first host that matches decides. */
  #prioritised = 0;

  get size(): number {
    return this.#byId.size;
  }

  get(id: string): R | undefined {
    return this.#byId.get(id);
  }

  routes(): IterableIterator<R> {
    return this.#byId.values();
  }

  /** Adds a route or replaces the one with its id. */
  set(route: R): void {
    this.drop(route.id);
    this.#byId.set(route.id, route);
    this.#hostOf(route.rule.host).add(route);
    if (route.rule.priority !== 0) this.#prioritised++;
  }

  drop(id: string): R | undefined {
    const route = this.#byId.get(id);
    if (!route) return undefined;
    this.#byId.delete(id);
    const { host } = route.rule;
    const routes = this.#hostOf(host);
    routes.remove(route);
    if (routes.isEmpty) this.#dropHost(host);
    if (route.rule.priority !== 0) this.#prioritised--;
    return route;
  }

  clear(): void {
    this.#byId.clear();
    this.#exact.clear();
    this.#wildcards.clear();
    this.#globs = [];
    this.#anyHost = new HostRoutes();
    this.#prioritised = 0;
  }

  /**
   * The route of a request, or null. `host` is normalised (lower case, no port), `path` is the normal form
   * (`normalPath`), without query.
   */
  match(host: string, path: string, method: string, listener: string): R | null {
    const exact = this.#exact.get(host);
    let best = exact ? exact.match(path, method, listener) : null;
    if (best && this.#prioritised === 0) return best;
    for (
      let dot = host.indexOf('.');
      dot >= 0 && this.#wildcards.size > 0;
      dot = host.indexOf('.', dot + 1)
    ) {
      const found = this.#wildcards.get(host.slice(dot))?.match(path, method, listener);
      if (found) {
        if (this.#prioritised === 0) return found;
        best = higher(best, found);
      }
    }
    for (const glob of this.#globs) {
      if (!glob.test(host)) continue;
      const found = glob.routes.match(path, method, listener);
      if (found) {
        if (this.#prioritised === 0) return found;
        best = higher(best, found);
      }
    }
    return higher(best, this.#anyHost.match(path, method, listener));
  }

  /** Every route whose host takes this host, most specific first: the candidates `explain` shows. */
  candidates(host: string): R[] {
    const found: R[] = [...(this.#exact.get(host)?.all() ?? [])];
    for (let dot = host.indexOf('.'); dot >= 0; dot = host.indexOf('.', dot + 1)) {
      found.push(...(this.#wildcards.get(host.slice(dot))?.all() ?? []));
    }
    for (const glob of this.#globs) if (glob.test(host)) found.push(...glob.routes.all());
    found.push(...this.#anyHost.all());
    return found;
  }

  #hostOf(host: string): HostRoutes<R> {
    if (host === '') return this.#anyHost;
    if (isGlob(host)) return this.#globOf(host);
    const map = host.startsWith('*.') ? this.#wildcards : this.#exact;
    const key = host.startsWith('*.') ? host.slice(1) : host;
    let routes = map.get(key);
    if (!routes) {
      routes = new HostRoutes();
      map.set(key, routes);
    }
    return routes;
  }

  #globOf(text: string): HostRoutes<R> {
    const known = this.#globs.find((glob) => glob.text === text);
    if (known) return known.routes;
    const compiled = compileGlob(text);
    const routes = new HostRoutes<R>();
    // A glob that does not compile was refused when its tag was read; here it simply never matches.
    const test = compiled.ok ? compiled.test : () => false;
    this.#globs.push({ text, test, routes });
    this.#globs.sort((a, b) => compareText(reversed(b.text), reversed(a.text)));
    return routes;
  }

  #dropHost(host: string): void {
    if (host === '') return;
    if (isGlob(host)) this.#globs = this.#globs.filter((glob) => glob.text !== host);
    else if (host.startsWith('*.')) this.#wildcards.delete(host.slice(1));
    else this.#exact.delete(host);
  }
}

/** `*.name` is our wildcard; any other wildcard character makes the host one of Fabio's globs. */
export function isGlob(host: string): boolean {
  const rest = host.startsWith('*.') ? host.slice(2) : host;
  return /[*?[\]{}]/.test(rest) && !/^\[[0-9a-f.]*:[0-9a-f:.]*\]$/.test(rest);
}

/** The routes of one host. */
class HostRoutes<R extends Route> {
  #exact = new Map<string, R[]>();
  #segment = new Map<string, R[]>();
  #text = new Map<string, R[]>();
  /** Most segments any prefix has: deeper boundaries of a request path need no look-up. */
  #depth = 0;
  /** Distinct lengths of the text prefixes, longest first. */
  #lengths: number[] = [];
  #prioritised = 0;

  get isEmpty(): boolean {
    return this.#exact.size + this.#segment.size + this.#text.size === 0;
  }

  add(route: R): void {
    const map = this.#mapOf(route.rule);
    const list = [...(map.get(route.rule.path) ?? []), route].sort(bySpecificity);
    map.set(route.rule.path, list);
    if (route.rule.priority !== 0) this.#prioritised++;
    if (route.rule.match === 'segment') this.#depth = Math.max(this.#depth, segmentsOf(route.rule.path));
    else if (route.rule.match === 'text') this.#indexLengths();
  }

  remove(route: R): void {
    const map = this.#mapOf(route.rule);
    const list = (map.get(route.rule.path) ?? []).filter((other) => other.id !== route.id);
    if (list.length > 0) map.set(route.rule.path, list);
    else map.delete(route.rule.path);
    if (route.rule.priority !== 0) this.#prioritised--;
    // The depth is an upper bound and may stay; the lengths are exact because each costs a slice per request.
    if (route.rule.match === 'text') this.#indexLengths();
  }

  all(): R[] {
    return [...this.#exact.values(), ...this.#segment.values(), ...this.#text.values()].flat();
  }

  match(path: string, method: string, listener: string): R | null {
    const exact = this.#exact.size > 0 ? firstOf(this.#exact.get(path), method, listener) : null;
    if (exact && this.#prioritised === 0) return exact;
    return this.#matchPrefix(path, method, listener, exact);
  }

  #matchPrefix(path: string, method: string, listener: string, exact: R | null): R | null {
    let best = exact;
    const segment = this.#longestSegment(path, method, listener);
    const text = this.#lengths.length > 0 ? this.#longestText(path, method, listener) : null;
    const first = longer(segment, text);
    const second = first === segment ? text : segment;
    best = higher(best, first);
    best = higher(best, second);
    return best;
  }

  /** Longest first; with priorities in play every length is asked, otherwise the first answer is the answer. */
  #longestSegment(path: string, method: string, listener: string): R | null {
    let best: R | null = null;
    for (let end = boundary(path, this.#depth); end > 0; end = path.lastIndexOf('/', end - 1)) {
      const key = end === path.length ? path : path.slice(0, end);
      const found = firstOf(this.#segment.get(key), method, listener);
      if (found && this.#prioritised === 0) return found;
      best = higher(best, found);
    }
    return higher(best, firstOf(this.#segment.get('/'), method, listener));
  }

  #longestText(path: string, method: string, listener: string): R | null {
    let best: R | null = null;
    for (const length of this.#lengths) {
      if (length > path.length) continue;
      const found = firstOf(this.#text.get(path.slice(0, length)), method, listener);
      if (found && this.#prioritised === 0) return found;
      best = higher(best, found);
    }
    return best;
  }

  #mapOf(rule: Rule): Map<string, R[]> {
    return rule.match === 'exact' ? this.#exact : rule.match === 'segment' ? this.#segment : this.#text;
  }

  #indexLengths(): void {
    this.#lengths = [...new Set([...this.#text.keys()].map((path) => path.length))].sort((a, b) => b - a);
  }
}

/** Where the first `depth` segments of the path end; a trailing slash does not open another segment. */
function boundary(path: string, depth: number): number {
  let end = 0;
  for (let i = 0; i < depth; i++) {
    const next = path.indexOf('/', end + 1);
    if (next < 0) return path.length;
    end = next;
  }
  return end;
}

function segmentsOf(path: string): number {
  if (path === '/') return 0;
  let count = 0;
  for (let i = 0; i < path.length; i++) if (path[i] === '/') count++;
  return count;
}

function firstOf<R extends Route>(list: R[] | undefined, method: string, listener: string): R | null {
  if (!list) return null;
  for (const route of list) {
    const { methods, listeners } = route.rule;
    if (
      (methods === null || methods.includes(method)) &&
      (listeners === null || listeners.includes(listener))
    ) {
      return route;
    }
  }
  return null;
}

/** The one with the higher priority; the first of equals. */
function higher<R extends Route>(first: R | null, second: R | null): R | null {
  if (first === null) return second;
  if (second === null) return first;
  return second.rule.priority > first.rule.priority ? second : first;
}

function longer<R extends Route>(a: R | null, b: R | null): R | null {
  if (a === null) return b;
  if (b === null) return a;
  return b.rule.path.length > a.rule.path.length ? b : a;
}

function bySpecificity(a: Route, b: Route): number {
  return b.rule.priority - a.rule.priority || filters(b.rule) - filters(a.rule) || compareText(a.id, b.id);
}

function filters(rule: Rule): number {
  return (rule.methods ? 1 : 0) + (rule.listeners ? 1 : 0);
}

export function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function reversed(text: string): string {
  return [...text].reverse().join('');
}
