/** Instances behind one UDP port of routes, made anew for each test and checked after it: nothing may be left over. */
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { afterEach, expect } from 'vitest';
import { DatagramPorts } from '../../../../src/data/udp/datagram-ports.ts';
import type { FromWorker } from '../../../../src/shared/messages.ts';
import { type Plane, type PlaneOptions, type RouteSpec, startPlane } from '../../../support/engine.ts';
import { freePorts } from '../../../support/ports.ts';
import { eventually } from '../../../support/process.ts';

export let plane: Plane;
export let ports: DatagramPorts;
/** Where clients send to. */
export let port: number;
/** What the worker has said. */
export const sent: FromWorker[] = [];
const sockets = new Set<Socket>();

export interface Instance {
  readonly port: number;
  readonly socket: Socket;
  /** All it has received, in order. */
  readonly received: string[];
  /** Its own peers: one for each session. */
  readonly peers: Set<number>;
  close(): Promise<void>;
}

type Serve = (bytes: Buffer, reply: (answer: Buffer | string) => void, from: RemoteInfo) => void;

/** Sends back what it is sent. */
export const echo: Serve = (bytes, reply) => reply(bytes);
/** Says its name to each datagram. */
export const named =
  (name: string): Serve =>
  (_bytes, reply) =>
    reply(name);
export const silent: Serve = () => {};

export async function instance(serve: Serve, at = 0): Promise<Instance> {
  const socket = createSocket('udp4');
  const received: string[] = [];
  const peers = new Set<number>();
  socket.on('message', (bytes, from) => {
    received.push(bytes.toString('latin1'));
    peers.add(from.port);
    serve(bytes, (answer) => socket.send(answer, from.port, from.address), from);
  });
  socket.bind(at, '127.0.0.1');
  await once(socket, 'listening');
  sockets.add(socket);
  const close = async (): Promise<void> => {
    sockets.delete(socket);
    socket.close();
    await once(socket, 'close');
  };
  return { port: socket.address().port, socket, received, peers, close };
}

export const udp = (spec: RouteSpec = {}): RouteSpec => ({ stream: { kind: 'udp', port }, ...spec });

export async function begin(
  instances: readonly Instance[],
  { route = {}, ...options }: PlaneOptions & { route?: RouteSpec } = {},
): Promise<void> {
  [port] = (await freePorts(1)) as [number];
  plane = await startPlane({
    pools: { main: instances.map((each) => each.port) },
    routes: [udp(route)],
    ...options,
  });
  sent.length = 0;
  ports = new DatagramPorts(plane.engine, (message) => void sent.push(message));
  ports.set([port]);
}

export interface Talk {
  readonly socket: Socket;
  readonly heard: string[];
  say(text: string | Buffer): void;
  /** The answer to one datagram; said again until there is one, as clients of UDP do. */
  ask(text: string): Promise<string>;
}

export async function talk(): Promise<Talk> {
  const socket = createSocket('udp4');
  sockets.add(socket);
  const heard: string[] = [];
  socket.on('message', (bytes, from) => {
    // From anywhere else it could be anybody's.
    if (from.port === port && from.address === '127.0.0.1') heard.push(bytes.toString('latin1'));
  });
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  const say = (text: string | Buffer): void => socket.send(text, port, '127.0.0.1');
  const ask = (text: string): Promise<string> => {
    const before = heard.length;
    say(text);
    return eventually(() => {
      if (heard.length === before) throw new Error(`no answer to ${text}`);
      return heard[before]!;
    });
  };
  return { socket, heard, say, ask };
}

/** The access-log lines once there are so many. */
export async function lines(count: number): Promise<Record<string, unknown>[]> {
  await eventually(() => expect(plane.log().length).toBeGreaterThanOrEqual(count));
  return plane.log();
}

afterEach(async () => {
  try {
    ports.close();
    expect(plane.engine.sessions.size).toBe(0);
    await plane.quiet();
  } finally {
    await plane.close();
    for (const socket of sockets) socket.close();
    sockets.clear();
  }
});
