/**
 * Free TCP ports. Another process may take one between the answer and its use; tests accept that small risk. Test files that
 * run side by side have ports of their own, and none is told twice.
 */
import { once } from 'node:events';
import { connect, createServer, type Server } from 'node:net';

/**
 * Below what systems hand out for outgoing connections: one of those could take the port of a program that is being
 * started again.
 */
const FIRST = 20_000;
const LAST = 32_000;
const SHARES = 8;
const SIZE = (LAST - FIRST) / SHARES;
/** Vitest counts the places where files run side by side from 1; outside of it nobody shares. */
const place = Number(process.env.VITEST_POOL_ID ?? 0);
const own =
  place === 0 ? { first: FIRST, size: LAST - FIRST } : { first: FIRST + (place % SHARES) * SIZE, size: SIZE };
const told = new Set<number>();

export async function freePort(): Promise<number> {
  const [port] = await freePorts(1);
  return port!;
}

/** `count` different ports: all are held open until the last is known. */
export async function freePorts(count: number): Promise<number[]> {
  const held = new Map<number, Server>();
  while (held.size < count) {
    const port = own.first + Math.floor(Math.random() * own.size);
    const server = told.has(port) ? null : await hold(port);
    if (server === null) continue;
    held.set(port, server);
    if (told.size < own.size / 2) told.add(port);
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
