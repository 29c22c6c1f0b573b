import type { Config } from '../config/config.ts';
import type { CountersLayout } from '../shared/counters.ts';
import type { WorkerSetup, WorkerTls } from '../shared/messages.ts';

/** What of the configuration a worker is started with. */
export function workerSetup(
  config: Config,
  counters: CountersLayout,
  tls: WorkerTls,
): Omit<WorkerSetup, 'index'> {
  const { listeners, tcp, udp, limits, timeouts, balance, trustedProxies, accessLog, upstreamTls } = config;
  return {
    counters,
    listeners,
    tcp,
    udp,
    limits,
    timeouts,
    balance,
    trustedProxies,
    accessLog,
    tls,
    upstreamTls,
  };
}
