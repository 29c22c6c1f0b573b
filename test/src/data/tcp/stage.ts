/** Instances behind one port of routes, made anew for each test and checked after it: nothing may be left over. */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { afterEach, expect } from 'vitest';
import { createServer as createPlaneServer } from '../../../../src/data/server.ts';
import { acceptStream } from '../../../../src/data/tcp/accept-stream.ts';
import { type Plane, type PlaneOptions, type RouteSpec, startPlane } from '../../../support/engine.ts';
import { eventually } from '../../../support/process.ts';

/** Not bound: what the data plane is told its port is. */
export const PORT = 15_432;
export const TCP: RouteSpec = { stream: { kind: 'tcp', port: PORT } };

export let plane: Plane;
/** Where clients really connect to. */
export let port: number;
/** The router's side of the clients' connections. */
export const accepted = new Set<Socket>();
const servers: Server[] = [];
const sockets = new Set<Socket>();

/** An instance that does this with each connection; returns its port. */
export async function instance(serve: (socket: Socket) => void): Promise<number> {
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => sockets.delete(socket));
    serve(socket);
  });
  return listen(server);
}

async function listen(server: Server): Promise<number> {
  servers.push(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

/** Sends back what it is sent. */
export const echo = (socket: Socket): void => void socket.pipe(socket);
/** Says its name at once, as servers do that speak first. */
export const named =
  (name: string) =>
  (socket: Socket): void => {
    socket.write(`${name}\n`);
    socket.on('data', () => {});
    socket.on('end', () => socket.end());
  };

export async function begin(ports: number[], options: PlaneOptions = {}): Promise<void> {
  plane = await startPlane({ pools: { main: ports }, routes: [TCP], ...options });
  const facts = {
    ...{ name: `tcp:${PORT}`, index: 0, scheme: 'http' as const, port: PORT, tcpPort: PORT },
    proxyProtocol: options.proxyProtocol ?? false,
    http2: false,
  };
  const { engine } = plane;
  const server = createPlaneServer({ pauseOnConnect: true, readBuffer: engine.readBuffer }, (socket) => {
    accepted.add(socket);
    acceptStream(socket, facts, engine);
  });
  port = await listen(server);
}

export interface Talk {
  readonly socket: Socket;
  /** Everything received, as Latin1. */
  text: string;
  /** How the other side ended: not yet, orderly, or by a reset. */
  ending: '' | 'end' | 'reset';
  /** Resolves when the text matches. */
  hears(pattern: RegExp): Promise<void>;
  /** Resolves with how it ended. */
  ended(): Promise<Talk['ending']>;
}

/** A client that keeps its writing side open until it is told otherwise. */
export function talk(first = ''): Talk {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  sockets.add(socket);
  const heard: Talk = {
    ...{ socket, text: '', ending: '' },
    hears: async (pattern) => void (await eventually(() => expect(heard.text).toMatch(pattern))),
    ended: () =>
      eventually(() => {
        if (heard.ending === '') throw new Error(`open, after ${JSON.stringify(heard.text.slice(-80))}`);
        return heard.ending;
      }) as Promise<Talk['ending']>,
  };
  socket.on('data', (bytes) => {
    heard.text += bytes.toString('latin1');
  });
  socket.on('end', () => {
    heard.ending ||= 'end';
  });
  socket.on('error', () => {
    heard.ending ||= 'reset';
  });
  socket.on('close', () => sockets.delete(socket));
  if (first !== '') socket.write(first, 'latin1');
  return heard;
}

/** The access-log lines once there are so many. */
export async function lines(count: number): Promise<Record<string, unknown>[]> {
  await eventually(() => expect(plane.log().length).toBeGreaterThanOrEqual(count));
  return plane.log();
}

afterEach(async () => {
  for (const socket of sockets) socket.destroy();
  accepted.clear();
  try {
    await plane.quiet();
    expect(plane.engine.streams.size + plane.engine.peeks.size + plane.engine.prefaces.size).toBe(0);
  } finally {
    await plane.close();
    for (const server of servers.splice(0)) server.close();
  }
});
