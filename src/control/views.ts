import type { EndpointCheck } from '../../router/active-checks.ts';
import type { Pool, Refusal } from '../../router/model.ts';
import type { Planner } from '../../router/planner.ts';
import { type EndpointCounters, EndpointState, EndpointTotal } from '../shared/counters.ts';
import type { Checker } from './checks/checker.ts';
import type { EndpointSlots } from './endpoint-slots.ts';
import type { PoolSlots } from './pool-slots.ts';

/** What the API shows of routes and pools: plain JSON, made when somebody asks. */

export interface ViewSources {
  readonly planner: Planner;
  readonly slots: EndpointSlots;
  readonly poolSlots: PoolSlots;
  readonly counters: EndpointCounters;
  readonly version: () => number;
  readonly refusals: () => readonly Refusal[];
  readonly checker: Pick<Checker, 'standing'>;
}

export function routesView({ planner, version, refusals, checker }: ViewSources): object {
  return {
    version: version(),
    routes: [...planner.routes.values()].map(({ id, rule, pool, options, source }) => ({
      id,
      rule,
      pool,
      listeners: rule.listeners,
      options,
      source,
      ...checksView(planner.resolved.get(id)?.checks ?? [], checker),
    })),
    refused: refusals().map(({ service, instance, text, reason, provider }) => ({
      service,
      instance,
      text,
      reason,
      provider,
    })),
    conflicts: planner.conflicts(),
  };
}

/** Only where a tag asks for a check. */
function checksView(checks: readonly EndpointCheck[], checker: ViewSources['checker']): object {
  return checks.length === 0 ? {} : { checks: checks.map((check) => checkView(check, checker)) };
}

/** Who says whether the instance is well; where it is the router, what it says. */
function checkView({ endpoint, instance, check }: EndpointCheck, checker: ViewSources['checker']): unknown {
  if (check === null) return { instance, endpoint, by: 'consul' };
  const { path, intervalMs } = check;
  const { isUp = true, output = null } = checker.standing(check.id) ?? {};
  return { instance, endpoint, by: 'fairlead', path, intervalMs, state: isUp ? 'up' : 'down', output };
}

export function poolsView(sources: ViewSources): object {
  const { planner, slots, poolSlots } = sources;
  const departing = new Set(slots.departing());
  const pools = [...planner.pools.values()].map((pool) => {
    const { name, service, balance, maxconn } = pool;
    const { waiting: queued } = poolSlots.read(name);
    return { name, service, balance, maxconn, queued, endpoints: endpointsView(pool, sources, departing) };
  });
  return { pools };
}

/** What `/api/events` begins with: counts, or all that the two questions above would get. */
export function snapshotView(sources: ViewSources, isFull: boolean): object {
  const { planner, version, refusals } = sources;
  let endpoints = 0;
  for (const pool of planner.pools.values()) endpoints += pool.endpoints.length;
  const counts = {
    routes: planner.routes.size,
    pools: planner.pools.size,
    endpoints,
    refused: refusals().length,
  };
  if (!isFull) return { version: version(), counts };
  return { counts, ...routesView(sources), ...poolsView(sources) };
}

/** Takes those that leave out of `departing`. */
export function endpointsView(
  { service, endpoints }: Pool,
  { slots, counters }: Pick<ViewSources, 'slots' | 'counters'>,
  departing: Set<string>,
): EndpointView[] {
  return [
    ...endpoints.map(({ id, address, port, protocol, weight, instance }) =>
      endpointView({ id, address, port, protocol, weight, source: instance }, slots.get(id), counters, false),
    ),
    ...departingOf(service, departing).map((id) =>
      endpointView({ id, ...addressOfId(id), weight: 0, source: null }, slots.get(id), counters, true),
    ),
  ];
}

/** Draining endpoints are shown once, with the first pool of their service. */
function departingOf(service: string, departing: Set<string>): string[] {
  const found = [...departing].filter((id) => id.startsWith(`${service}@`));
  for (const id of found) departing.delete(id);
  return found;
}

function addressOfId(id: string): { address: string; port: number } {
  const text = id.slice(id.indexOf('@') + 1).split('/')[0]!;
  const colon = text.lastIndexOf(':');
  return { address: text.slice(0, colon).replace(/^\[|\]$/g, ''), port: Number(text.slice(colon + 1)) };
}

interface EndpointFacts {
  readonly id: string;
  readonly address: string;
  readonly port: number;
  readonly weight: number;
  /** The instance behind it; null when it has none any more. */
  readonly source: string | null;
  readonly protocol?: string;
}

export interface EndpointView extends EndpointFacts {
  readonly state: string;
  readonly inFlight: number;
  readonly served: number;
  readonly failures: number;
}

function endpointView(
  facts: EndpointFacts,
  slot: number | undefined,
  counters: EndpointCounters,
  isDeparting: boolean,
): EndpointView {
  if (slot === undefined) return { ...facts, state: 'active', inFlight: 0, served: 0, failures: 0 };
  return {
    ...facts,
    state: isDeparting ? 'draining' : STATES[counters.state(slot)]!,
    inFlight: counters.inFlight(slot),
    served: counters.total(slot, EndpointTotal.served),
    failures: counters.total(slot, EndpointTotal.failures),
  };
}

const STATES: Readonly<Record<number, string>> = {
  [EndpointState.active]: 'active',
  [EndpointState.slowStart]: 'slow-start',
  [EndpointState.ejected]: 'ejected',
};
