import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

/** Bytes alive in this process: what is only not collected yet is left out. */
export function liveBytes(): number {
  // One collection lets go of buffers, the next one waits until they are freed: without it, some 20 MiB of what has
  // already been passed on are counted.
  for (let i = 0; i < 2; i++) collect();
  const { arrayBuffers, heapUsed } = process.memoryUsage();
  return arrayBuffers + heapUsed;
}
