import { fullJitter } from '../backoff.ts';
import type { Clock } from './clock.ts';
import { type Fault, isShared } from './fault.ts';

/**
 * Shut while the source as a whole cannot answer. One prober knocks; every watch whose read failed waits, so that an
 * outage costs two or three small requests a second however many watches there are, and ends for all of them at once.
 */
export interface Gate {
  isOpen(): boolean;
  /** Resolves when the source answers again (at once while it does), or when the signal aborts. */
  pass(signal: AbortSignal): Promise<void>;
  /** What became of a read. An answer of any kind, even a refusal, shows that the source is there. */
  report(result: { readonly kind: 'ok' } | Fault): void;
}

const KNOCK_BASE_MS = 100;
/** A refused connection is cheap, and half of this is the average delay of the recovery. */
const KNOCK_CAP_MS = 800;
/** More waiters than this are let go over `SPREAD_MS`. */
const AT_ONCE = 8;
const SPREAD_MS = 200;

/**
 * `knock(attempt)` is one small read. The prober lives only while the gate is shut and until `life` aborts.
 */
export function createGate(
  clock: Clock,
  knock: (attempt: number) => Promise<{ readonly kind: 'ok' } | Fault>,
  life: AbortSignal,
): Gate {
  let shut: PromiseWithResolvers<void> | null = null;
  let waiters = 0;

  async function probe(): Promise<void> {
    for (let attempt = 0; shut !== null && !life.aborted; attempt += 1) {
      await clock.sleep(fullJitter(attempt, KNOCK_BASE_MS, KNOCK_CAP_MS, clock.random), life);
      if (shut !== null && !life.aborted) report(await knock(attempt));
    }
  }

  function report(result: { readonly kind: 'ok' } | Fault): void {
    if (result.kind === 'error' && result.code === 'aborted') return;
    if (result.kind === 'error' && isShared(result.code)) {
      if (shut !== null) return;
      shut = Promise.withResolvers();
      void probe();
    } else if (shut !== null) {
      shut.resolve();
      shut = null;
    }
  }

  async function pass(signal: AbortSignal): Promise<void> {
    while (shut !== null && !signal.aborted) {
      waiters += 1;
      const herd = await unlessAborted(shut.promise, signal).then(() => waiters > AT_ONCE);
      waiters -= 1;
      if (herd) await clock.sleep(clock.random() * SPREAD_MS, signal);
    }
  }

  return { isOpen: () => shut === null, pass, report };
}

function unlessAborted(promise: Promise<void>, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      signal.removeEventListener('abort', done);
      resolve();
    };
    signal.addEventListener('abort', done);
    void promise.then(done);
  });
}
