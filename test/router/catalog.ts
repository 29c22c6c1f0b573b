import { parseFabioCommands } from '../../router/fabio-commands.ts';
import type { Policy } from '../../router/members.ts';
import type { Delta, Instance, Pool, Route } from '../../router/model.ts';
import { Planner } from '../../router/planner.ts';
import { parseStaticInstance, parseStaticRule } from '../../router/static.ts';
import type { StaticEntry } from '../../router/static-routes.ts';

export const POLICY: Policy = {
  dialects: { fairlead: true, fabio: { prefix: 'urlprefix-' } },
  datacenter: 'dc1',
  accepts: (health) => health === 'passing' || health === 'warning',
  listeners: ['internal', 'web'],
  tcpPorts: { from: 15_000, to: 15_999 },
  udpPorts: { from: 16_000, to: 16_999 },
  takenPorts: new Map([[15_080, 'listener web']]),
  tlsListeners: ['websecure'],
};

/** An instance `node/ID` at `10.0.0.N:8000`; a higher number is a newer registration. */
export function instance(
  service: string,
  number: number,
  tags: readonly string[],
  more: Partial<Instance> = {},
): Instance {
  return {
    id: `node/${service}-${number}`,
    service,
    serviceId: `${service}-${number}`,
    node: 'node',
    address: `10.0.0.${number}`,
    port: 8000,
    tags,
    meta: {},
    weights: { passing: 1, warning: 1 },
    health: 'passing',
    checks: [],
    createIndex: number,
    ...more,
  };
}

/** A static route as the configuration has it: instances, or the name of a service. */
export function staticEntry(rule: string, to: readonly string[] | string): StaticEntry {
  const parsed = parseStaticRule(rule);
  if (!parsed.ok) throw new Error(parsed.reason);
  const instances = (typeof to === 'string' ? [] : to).map((text) => {
    const read = parseStaticInstance(text);
    if (!read.ok) throw new Error(read.reason);
    return read;
  });
  return { claim: parsed.claim, text: rule, to: instances, service: typeof to === 'string' ? to : null };
}

/** Makes the lines of one KV entry the planner's commands. */
export function setLines(planner: Planner, ...lines: readonly string[]): void {
  const { commands, refused } = parseFabioCommands([{ key: 'fabio/config', text: lines.join('\n') }]);
  if (refused.length > 0) throw new Error(JSON.stringify(refused));
  planner.setCommands(commands, []);
}

/** A planner that knows these instances, committed. */
export function plannerOf(...instances: readonly Instance[]): Planner {
  const planner = new Planner(POLICY);
  setInstances(planner, ...instances);
  planner.commit();
  return planner;
}

/** Sets the services of these instances. */
export function setInstances(planner: Planner, ...instances: readonly Instance[]): void {
  for (const [service, its] of Map.groupBy(instances, (each) => each.service))
    planner.setService(service, its);
}

/** Endpoints of a route as `instance=weight`; null when there is no such route. */
export function servers(planner: Planner, id: string): string[] | null {
  const route = planner.routes.get(id);
  if (!route) return null;
  return planner.pools
    .get(route.pool!)!
    .endpoints.map(({ instance: name, weight }) => `${name.replace('node/', '')}=${weight}`);
}

/** Routes and the pools they have. */
export function poolNames(planner: Planner): Record<string, string | null> {
  return Object.fromEntries([...planner.routes.values()].map(({ id, pool }) => [id, pool]).sort());
}

/** What a worker makes of the deltas. */
export class Mirror {
  readonly routes = new Map<string, Route>();
  readonly pools = new Map<string, Pool>();

  /** Throws when a delta names what is not there, or says what is known already. */
  apply({ routes, pools }: Delta): void {
    for (const pool of pools.set) put(this.pools, pool.name, pool);
    for (const id of routes.drop) take(this.routes, id);
    for (const route of routes.set) put(this.routes, route.id, route);
    for (const name of pools.drop) take(this.pools, name);
    for (const { id, pool } of this.routes.values()) {
      if (pool !== null && !this.pools.has(pool)) throw new Error(`${id} has lost its pool ${pool}`);
    }
  }
}

function put<T>(map: Map<string, T>, name: string, value: T): void {
  if (JSON.stringify(map.get(name)) === JSON.stringify(value)) throw new Error(`${name} was sent again`);
  map.set(name, value);
}

function take<T>(map: Map<string, T>, name: string): void {
  if (!map.delete(name)) throw new Error(`${name} was dropped twice`);
}

/** Names of what a delta sets and drops. */
export function namesOf({ routes, pools }: Delta): Record<string, readonly string[]> {
  return {
    routes: routes.set.map(({ id }) => id),
    dropped: routes.drop,
    pools: pools.set.map(({ name }) => name),
    droppedPools: pools.drop,
  };
}

export const NOTHING = { routes: [], dropped: [], pools: [], droppedPools: [] };
