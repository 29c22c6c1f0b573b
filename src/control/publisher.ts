import type { Delta } from '../../router/model.ts';
import type { ToWorker } from '../shared/messages.ts';
import { CatalogIntake, type CatalogIntakeOptions } from './catalog-intake.ts';
import { type History, isEmpty } from './history/history.ts';
import { TableSlots, type TableSlotsOptions } from './table-slots.ts';

type TableMessage = Extract<ToWorker, { type: 'table' }>;

export interface PublisherOptions extends CatalogIntakeOptions, TableSlotsOptions {
  readonly log: CatalogIntakeOptions['log'];
  /** Hands a message to every worker. */
  readonly broadcast: (message: TableMessage, receivedAt: number) => void;
  /** Told after the workers: a port is opened when its route is there. */
  readonly onRoutes: (delta: Delta) => void;
  /** Told what comes in, and what has come of it. */
  readonly history: Pick<History, 'note' | 'committed'>;
}

/** Catalog news in, table changes out: each commit is one message that every worker applies in one step. */
export class Publisher extends CatalogIntake {
  version = 0;
  readonly #slots: TableSlots;
  readonly #options: PublisherOptions;
  #startVersion = 0;

  constructor(options: PublisherOptions) {
    super(options);
    this.#options = options;
    this.#slots = new TableSlots(options);
  }

  /** Versions go on from here, so that none means two things to whoever remembers one. */
  startFrom(version: number): void {
    this.version = version;
    this.#startVersion = version;
  }

  get hasPublished(): boolean {
    return this.version > this.#startVersion;
  }

  routeOfSlot(slot: number): string | undefined {
    return this.#slots.routeOf(slot);
  }

  /** Publishes a difference; an empty one only where somebody asked for it. */
  protected override committed(delta: Delta, receivedAt: number, isForced: boolean): void {
    const { planner, history } = this.#options;
    if (isEmpty(delta) && !isForced) return history.committed(this.version, delta, planner.replaced);
    this.version++;
    const message = this.#message(delta, false);
    this.#options.broadcast(message, receivedAt);
    this.#options.onRoutes(delta);
    history.committed(this.version, delta, planner.replaced);
    this.#logDelta(delta);
  }

  /** The whole table, for a worker that starts late. */
  full(): TableMessage {
    const { routes, pools } = this.#options.planner;
    const all = {
      routes: { set: [...routes.values()], drop: [] },
      pools: { set: [...pools.values()], drop: [] },
    };
    return this.#message(all, true);
  }

  #message(delta: Delta, reset: boolean): TableMessage {
    const { version, isComplete } = this;
    return { type: 'table', version, reset, isComplete, ...this.#slots.slotted(delta) };
  }

  #logDelta(delta: Delta): void {
    const { log } = this.#options;
    if (!log.isLevelEnabled('info')) return;
    log.info(
      {
        version: this.version,
        routes: delta.routes.set.length,
        dropped: delta.routes.drop.length,
        pools: delta.pools.set.map((pool) => `${pool.name}:${pool.endpoints.length}`).slice(0, 20),
      },
      'published',
    );
  }
}
