import type { Pool, Route } from './model.ts';
import type { Resolved } from './resolve.ts';

/**
 * Gives the routes of one service their pools. Routes with the same endpoints and the same way to balance share one; the
 * one that all of the service's instances are in is called like the service. Others are named after their first rule,
 * so that a name means the same set from one version to the next.
 *
 * A route that several services share (Fabio) belongs to the first of them here, and its pool to the route.
 */
export function poolsOf(
  service: string,
  resolved: readonly Resolved[],
  claiming: ReadonlySet<string>,
): { readonly pools: readonly Pool[]; readonly routes: readonly Route[] } {
  const pools = new Map<string, Pool>();
  const routes: Route[] = [];
  let isServiceNameTaken = false;
  for (const entry of resolved) {
    if (entry.services[0] !== service) continue;
    const poolName = entry.redirectOnly ? null : nameFor(entry);
    routes.push(routeOf(entry, service, poolName));
  }
  return { pools: [...pools.values()], routes };

  function nameFor(entry: Resolved): string {
    const signature = signatureOf(entry);
    const known = pools.get(signature);
    if (known) return known.name;
    const isWhole = entry.services.length === 1 && isEverybody(entry, claiming);
    const name = isWhole && !isServiceNameTaken ? service : `${entry.services.join('+')}#${entry.key}`;
    if (name === service) isServiceNameTaken = true;
    pools.set(signature, { name, service, balance: entry.balance, endpoints: entry.endpoints });
    return name;
  }
}

/** Membership counts whatever the health: a critical instance must not rename the pool. */
function signatureOf(entry: Resolved): string {
  const members = entry.members.map(({ instance, claim, service }) => [service, instance, claim.pool]);
  return JSON.stringify([entry.balance, members]);
}

function isEverybody(entry: Resolved, claiming: ReadonlySet<string>): boolean {
  if (claiming.size === 0) return true;
  const instances = new Set(entry.members.map((member) => member.instance));
  for (const id of claiming) if (!instances.has(id)) return false;
  return true;
}

function routeOf(entry: Resolved, service: string, pool: string | null): Route {
  return {
    id: entry.key,
    rule: entry.rule,
    pool,
    service,
    options: entry.options,
    source: {
      provider: entry.provider,
      service: entry.services.join('+'),
      instances: [...new Set(entry.members.map((member) => member.instance))],
      text: entry.text,
    },
  };
}
