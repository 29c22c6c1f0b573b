import type { Delta, Refusal, Route } from '../../router/model.ts';
import type { Transport } from '../shared/messages.ts';
import type { Log } from './log.ts';
import { portCode, whyPort } from './ports.ts';

/** A port that somebody else has is tried again after ever longer times. */
const RETRY_FIRST_MS = 100;
const RETRY_MAX_MS = 5_000;

export interface RoutePortsOptions {
  readonly transport: Transport;
  /** The address ports are bound to; `''` means every interface. */
  readonly host: string;
  readonly route: (id: string) => Route | undefined;
  /** Tells every worker which ports are to be open. */
  readonly publish: (ports: readonly number[]) => void;
  readonly log: Pick<Log, 'info' | 'warn'>;
}

interface WantedPort {
  /** Ids of the routes that want it. */
  readonly routes: Set<string>;
  /** Workers are told to have it open. */
  isOpen: boolean;
  /** Why it could not be had the last time. */
  code: string | null;
  failures: number;
  timer: NodeJS.Timeout | null;
}

/**
 * The ports of one transport that routes bring along: opened in every worker when the first route wants one, closed with the last. Workers
 * share ports, so the kernel would let another program of the same user share one as well: each is first claimed here,
 * for a moment and alone.
 */
export class RoutePorts {
  readonly #options: RoutePortsOptions;
  readonly #ports = new Map<number, WantedPort>();
  readonly #portOfRoute = new Map<string, number>();
  #isStarted = false;
  #isClosed = false;

  constructor(options: RoutePortsOptions) {
    this.#options = options;
  }

  /** Ports may be opened from now on: the table is complete, or will not be for a while. */
  start(): void {
    if (this.#isStarted) return;
    this.#isStarted = true;
    for (const port of this.#ports.keys()) void this.#open(port);
  }

  /** Routes have changed. */
  apply({ routes }: Pick<Delta, 'routes'>): void {
    const fresh = new Set<number>();
    for (const id of routes.drop) this.#unlink(id);
    for (const { id, rule } of routes.set) {
      const port = this.#portOf(rule);
      if (this.#portOfRoute.get(id) === port) continue;
      this.#unlink(id);
      if (port !== null && this.#link(id, port)) fresh.add(port);
    }
    const gone = [...this.#ports].filter(([, { routes: wanting }]) => wanting.size === 0);
    for (const [port, wanted] of gone) {
      if (wanted.timer) clearTimeout(wanted.timer);
      this.#ports.delete(port);
    }
    if (gone.some(([, { isOpen }]) => isOpen)) this.#publish();
    if (this.#isStarted) for (const port of fresh) void this.#open(port);
  }

  #portOf({ stream }: Route['rule']): number | null {
    if (stream === undefined) return null;
    return (stream.kind === 'udp' ? 'udp' : 'tcp') === this.#options.transport ? stream.port : null;
  }

  /** What workers are to have open. */
  open(): readonly number[] {
    return [...this.#ports].filter(([, { isOpen }]) => isOpen).map(([port]) => port);
  }

  /** A worker could not have it. */
  failed(port: number, code: string): void {
    const wanted = this.#ports.get(port);
    if (!wanted?.isOpen) return;
    wanted.isOpen = false;
    this.#publish();
    this.#retry(port, wanted, code);
  }

  /** Routes whose port cannot be had. */
  refusals(): Refusal[] {
    return [...this.#ports].flatMap(([port, { code, routes }]) => {
      if (code === null) return [];
      return [...routes].flatMap((id) => this.#refusalsOf(id, `port ${port} ${whyPort(code)}`));
    });
  }

  close(): void {
    this.#isClosed = true;
    for (const { timer } of this.#ports.values()) if (timer) clearTimeout(timer);
  }

  #refusalsOf(id: string, reason: string): Refusal[] {
    const source = this.#options.route(id)?.source;
    if (!source) return [];
    const { provider, service, text } = source;
    const instances = source.instances.length > 0 ? source.instances : [''];
    return instances.map((instance) => ({ provider, service, instance, text, reason }));
  }

  /** True when nobody wanted the port before. */
  #link(id: string, port: number): boolean {
    this.#portOfRoute.set(id, port);
    const known = this.#ports.get(port);
    if (known) {
      known.routes.add(id);
      return false;
    }
    this.#ports.set(port, { routes: new Set([id]), isOpen: false, code: null, failures: 0, timer: null });
    return true;
  }

  #unlink(id: string): void {
    const port = this.#portOfRoute.get(id);
    if (port === undefined) return;
    this.#portOfRoute.delete(id);
    this.#ports.get(port)?.routes.delete(id);
  }

  async #open(port: number): Promise<void> {
    const wanted = this.#ports.get(port);
    if (!wanted) return;
    const { transport, host } = this.#options;
    const code = await portCode(transport, port, host);
    // Meanwhile nobody may want it any more, or somebody anew.
    if (this.#isClosed || this.#ports.get(port) !== wanted) return;
    if (code !== null) return this.#retry(port, wanted, code);
    if (wanted.failures > 0)
      this.#options.log.info({ transport, port }, 'a port of routes is open after all');
    wanted.isOpen = true;
    wanted.code = null;
    wanted.failures = 0;
    this.#publish();
  }

  #retry(port: number, wanted: WantedPort, code: string): void {
    if (wanted.code !== code) {
      this.#options.log.warn(
        { transport: this.#options.transport, port, code, routes: [...wanted.routes] },
        'a port of routes could not be opened',
      );
    }
    wanted.code = code;
    const delayMs = Math.min(RETRY_MAX_MS, RETRY_FIRST_MS * 2 ** Math.min(wanted.failures++, 10));
    wanted.timer = setTimeout(() => void this.#open(port), delayMs);
    wanted.timer.unref();
  }

  #publish(): void {
    this.#options.publish(this.open());
  }
}
