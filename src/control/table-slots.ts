import type { Delta, Pool, Route } from '../../router/model.ts';
import { NO_ROUTE } from '../shared/counters.ts';
import type { SlottedPool, SlottedRoute, ToWorker } from '../shared/messages.ts';
import type { EndpointSlots } from './endpoint-slots.ts';
import type { Log } from './log.ts';
import type { PoolSlots } from './pool-slots.ts';
import { Slots } from './slots.ts';

/** Route numbers are never used twice, so late counts cannot land on another route. */
const ROUTE_SLOTS = 0xfffffffe;

export interface TableSlotsOptions {
  readonly endpointSlots: EndpointSlots;
  readonly poolSlots: PoolSlots;
  readonly log: Pick<Log, 'error'>;
}

type Slotted = Pick<Extract<ToWorker, { type: 'table' }>, 'routes' | 'pools' | 'forgetRoutes'>;

/** Gives the routes, pools and endpoints of a change their rows in the shared counters, and takes back those of what is gone. */
export class TableSlots {
  readonly #options: TableSlotsOptions;
  readonly #routes = new Slots(NO_ROUTE + 1, ROUTE_SLOTS);

  constructor(options: TableSlotsOptions) {
    this.#options = options;
  }

  routeOf(slot: number): string | undefined {
    return this.#routes.nameOf(slot);
  }

  /** The change as workers are told of it. */
  slotted({ routes, pools }: Delta): Slotted {
    const slotted = {
      routes: { set: routes.set.map((route) => this.#slottedRoute(route)), drop: routes.drop },
      pools: { set: pools.set.map((pool) => this.#slottedPool(pool)), drop: pools.drop },
      forgetRoutes: this.#detachRoutes(routes.drop),
    };
    for (const name of pools.drop) {
      this.#options.endpointSlots.setPool(name, []);
      this.#options.poolSlots.drop(name);
    }
    return slotted;
  }

  #slottedRoute(route: Route): SlottedRoute {
    return { ...route, slot: this.#routes.take(route.id) ?? NO_ROUTE };
  }

  #slottedPool(pool: Pool): SlottedPool {
    const { endpointSlots, poolSlots, log } = this.#options;
    const endpoints = [];
    for (const endpoint of pool.endpoints) {
      const slot = endpointSlots.take(endpoint.id);
      if (slot === null) {
        log.error({ endpoint: endpoint.id }, 'too many endpoints: this one is left out');
        continue;
      }
      endpoints.push({ ...endpoint, slot });
    }
    endpointSlots.setPool(
      pool.name,
      endpoints.map((endpoint) => endpoint.id),
    );
    return { ...pool, slot: poolSlots.take(pool.name), endpoints };
  }

  #detachRoutes(ids: readonly string[]): number[] {
    const slots: number[] = [];
    for (const id of ids) {
      const slot = this.#routes.detach(id);
      if (slot !== undefined) slots.push(slot);
    }
    return slots;
  }
}
