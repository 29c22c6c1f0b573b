import type { Instance, Refusal } from '../../../router/model.ts';
import type { WatchContext } from './blocking-query.ts';
import type { Read } from './consul-client.ts';
import { Unconfirmed } from './fault.ts';
import { readServiceFacts, type ServiceFacts } from './instances.ts';
import type { ProviderEvents } from './provider.ts';
import { reconcile, sameRefusals } from './reconcile.ts';

/** What is known of each service, and the only place that reports services. */
export interface ServiceBook {
  /** Takes one answer about a service; `reread` when Consul contradicted itself. */
  take(name: string, read: Read, signal: AbortSignal): Promise<'accepted' | 'reread'>;
  /** Instances as last read. */
  count(name: string): number;
  names(): IterableIterator<string>;
  /** Tags of the instances as last read. */
  tags(name: string): readonly string[];
  /** Services with an instance on this node. */
  onNode(node: string): readonly string[];
  /** Forgets a service that is not followed any more. */
  drop(name: string): void;
}

export interface BookOptions {
  readonly context: WatchContext;
  readonly events: ProviderEvents;
  /** Whether the services list names it now. */
  listed(name: string): boolean;
  /** A service was read, for whatever result. */
  answered(name: string): void;
}

interface Page {
  readonly instances: readonly Instance[];
  readonly refusals: readonly Refusal[];
}

/** A restarting server can answer `[]` before it has replayed its log; it does not take longer than this. */
const CONFIRM_AFTER_MS = 250;

/** All instances, not only passing ones: the others must be known to be explained. */
export function healthPath(name: string): string {
  return `/v1/health/service/${encodeURIComponent(name)}`;
}

/** An empty book: each service's first page is always reported, later ones when they differ. */
export function createServiceBook(options: BookOptions): ServiceBook {
  const { context, events } = options;
  const pages = new Map<string, Page>();

  /** Asks once more, with a leader that has made sure it is one. */
  async function confirm(name: string, signal: AbortSignal): Promise<Read> {
    await context.clock.sleep(CONFIRM_AFTER_MS, signal);
    const again = await context.client.read(healthPath(name), { signal, consistent: true });
    if (again.kind === 'error') throw new Unconfirmed(again);
    return again;
  }

  function write(name: string, facts: ServiceFacts, receivedAt: number): void {
    const old = pages.get(name);
    const instances = reconcile(old?.instances ?? [], facts.instances);
    const sameRefused = sameRefusals(old?.refusals ?? [], facts.refusals);
    pages.set(name, {
      instances,
      refusals: sameRefused && old !== undefined ? old.refusals : facts.refusals,
    });
    if (old === undefined || instances !== old.instances) events.service(name, instances, receivedAt);
    else events.confirmed?.(name);
    if (!sameRefused) events.refused(name, facts.refusals);
  }

  return {
    async take(name, read, signal) {
      let facts = readServiceFacts(name, read.body ?? Buffer.alloc(0));
      let receivedAt = read.receivedAt;
      let contradicted = false;
      const known = pages.get(name)?.instances.length ?? 0;
      if (facts.empty && (known > 0 || options.listed(name))) {
        const again = await confirm(name, signal);
        facts = readServiceFacts(name, again.body ?? Buffer.alloc(0));
        receivedAt = again.receivedAt;
        contradicted = !facts.empty;
      }
      if (!signal.aborted) {
        write(name, facts, receivedAt);
        options.answered(name);
      }
      return contradicted ? 'reread' : 'accepted';
    },
    count: (name) => pages.get(name)?.instances.length ?? 0,
    names: () => pages.keys(),
    tags: (name) => pages.get(name)?.instances.flatMap((instance) => instance.tags) ?? [],
    onNode: (node) =>
      [...pages].filter(([, p]) => p.instances.some((i) => i.node === node)).map(([name]) => name),
    drop: (name) => void pages.delete(name),
  };
}
