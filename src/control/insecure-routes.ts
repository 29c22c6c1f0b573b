import type { Delta } from '../../router/model.ts';
import type { Log } from './log.ts';

/** Tells once of each route whose instances need not prove who they are. */
export class InsecureRoutes {
  readonly #log: Pick<Log, 'warn'>;
  readonly #told = new Set<string>();

  constructor(log: Pick<Log, 'warn'>) {
    this.#log = log;
  }

  apply({ routes }: Pick<Delta, 'routes'>): void {
    for (const id of routes.drop) this.#told.delete(id);
    for (const { id, service, options } of routes.set) {
      if (options.insecure !== true) this.#told.delete(id);
      else if (!this.#told.has(id)) {
        this.#told.add(id);
        this.#log.warn(
          { route: id, service },
          'the certificates of the instances of a route are not verified',
        );
      }
    }
  }
}
