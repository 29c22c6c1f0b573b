/** Free TCP ports. Another process may take one between the answer and its use; tests accept that small risk. */
import { once } from 'node:events';
import { connect, createServer, type Server } from 'node:net';

/**
 * Below what systems hand out for outgoing connections: one of those could take the port of a program that is being
 * started again.
 */
const FIRST = 20_000;
const LAST = 32_000;

export async function freePort(): Promise<number> {
  const [port] = await freePorts(1);
  return port!;
}

/** `count` different ports: all are held open until the last is known. */
export async function freePorts(count: number): Promise<number[]> {
  const held = new Map<number, Server>();
  while (held.size < count) {
    const port = FIRST + Math.floor(Math.random() * (LAST - FIRST));
    const server = held.has(port) ? null : await hold(port);
    if (server !== null) held.set(port, server);
  }
  const closed = [...held.values()].map((server) => new Promise((resolve) => server.close(resolve)));
  await Promise.all(closed);
  return [...held.keys()];
}

/** Null when somebody listens there. */
async function hold(port: number): Promise<Server | null> {
  const server = createServer().listen(port, '127.0.0.1');
  try {
    await once(server, 'listening');
    return server;
  } catch {
    return null;
  }
}

/** Resolves when something accepts on this port; rejects with the connection's error when nothing does. */
export async function accepts(port: number): Promise<void> {
  const socket = connect({ port, host: '127.0.0.1' });
  await once(socket, 'connect').finally(() => socket.destroy());
}
