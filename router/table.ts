import { HostRoutes, higher } from './host-routes.ts';
import { compileGlob } from './hosts.ts';
import type { Route } from './model.ts';

/**
 * Compiled routes. Precedence: an explicit priority beats everything; then the host (exact, longest wildcard, glob,
 * any), then the path (exact, longest prefix, of one length segments before plain text), then a route that names methods
 * or listeners before one that does not; last the id, so that the winner never depends on the order of arrival.
 *
 * A look-up costs one map access per label of the host and per prefix length that ends at a segment of the path,
 * whatever the number of routes. Globs cost one test each.
 */
export class Table<R extends Route = Route> {
  #byId = new Map<string, R>();
  #exact = new Map<string, HostRoutes<R>>();
  /** Keyed without the leading `*`: `.example.com`. */
  #wildcards = new Map<string, HostRoutes<R>>();
  /** By their reversed text, descending, as Fabio has them. */
  #globs: Glob<R>[] = [];
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

  /** Every route whose host takes this host, in the order of precedence: the candidates `explain` shows. */
  candidates(host: string): R[] {
    const found: R[] = [...(this.#exact.get(host)?.all() ?? [])];
    for (let dot = host.indexOf('.'); dot >= 0; dot = host.indexOf('.', dot + 1)) {
      found.push(...(this.#wildcards.get(host.slice(dot))?.all() ?? []));
    }
    for (const glob of this.#globs) if (glob.test(host)) found.push(...glob.routes.all());
    found.push(...this.#anyHost.all());
    return found.sort((a, b) => b.rule.priority - a.rule.priority);
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
    const order = reversed(text);
    const at = this.#globs.findIndex((glob) => glob.order < order);
    this.#globs.splice(at < 0 ? this.#globs.length : at, 0, { text, order, test, routes });
    return routes;
  }

  #dropHost(host: string): void {
    if (host === '') return;
    if (isGlob(host)) this.#globs = this.#globs.filter((glob) => glob.text !== host);
    else if (host.startsWith('*.')) this.#wildcards.delete(host.slice(1));
    else this.#exact.delete(host);
  }
}

interface Glob<R extends Route> {
  readonly text: string;
  readonly order: string;
  readonly test: (host: string) => boolean;
  readonly routes: HostRoutes<R>;
}

/** `*.name` is our wildcard; any other wildcard character makes the host one of Fabio's globs. */
export function isGlob(host: string): boolean {
  const rest = host.startsWith('*.') ? host.slice(2) : host;
  return /[*?[\]{}]/.test(rest) && !/^\[[0-9a-f.]*:[0-9a-f:.]*\]$/.test(rest);
}

function reversed(text: string): string {
  return [...text].reverse().join('');
}
