/** Memory of connections that have had one answer and wait for their next request. */
import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { portFor, type RunningProxy } from '../contestants/contestant.ts';
import { openIdle } from '../load/idle-client.ts';
import { runLoad } from '../load/load.ts';
import { rssBytes } from '../machine/proc.ts';
import type { ClosedWork } from '../works.ts';

export interface IdleSample {
  /** Growth of resident memory over all its processes, bytes a connection. */
  readonly bytesEach: number;
  readonly connections: number;
  /** Before the first of them, bytes. */
  readonly base: number;
}

const BATCH = 100;
const SETTLE_MS = 1500;

/** First some load, so that heaps and pools have their working size; what grows after it is the connections'. */
export async function measureIdle(proxy: RunningProxy, like: ClosedWork, count: number): Promise<IdleSample> {
  const port = portFor(proxy, like.door);
  await runLoad(port, like, 2);
  await sleep(SETTLE_MS);
  const base = rssBytes(proxy.pid);
  const sockets = await openAll(port, like, count);
  await sleep(SETTLE_MS);
  const grown = rssBytes(proxy.pid) - base;
  const lost = sockets.filter((socket) => socket.closed).length;
  for (const socket of sockets) socket.destroy();
  if (lost > 0) throw new Error(`${lost} of ${count} idle connections were closed`);
  return { bytesEach: grown / count, connections: count, base };
}

async function openAll(port: number, like: ClosedWork, count: number): Promise<Socket[]> {
  const sockets: Socket[] = [];
  while (sockets.length < count) {
    const size = Math.min(BATCH, count - sockets.length);
    sockets.push(...(await Promise.all(Array.from({ length: size }, () => openIdle(port, like)))));
  }
  return sockets;
}
