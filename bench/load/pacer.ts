/**
 * A thread that does nothing but knock at even distances: timers of the event loop come whole milliseconds apart, which
 * is longer than the latencies to be measured. `workerData` is the distance in milliseconds.
 */
import { parentPort, workerData } from 'node:worker_threads';

const periodMs = workerData as number;
const never = new Int32Array(new SharedArrayBuffer(4));

for (let next = performance.now() + periodMs; ; next += periodMs) {
  const wait = next - performance.now();
  if (wait > 0) Atomics.wait(never, 0, 0, wait);
  parentPort!.postMessage(null);
}
