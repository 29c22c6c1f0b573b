import type { Member } from './members.ts';
import type { Pool, Route } from './model.ts';
import type { Resolved } from './resolve.ts';
import { tlsOf } from './upstream-tls.ts';

/**
 * Gives the routes of one service their pools. Routes with the same endpoints, the same way to balance and the same limit
 * share one; the one that all of the service's instances are in is called like the service. Others are named after their
 * first rule, so that a name means the same set from one version to the next.
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
  // Names with `#` are those of rules, whatever services are called.
  let mayTakeServiceName = !service.includes('#');
  for (const entry of resolved) {
    if (entry.services[0] !== service) continue;
    const poolName = entry.redirectOnly ? null : nameFor(entry);
    routes.push(routeOf(entry, service, poolName));
  }
  return { pools: [...pools.values()], routes };

  function nameFor(entry: Resolved): string {
    const serving = entry.members.filter((member) => !member.claim.redirectOnly);
    const signature = signatureOf(entry, serving);
    const known = pools.get(signature);
    if (known) return known.name;
    const isOwn = mayTakeServiceName && entry.services.length === 1 && isEverybody(serving, claiming);
    if (isOwn) mayTakeServiceName = false;
    const name = isOwn ? service : `${entry.services.join('+')}#${entry.key}`;
    const { balance, maxconn, endpoints } = entry;
    pools.set(signature, { name, service, balance, maxconn, endpoints });
    return name;
  }
}

/** Membership counts whatever the health: a critical instance must not rename the pool. Different checks may differ. */
function signatureOf({ balance, maxconn }: Resolved, members: readonly Member[]): string {
  return JSON.stringify([
    balance,
    maxconn,
    members.map((member) => {
      const { pool } = member.claim;
      return [
        member.service,
        member.instance,
        pool.protocol,
        tlsOf(member),
        member.weighedBy ?? pool.weight,
        member.hasConsulCheck ? undefined : pool.check,
      ];
    }),
  ]);
}

function isEverybody(members: readonly Member[], claiming: ReadonlySet<string>): boolean {
  const instances = new Set(members.map((member) => member.instance));
  return [...claiming].every((id) => instances.has(id));
}

function routeOf(entry: Resolved, service: string, pool: string | null): Route {
  const instances = new Set(entry.members.map((member) => member.instance));
  // Nobody stands in where there are no instances.
  instances.delete('');
  return {
    id: entry.key,
    rule: entry.rule,
    pool,
    service,
    options: entry.options,
    source: {
      provider: entry.provider,
      service: entry.services.join('+'),
      instances: [...instances],
      text: entry.text,
    },
  };
}
