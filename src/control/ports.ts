import net from 'node:net';
import type { Address, ListenerConfig } from '../config/config.ts';
import { createDatagramSocket, datagramType } from '../shared/datagram-socket.ts';
import type { Transport } from '../shared/messages.ts';

/** A port that cannot be had; the message is for an operator. */
export class PortProblem extends Error {
  readonly code: string;

  constructor(name: string, address: Address, code: string) {
    const text = `${address.host.includes(':') ? `[${address.host}]` : address.host}:${address.port}`;
    super(`${name}: address ${text} ${whyPort(code)}`);
    this.code = code;
  }
}

/** What an error code of the system means for a port. */
export function whyPort(code: string): string {
  if (code === 'EADDRINUSE') return 'is in use by another process';
  if (code === 'EACCES') {
    return 'may not be opened by this user (ports below 1024 need CAP_NET_BIND_SERVICE)';
  }
  return `cannot be opened (${code})`;
}

/** Why this port cannot be had now, by the system's error code; null when it can. */
export async function portCode(transport: Transport, port: number, host: string): Promise<string | null> {
  try {
    await (transport === 'tcp' ? probe({ name: '', address: { host, port } }) : bindOnce(port, host));
    return null;
  } catch (error) {
    return (error as PortProblem | NodeJS.ErrnoException).code ?? String(error);
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

/** The same for datagrams. */
function bindOnce(port: number, host: string): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const socket = createDatagramSocket(datagramType(host));
  socket.once('error', reject);
  socket.bind({ port, exclusive: true, ...(host === '' ? {} : { address: host }) }, () =>
    socket.close(resolve),
  );
  return promise;
}

/** True when this loopback port is free. */
export async function isFree(port: number): Promise<boolean> {
  return (await portCode('tcp', port, '127.0.0.1')) === null;
}
