import { once } from 'node:events';
import { createServer, type Server } from 'node:net';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Route } from '../../../router/model.ts';
import { RoutePorts } from '../../../src/control/route-ports.ts';
import { freePorts } from '../../support/ports.ts';
import { eventually } from '../../support/process.ts';

let published: (readonly number[])[];
let logged: string[];
let routes: Map<string, Route>;
let ports: RoutePorts;
const servers: Server[] = [];

beforeEach(() => {
  published = [];
  logged = [];
  routes = new Map();
  const note = (_fields: object, message: string) => void logged.push(message);
  ports = new RoutePorts({
    transport: 'tcp',
    host: '127.0.0.1',
    route: (id) => routes.get(id),
    publish: (open) => void published.push(open),
    log: { info: note, warn: note } as never,
  });
});

afterEach(() => {
  ports.close();
  for (const server of servers.splice(0)) server.close();
});

function route(id: string, port: number | null, instances = ['node/a']): Route {
  const stream = { kind: 'sni' as const, port };
  const source = { provider: 'consul' as const, service: 'svc', instances, text: `fairlead:${id}` };
  return { id, rule: { stream }, source } as unknown as Route;
}

function apply(set: Route[], drop: string[] = []): void {
  for (const each of set) routes.set(each.id, each);
  for (const id of drop) routes.delete(id);
  ports.apply({ routes: { set, drop } });
}

async function hold(port: number): Promise<Server> {
  const server = createServer().listen(port, '127.0.0.1');
  servers.push(server);
  await once(server, 'listening');
  return server;
}

test('nothing is opened before the start; afterwards each port once, whoever shares it', async () => {
  const [a, b] = (await freePorts(2)) as [number, number];
  apply([route('x', a), route('y', a), route('shared', null)]);
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(published).toEqual([]);
  ports.start();
  await eventually(() => expect(published).toEqual([[a]]));
  apply([route('z', b)]);
  await eventually(() => expect(published.at(-1)).toEqual([a, b]));
  apply([], ['x']);
  expect(published).toHaveLength(2);
  apply([], ['y']);
  expect(published.at(-1)).toEqual([b]);
  expect(ports.open()).toEqual([b]);
});

test('a route that moves to another port leaves the one it had', async () => {
  const [a, b] = (await freePorts(2)) as [number, number];
  ports.start();
  apply([route('x', a)]);
  await eventually(() => expect(ports.open()).toEqual([a]));
  apply([route('x', b)]);
  await eventually(() => expect(ports.open()).toEqual([b]));
});

test('a port in use is a refusal for every instance, until it is free', async () => {
  const [a] = (await freePorts(1)) as [number];
  const holder = await hold(a);
  ports.start();
  apply([route('x', a, ['node/1', 'node/2'])]);
  await eventually(() => ports.refusals().length === 2);
  expect(ports.refusals()[1]).toEqual({
    ...{ provider: 'consul', service: 'svc', instance: 'node/2', text: 'fairlead:x' },
    reason: `port ${a} is in use by another process`,
  });
  expect(published).toEqual([]);
  holder.close();
  await eventually(() => expect(ports.open()).toEqual([a]));
  expect(ports.refusals()).toEqual([]);
  expect(logged).toEqual(['a port of routes could not be opened', 'a port of routes is open after all']);
});

test('one worker that cannot have it closes it everywhere, and it is tried again', async () => {
  const [a] = (await freePorts(1)) as [number];
  ports.start();
  apply([route('x', a)]);
  await eventually(() => expect(published).toEqual([[a]]));
  ports.failed(a, 'EACCES');
  expect(published).toEqual([[a], []]);
  expect(ports.refusals()).toMatchObject([{ reason: expect.stringContaining('CAP_NET_BIND_SERVICE') }]);
  // The others that could not either change nothing.
  ports.failed(a, 'EACCES');
  await eventually(() => expect(published).toEqual([[a], [], [a]]));
  expect(ports.refusals()).toEqual([]);
});

test('a port nobody wants any more is not tried again', async () => {
  const [a] = (await freePorts(1)) as [number];
  const holder = await hold(a);
  ports.start();
  apply([route('x', a)]);
  await eventually(() => ports.refusals().length === 1);
  apply([], ['x']);
  expect(ports.refusals()).toEqual([]);
  holder.close();
  await new Promise((resolve) => setTimeout(resolve, 300));
  expect(published).toEqual([]);
});

test('a port that nobody wants any more when it turns out to be free stays closed', async () => {
  const [a, b] = (await freePorts(2)) as [number, number];
  ports.start();
  apply([route('x', a)]);
  apply([], ['x']);
  // The one asked for later is open, so the earlier one has been looked at.
  apply([route('y', b)]);
  await eventually(() => expect(ports.open()).toEqual([b]));
  expect(published).toEqual([[b]]);
});

test('a port wanted anew while it is looked at is opened once', async () => {
  const [a, b] = (await freePorts(2)) as [number, number];
  ports.start();
  apply([route('x', a)]);
  apply([], ['x']);
  apply([route('x', a)]);
  apply([route('y', b)]);
  await eventually(() => expect(ports.open()).toEqual([a, b]));
  expect(published).toHaveLength(2);
});

test('each transport has its ports', async () => {
  const [a] = (await freePorts(1)) as [number];
  ports.start();
  const udp = { ...route('u', a), rule: { stream: { kind: 'udp', port: a } } } as unknown as Route;
  apply([udp]);
  expect([ports.open(), ports.refusals()]).toEqual([[], []]);
  apply([route('x', a)]);
  await eventually(() => expect(ports.open()).toEqual([a]));
});
