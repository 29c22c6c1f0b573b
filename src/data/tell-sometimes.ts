import type { FromWorker } from '../shared/messages.ts';

const TELL_EVERY_MS = 1_000;

/**
 * A connection that cannot be accepted does not end the listener. (Out of descriptors, libuv closes what comes with one
 * that it keeps for that, and tells nobody.) A person should know, but not of each: one listener tells once a second.
 */
export function tellSometimes(
  send: (message: FromWorker) => void,
  now: () => number = () => performance.now(),
): (error: Error) => void {
  let toldAt = Number.NEGATIVE_INFINITY;
  return (error) => {
    if (now() - toldAt < TELL_EVERY_MS) return;
    toldAt = now();
    send({ type: 'log', level: 'error', msg: 'listener error', detail: String(error) });
  };
}
