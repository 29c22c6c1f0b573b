import type { Delta, Route } from '../../router/model.ts';

/** The host names of routes, as they come and go with the table. */
export class RouteHosts {
  readonly #counts: (route: Route) => boolean;
  readonly #onChange: (hosts: readonly string[]) => void;
  readonly #hostOfRoute = new Map<string, string>();
  /** How many routes have a host. */
  readonly #hosts = new Map<string, number>();

  /** `counts` says of each route whether its host is of interest; `onChange` is told all of them. */
  constructor(counts: (route: Route) => boolean, onChange: (hosts: readonly string[]) => void) {
    this.#counts = counts;
    this.#onChange = onChange;
  }

  apply({ routes }: Pick<Delta, 'routes'>): void {
    let isChanged = false;
    for (const id of routes.drop) isChanged = this.#set(id, '') || isChanged;
    for (const route of routes.set) isChanged = this.#set(route.id, this.#hostOf(route)) || isChanged;
    if (isChanged) this.#onChange([...this.#hosts.keys()]);
  }

  /** Connections that are passed on as they come bring their certificates along. */
  #hostOf(route: Route): string {
    return route.rule.stream === undefined && this.#counts(route) ? route.rule.host : '';
  }

  #set(id: string, host: string): boolean {
    const before = this.#hostOfRoute.get(id) ?? '';
    if (before === host) return false;
    if (host === '') this.#hostOfRoute.delete(id);
    else this.#hostOfRoute.set(id, host);
    const left = (this.#hosts.get(before) ?? 0) - 1;
    if (left > 0) this.#hosts.set(before, left);
    else this.#hosts.delete(before);
    if (host === '') return left <= 0;
    const count = this.#hosts.get(host) ?? 0;
    this.#hosts.set(host, count + 1);
    return count === 0 || (before !== '' && left <= 0);
  }
}
