/** Memory of connections that have had one answer and wait for their next request. */
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { RunningProxy } from '../contestants/contestant.ts';
import { runLoad } from '../load/load.ts';
import { rssBytes } from '../machine/proc.ts';
import { type ClosedWork, HOST } from '../works.ts';

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
export async function measureIdle(
  proxy: RunningProxy,
  warmUp: ClosedWork,
  count: number,
): Promise<IdleSample> {
  await runLoad(proxy.port, warmUp, 2);
  await sleep(SETTLE_MS);
  const base = rssBytes(proxy.pid);
  const sockets = await openIdle(proxy.port, count);
  await sleep(SETTLE_MS);
  const grown = rssBytes(proxy.pid) - base;
  for (const socket of sockets) socket.destroy();
  return { bytesEach: grown / count, connections: count, base };
}

async function openIdle(port: number, count: number): Promise<Socket[]> {
  const sockets: Socket[] = [];
  while (sockets.length < count) {
    const size = Math.min(BATCH, count - sockets.length);
    sockets.push(...(await Promise.all(Array.from({ length: size }, () => openOne(port)))));
  }
  return sockets;
}

/** Resolves with the answer's first bytes: the small body comes with its head. */
function openOne(port: number): Promise<Socket> {
  const { promise, resolve, reject } = Promise.withResolvers<Socket>();
  const socket = connect({ port, host: '127.0.0.1' });
  socket.setTimeout(10_000, () => reject(new Error('an idle connection got no answer within 10 s')));
  socket.on('error', reject);
  socket.on('close', () => reject(new Error('an idle connection was closed')));
  socket.once('data', () => {
    socket.setTimeout(0);
    resolve(socket);
  });
  socket.write(`GET / HTTP/1.1\r\nHost: ${HOST}\r\n\r\n`);
  return promise;
}
