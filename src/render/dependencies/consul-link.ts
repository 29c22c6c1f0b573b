import type { ConsulConfig } from '../../config/config.ts';
import type { WatchContext } from '../../control/providers/blocking-query.ts';
import type { Clock } from '../../control/providers/clock.ts';
import { type ConsulClient, createConsulClient } from '../../control/providers/consul-client.ts';
import { type Fault, fault } from '../../control/providers/fault.ts';
import { createFaultLog, type FaultLog, type Log } from '../../control/providers/fault-log.ts';
import { createGate } from '../../control/providers/gate.ts';

export interface ConsulLink {
  readonly client: ConsulClient;
  readonly context: WatchContext;
  readonly faults: FaultLog;
}

export interface LinkOptions {
  readonly config: ConsulConfig;
  readonly log: Log;
  readonly clock: Clock;
  /** Counts faults by kind. */
  readonly onError: (kind: string) => void;
  readonly onLostMemory: () => void;
  /** Failures in a row after which `onGaveUp` is told; null goes on for ever. */
  readonly attempts: number | null;
  readonly onGaveUp: (reason: string) => void;
}

/** One set of connections and one gate for everything that templates read. */
export function openConsul(options: LinkOptions, signal: AbortSignal): ConsulLink {
  const { config, log, clock, onError, onLostMemory } = options;
  const client = createConsulClient(config);
  const faults = createFaultLog(log, clock, onError);
  const gaveUpAfter = (failures: number, reason: string): void => {
    if (options.attempts !== null && failures === options.attempts) options.onGaveUp(reason);
  };
  const gate = createGate(
    clock,
    async (attempt) => {
      const result = await knock(client, attempt, signal);
      // The watches wait at the gate: they count no failures meanwhile.
      if (result.kind === 'error') gaveUpAfter(attempt + 1, result.message);
      return result;
    },
    signal,
  );
  const context: WatchContext = {
    client,
    clock,
    gate,
    waitMs: config.waitMs,
    onAnswer: (path) => faults.answer(path),
    onFault(path, cause, failures) {
      faults.fault(path, cause, failures);
      gaveUpAfter(failures, `${path}: ${cause.message}`);
    },
    onLostMemory,
  };
  return { client, context, faults };
}

/** Needs no permission, and tells a cluster without a leader from a working one. */
async function knock(
  client: ConsulClient,
  attempt: number,
  signal: AbortSignal,
): Promise<{ readonly kind: 'ok' } | Fault> {
  const deadlineMs = Math.min(10_000, 1000 * 2 ** attempt);
  const result = await client.read('/v1/status/leader', { signal, deadlineMs });
  const isEmpty = result.kind === 'ok' && (result.body?.length ?? 0) <= '""\n'.length;
  return isEmpty ? fault('no_leader', 'no cluster leader') : result;
}
