/**
 * A balancer in front of several routers: each connection goes to the next port of a list that may change. Where nobody
 * listens (a router that is still starting) the one after it is tried, as balancers do.
 */
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';

export interface Front {
  /** Where connections go, in turns. */
  targets: readonly number[];
  /** Where each connection went. */
  readonly taken: number[];
  stop(): Promise<void>;
}

export async function startFront(port: number): Promise<Front> {
  const open = new Set<Socket>();
  let turn = 0;
  const server = createServer((client) => {
    open.add(client);
    client.on('close', () => open.delete(client)).on('error', () => {});
    void reach(front.targets, turn++).then((origin) => {
      if (origin === null) return client.destroy();
      front.taken.push(origin.remotePort!);
      open.add(origin);
      origin.on('close', () => open.delete(origin));
      for (const [one, other] of [
        [client, origin],
        [origin, client],
      ] as const) {
        one.on('error', () => other.destroy());
        one.pipe(other);
      }
    });
  });
  const front: Front = {
    targets: [],
    taken: [],
    async stop() {
      for (const socket of open) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  return front;
}

/** A connection to the first that takes it, beginning with the one whose turn it is; null when none does. */
async function reach(targets: readonly number[], turn: number): Promise<Socket | null> {
  for (let i = 0; i < targets.length; i += 1) {
    const origin = connect({ port: targets[(turn + i) % targets.length]!, host: '127.0.0.1' });
    const taken = await once(origin, 'connect').catch(() => null);
    if (taken !== null) return origin;
  }
  return null;
}
