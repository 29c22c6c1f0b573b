import net from 'node:net';
import type { Address, ListenerConfig } from '../config/config.ts';

/** A port that cannot be had; the message is for an operator. */
export class PortProblem extends Error {
  readonly code: string;

  constructor(name: string, address: Address, code: string) {
    const text = `${address.host.includes(':') ? `[${address.host}]` : address.host}:${address.port}`;
    const why =
      code === 'EADDRINUSE'
        ? 'is in use by another process'
        : code === 'EACCES'
          ? 'may not be opened by this user (ports below 1024 need CAP_NET_BIND_SERVICE)'
          : `cannot be opened (${code})`;
    super(`${name}: address ${text} ${why}`);
    this.code = code;
  }
}

/**
 * Makes sure that each listener's address is free, and gives a listener on port 0 its port: workers share ports, so the
 * kernel would let two routers share one as well, and would give every worker another free one.
 */
export async function claimPorts(listeners: readonly ListenerConfig[]): Promise<ListenerConfig[]> {
  const claimed: ListenerConfig[] = [];
  for (const listener of listeners) {
    const port = await probe(listener);
    claimed.push({ ...listener, address: { ...listener.address, port } });
  }
  return claimed;
}

function probe({ name, address }: Pick<ListenerConfig, 'name' | 'address'>): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  const server = net.createServer();
  server.once('error', (error: NodeJS.ErrnoException) => {
    reject(new PortProblem(`listener ${name}`, address, error.code ?? error.message));
  });
  server.listen({ port: address.port, ...(address.host === '' ? {} : { host: address.host }) }, () => {
    const { port } = server.address() as net.AddressInfo;
    server.close(() => resolve(port));
  });
  return promise;
}

/** True when this loopback port is free. */
export async function isFree(port: number): Promise<boolean> {
  try {
    await probe({ name: '', address: { host: '127.0.0.1', port } });
    return true;
  } catch {
    return false;
  }
}
