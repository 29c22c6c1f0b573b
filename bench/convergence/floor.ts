/**
 * The floor: a blocking query on one service that does nothing but note when each instance changed its state. No client
 * of Consul's HTTP API can know earlier.
 */
import { ConsulApi } from './consul-api.ts';

interface Entry {
  readonly Service: { readonly ID: string };
  readonly Checks: readonly { readonly Status: string }[];
}

export class Floor {
  /** Told of each change; `at` is `performance.now()` when the answer was whole. */
  onChange: (id: string, isPassing: boolean, at: number) => void = () => {};
  readonly #api: ConsulApi;
  readonly #known = new Map<string, boolean>();
  #isOver = false;

  constructor(url: string, services: readonly string[]) {
    this.#api = new ConsulApi(url, services.length);
    for (const service of services) void this.#follow(service);
  }

  close(): void {
    this.#isOver = true;
    this.#api.close();
  }

  async #follow(service: string): Promise<void> {
    let index = '';
    while (!this.#isOver) {
      const query = index === '' ? '' : `?index=${index}&wait=5m`;
      const answer = await this.#api.ask('GET', `/v1/health/service/${service}${query}`).catch(() => null);
      if (answer === null) return;
      index = answer.index;
      this.#compare(JSON.parse(answer.body) as Entry[], answer.at);
    }
  }

  #compare(entries: readonly Entry[], at: number): void {
    for (const { Service, Checks } of entries) {
      const isPassing = Checks.every(({ Status }) => Status === 'passing');
      const before = this.#known.get(Service.ID);
      this.#known.set(Service.ID, isPassing);
      if (before !== undefined && before !== isPassing) this.onChange(Service.ID, isPassing, at);
    }
  }
}
