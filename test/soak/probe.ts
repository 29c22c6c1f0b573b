/**
 * Preloaded into the program under test (`--import`), where it lives in every thread beside the program's own code and
 * says what is alive there after a collection. The program itself knows nothing of it.
 *
 * Asked over a socket of the main thread (`SOAK_PROBE` names it): a line with the number of workers; answered with
 * a JSON array of `Reading`s.
 */
import { createServer, Socket } from 'node:net';
import { queryObjects, setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { BroadcastChannel, isMainThread, threadId } from 'node:worker_threads';
import type { Reading } from './reading.ts';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as (how: object) => void;
process.removeAllListeners('warning');
const Timeout = setTimeout(() => {}).constructor;
const channel = new BroadcastChannel('soak probe');

type Class = new (...args: never[]) => unknown;

/** Classes of the data plane whose objects belong to a connection or a request: there are none when nobody is there. */
const classes: Record<string, Class> = isMainThread
  ? {}
  : {
      'client connections': (await import('../../src/data/client-connection.ts')).ClientConnection,
      'upstream connections': (await import('../../src/data/upstream.ts')).UpstreamConnection,
      exchanges: (await import('../../src/data/exchange.ts')).Exchange,
      tunnels: (await import('../../src/data/tunnel.ts')).Tunnel,
      'endpoint objects': (await import('../../src/data/endpoint.ts')).Endpoint,
    };

function count(kind: unknown): number {
  return queryObjects(kind as () => void, { format: 'count' }) as unknown as number;
}

/** What only waits to be collected must not count, nor code that has not run for long: it would hide what was added. */
function read(): Reading {
  for (let i = 0; i < 2; i++) collect({ type: 'major', execution: 'sync', flavor: 'last-resort' });
  const { heapUsed, arrayBuffers, rss } = process.memoryUsage();
  const objects: Record<string, number> = { timers: count(Timeout), sockets: count(Socket) };
  for (const [name, kind] of Object.entries(classes)) objects[name] = count(kind);
  const thread = isMainThread ? 'main' : `worker ${threadId}`;
  return { thread, heap: heapUsed, buffers: arrayBuffers, rss, objects };
}

if (isMainThread) serve();
else {
  channel.onmessage = (event) => {
    if ((event as { data: unknown }).data === 'read') channel.postMessage(read());
  };
}
letGo();

/** The channel does not keep a thread alive that has nothing else to do; a listener makes it do so. */
function letGo(): void {
  (channel as unknown as { unref(): void }).unref();
}

function serve(): void {
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.once('data', (line) => {
      const readings: Reading[] = [];
      const workers = Number(line);
      channel.onmessage = (event) => {
        if (readings.push((event as { data: Reading }).data) < workers) return;
        readings.sort((a, b) => a.thread.localeCompare(b.thread));
        socket.end(JSON.stringify([read(), ...readings]));
      };
      letGo();
      channel.postMessage('read');
    });
  });
  // In Linux's abstract namespace: nothing is left behind.
  server.listen(`\0${process.env.SOAK_PROBE}`).unref();
}
