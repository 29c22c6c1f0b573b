import type { Clock } from '../providers/clock.ts';
import type { Log } from '../providers/fault-log.ts';
import type { Keeper } from './keeper.ts';
import type { OnCertificates } from './source.ts';

/** Usual answers take milliseconds. Less than what a start waits for sources. */
const ANSWER_WITHIN_MS = 1_000;

export interface Beginning {
  readonly source: string;
  readonly keeper: Keeper;
  readonly clock: Clock;
  readonly log: Pick<Log, 'info'>;
}

/**
 * Reads what this machine kept of a source, and tells it when the source neither answers nor fails in time: one that
 * hangs must not leave names without certificates. What is returned tells from now on.
 */
export async function beginWithKept(
  { source, keeper, clock, log }: Beginning,
  onCertificates: OnCertificates,
  signal: AbortSignal,
): Promise<OnCertificates> {
  await keeper.recall();
  const { last } = keeper;
  if (last.length === 0) return onCertificates;
  log.info({ source, certificates: last.length }, 'certificates are kept on this machine');
  const told = new AbortController();
  void clock.sleep(ANSWER_WITHIN_MS, AbortSignal.any([signal, told.signal])).then(() => {
    if (signal.aborted || told.signal.aborted) return;
    onCertificates(last, [{ source, reason: 'no answer yet: what was kept on this machine is served' }]);
  });
  return (set, refused) => {
    told.abort();
    onCertificates(set, refused);
  };
}
