/** Runs a provider and keeps what it reports. */
import type { Instance, Refusal } from '../../../../router/model.ts';
import type { ConsulConfig } from '../../../../src/config/config.ts';
import {
  type ConsulProviderOptions,
  createConsulProvider,
} from '../../../../src/control/providers/consul.ts';
import type { ProviderState } from '../../../../src/control/providers/provider.ts';

export interface ServiceEvent {
  readonly name: string;
  readonly instances: readonly Instance[];
  /** `performance.now()` when it was reported. */
  readonly at: number;
}

export interface Recorder {
  readonly services: ReadonlyMap<string, readonly Instance[]>;
  readonly events: readonly ServiceEvent[];
  readonly refused: ReadonlyMap<string, readonly Refusal[]>;
  readonly lines: readonly (readonly [string, string])[] | null;
  /** `doubt: reason`, `certain`, `complete`, in order. */
  readonly story: readonly string[];
  readonly errors: readonly string[];
  readonly warnings: readonly string[];
  readonly unknown: readonly string[] | null;
  eventsOf(name: string): readonly ServiceEvent[];
  health(name: string): string;
  state(): ProviderState;
  refresh(): void;
  /** Looked at after each report; rejects past the bound with `what`. */
  until(condition: () => boolean, what: string, timeoutMs?: number): Promise<void>;
  completed(): Promise<void>;
  stop(): Promise<void>;
}

export function consulConfig(url: string, changes: Partial<ConsulConfig> = {}): ConsulConfig {
  return {
    url,
    token: null,
    tokenFile: null,
    datacenter: null,
    namespace: null,
    tls: { caFile: null, certFile: null, keyFile: null, serverName: null, verify: true },
    health: ['passing'],
    connections: 100,
    waitMs: 30_000,
    holdMs: 300,
    forgetMs: 60_000,
    ...changes,
  };
}

export interface RecordOptions {
  readonly config?: Partial<ConsulConfig>;
  readonly wanted?: ConsulProviderOptions['wanted'];
  readonly kvPath?: string;
}

/** Services are routed when a tag starts with `route:`. */
export function record(url: string, options: RecordOptions = {}): Recorder {
  const stop = new AbortController();
  const services = new Map<string, readonly Instance[]>();
  const events: ServiceEvent[] = [];
  const refused = new Map<string, readonly Refusal[]>();
  const [story, errors, warnings]: [string[], string[], string[]] = [[], [], []];
  const listeners = new Set<() => void>();
  let lines: Recorder['lines'] = null;
  let unknown: Recorder['unknown'] = null;
  const tell = (): void => {
    for (const listener of [...listeners]) listener();
  };

  const provider = createConsulProvider({
    config: consulConfig(url, options.config),
    isRouted: (tags) => tags.some((tag) => tag.startsWith('route:')),
    wanted: options.wanted ?? (() => new Set()),
    kvPath: options.kvPath ?? null,
    log: {
      warn: (obj, msg) => void warnings.push(`${msg} ${JSON.stringify(obj)}`),
      info: () => {},
      debug: () => {},
    },
    onError(kind) {
      errors.push(kind);
      tell();
    },
  });
  const ended = provider.watch(
    {
      service(name, instances) {
        services.set(name, instances);
        events.push({ name, instances, at: performance.now() });
        tell();
      },
      complete(names) {
        unknown = names;
        story.push('complete');
        tell();
      },
      lines(_source, read) {
        lines = read;
        tell();
      },
      refused(service, refusals) {
        refused.set(service, refusals);
        tell();
      },
      doubt(reason) {
        story.push(`doubt: ${reason}`);
        tell();
      },
      certain() {
        story.push('certain');
        tell();
      },
    },
    stop.signal,
  );

  function until(condition: () => boolean, what: string, timeoutMs = 5000): Promise<void> {
    return new Promise((resolve, reject) => {
      const settle = (end: () => void): void => {
        clearTimeout(timer);
        clearInterval(poll);
        listeners.delete(look);
        end();
      };
      const look = (): void => {
        if (condition()) settle(resolve);
      };
      const late = (): void => {
        const state = JSON.stringify(provider.state());
        settle(() => reject(new Error(`${what}: not within ${timeoutMs} ms; ${state} ${story.join(', ')}`)));
      };
      const timer = setTimeout(late, timeoutMs);
      // State changes are not reported.
      const poll = setInterval(look, 20);
      listeners.add(look);
      look();
    });
  }

  return {
    services,
    events,
    refused,
    story,
    errors,
    warnings,
    get lines() {
      return lines;
    },
    get unknown() {
      return unknown;
    },
    eventsOf: (name) => events.filter((event) => event.name === name),
    health: (name) => (services.get(name) ?? []).map((instance) => instance.health).join(),
    state: () => provider.state(),
    refresh: () => provider.refresh(),
    until,
    completed: () => until(() => story.includes('complete'), 'complete'),
    async stop() {
      stop.abort();
      await ended;
    },
  };
}
