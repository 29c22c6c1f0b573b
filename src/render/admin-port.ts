import type { AdminConfig } from '../config/config.ts';
import { type Admin, type AdminHandler, startAdmin } from '../control/admin.ts';

/** The admin listener of the renderer, which follows the configuration: opened, moved, closed. */
export class AdminPort {
  readonly #routes: () => Promise<ReadonlyMap<string, AdminHandler>>;
  #open: { config: AdminConfig; readonly admin: Admin } | null = null;

  /** @param routes asked for when a port opens: counting for metrics begins with them */
  constructor(routes: () => Promise<ReadonlyMap<string, AdminHandler>>) {
    this.#routes = routes;
  }

  /** The new address is open before the old one closes. Rejects with a `PortProblem`, and then nothing has changed. */
  async follow(config: AdminConfig | null): Promise<void> {
    const old = this.#open;
    if (old !== null && config !== null && isSamePlace(old.config, config)) {
      old.config = config;
      return;
    }
    this.#open = config === null ? null : await this.#start(config);
    await old?.admin.close();
  }

  close(): Promise<void> {
    return this.follow(null);
  }

  async #start(config: AdminConfig): Promise<{ config: AdminConfig; readonly admin: Admin }> {
    const live = { config };
    // Asked for at each request, so that a new token needs no new port.
    const current = {
      address: config.address,
      get token(): string | null {
        return live.config.token;
      },
    };
    const admin = await startAdmin(current, await this.#routes());
    return Object.assign(live, { admin });
  }
}

function isSamePlace(one: AdminConfig, other: AdminConfig): boolean {
  return one.address.host === other.address.host && one.address.port === other.address.port;
}
