/** A balancer in front of several routers: each connection goes to the next port of a list that may change. */
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
  const server = createServer((client) => {
    const target = front.targets[front.taken.length % front.targets.length] ?? 0;
    front.taken.push(target);
    const origin = connect({ port: target, host: '127.0.0.1' });
    for (const [one, other] of [
      [client, origin],
      [origin, client],
    ] as const) {
      open.add(one);
      one.on('error', () => other.destroy());
      one.on('close', () => open.delete(one));
      one.pipe(other);
    }
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
