import type { Route } from './model.ts';

/**
 * Routes below HTTP, compiled. A port with a plain route belongs to it alone; on other ports, and on the https listeners,
 * the server name decides: exact before the longest wildcard.
 */
export class StreamTable<R extends Route = Route> {
  readonly #byId = new Map<string, R>();
  readonly #plain = new Map<number, R>();
  readonly #datagrams = new Map<number, R>();
  readonly #named = new Map<number, Names<R>>();
  readonly #shared = new Names<R>();

  routes(): IterableIterator<R> {
    return this.#byId.values();
  }

  get(id: string): R | undefined {
    return this.#byId.get(id);
  }

  /** Adds a route or replaces the one with its id. It must have `rule.stream`. */
  set(route: R): void {
    this.drop(route.id);
    this.#byId.set(route.id, route);
    const { host, stream } = route.rule;
    if (stream!.kind === 'tcp') this.#plain.set(stream!.port, route);
    else if (stream!.kind === 'udp') this.#datagrams.set(stream!.port, route);
    else this.#namesOf(stream!.port).set(host, route);
  }

  /** True when it was here. */
  drop(id: string): boolean {
    const route = this.#byId.get(id);
    if (!route) return false;
    this.#byId.delete(id);
    const { host, stream } = route.rule;
    if (stream!.kind === 'tcp') return this.#plain.delete(stream!.port);
    if (stream!.kind === 'udp') return this.#datagrams.delete(stream!.port);
    const names = this.#namesOf(stream!.port);
    names.drop(host, id);
    if (stream!.port !== null && names.isEmpty) this.#named.delete(stream!.port);
    return true;
  }

  /** The route of every connection to a port; null where there is none, or names decide. */
  onPort(port: number): R | null {
    return this.#plain.get(port) ?? null;
  }

  /** The route of every datagram to a port. */
  forDatagrams(port: number): R | null {
    return this.#datagrams.get(port) ?? null;
  }

  /** `name` is in lower case. */
  forName(name: string, port: number): R | null {
    return this.#named.get(port)?.match(name, null) ?? null;
  }

  /** The route that takes a server name, in lower case, from an https listener. */
  forSharedName(name: string, listener: string): R | null {
    return this.#shared.match(name, listener);
  }

  /** False when no route takes any server name from the https listeners: then nobody need look at one. */
  get hasSharedNames(): boolean {
    return !this.#shared.isEmpty;
  }

  #namesOf(port: number | null): Names<R> {
    if (port === null) return this.#shared;
    let names = this.#named.get(port);
    if (!names) {
      names = new Names();
      this.#named.set(port, names);
    }
    return names;
  }
}

/** Server names of one port. A name may have several routes where they are for different listeners. */
class Names<R extends Route> {
  readonly #exact = new Map<string, readonly R[]>();
  /** Keyed without the leading `*`: `.example.com`. */
  readonly #wildcards = new Map<string, readonly R[]>();

  get isEmpty(): boolean {
    return this.#exact.size + this.#wildcards.size === 0;
  }

  set(host: string, route: R): void {
    const [map, key] = this.#placeOf(host);
    // One that names its listeners comes before one that takes all; then by id, whatever the order of arrival.
    const routes = [...(map.get(key) ?? []), route].sort(
      (a, b) => rank(a) - rank(b) || (a.id < b.id ? -1 : 1),
    );
    map.set(key, routes);
  }

  drop(host: string, id: string): void {
    const [map, key] = this.#placeOf(host);
    const rest = (map.get(key) ?? []).filter((route) => route.id !== id);
    if (rest.length > 0) map.set(key, rest);
    else map.delete(key);
  }

  match(name: string, listener: string | null): R | null {
    const exact = firstOf(this.#exact.get(name), listener);
    if (exact) return exact;
    for (let dot = name.indexOf('.'); dot >= 0; dot = name.indexOf('.', dot + 1)) {
      const found = firstOf(this.#wildcards.get(name.slice(dot)), listener);
      if (found) return found;
    }
    return null;
  }

  #placeOf(host: string): readonly [Map<string, readonly R[]>, string] {
    return host.startsWith('*.') ? [this.#wildcards, host.slice(1)] : [this.#exact, host];
  }
}

function rank({ rule }: Route): number {
  return rule.listeners === null ? 1 : 0;
}

function firstOf<R extends Route>(routes: readonly R[] | undefined, listener: string | null): R | null {
  if (!routes) return null;
  for (const route of routes) {
    const { listeners } = route.rule;
    if (listener === null || listeners === null || listeners.includes(listener)) return route;
  }
  return null;
}
