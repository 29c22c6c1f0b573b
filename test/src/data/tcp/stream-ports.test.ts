import { connect, createServer } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { StreamPorts } from '../../../../src/data/tcp/stream-ports.ts';
import { Family } from '../../../../src/shared/counters.ts';
import type { FromWorker } from '../../../../src/shared/messages.ts';
import { accepts, freePorts } from '../../../support/ports.ts';
import { eventually } from '../../../support/process.ts';
import { begin, echo, instance, plane } from './stage.ts';

let ports: StreamPorts | null = null;
const sent: FromWorker[] = [];

async function open(numbers: readonly number[], drainMs = 300): Promise<void> {
  const routes = numbers.map((port) => ({ stream: { kind: 'tcp' as const, port } }));
  await begin([await instance(echo)], { routes, timeouts: { drainMs } });
  sent.length = 0;
  ports = new StreamPorts(plane.engine, (message) => void sent.push(message));
  ports.set(numbers);
  for (const port of numbers) await eventually(() => accepts(port));
}

afterEach(() => {
  ports?.close();
  ports = null;
});

test('what is asked for is open, what is not is closed, and what stays is not disturbed', async () => {
  const [a, b, c] = (await freePorts(3)) as [number, number, number];
  await open([a, b]);
  const client = connect(a, '127.0.0.1');
  client.write('x');
  await eventually(() => plane.inFlight() === 1);
  ports!.set([a, c]);
  await eventually(() => accepts(c));
  await expect(accepts(b)).rejects.toThrow('ECONNREFUSED');
  client.end('y');
  const line = { bytesIn: 2, reason: 'client_closed', listener: `tcp:${a}` };
  await eventually(() => expect(plane.log()).toContainEqual(expect.objectContaining(line)));
});

test('connections of a closed port finish, within the time; then its numbers are gone', async () => {
  const [a] = (await freePorts(1)) as [number];
  await open([a]);
  const client = connect(a, '127.0.0.1');
  let heard = '';
  client.on('data', (bytes) => {
    heard += bytes;
  });
  client.on('error', () => {});
  client.write('x');
  await eventually(() => heard === 'x');
  expect(plane.sum(Family.accepted)).toBeGreaterThan(0);
  ports!.set([]);
  client.write('y');
  await eventually(() => heard === 'xy');
  await eventually(() => client.destroyed);
  expect(plane.log()).toContainEqual(expect.objectContaining({ reason: 'drained', bytesIn: 2 }));
  expect([plane.sum(Family.accepted), plane.sum(Family.connections)]).toEqual([0, 0]);
});

test('connections of a port that comes back in time go on', async () => {
  const [a] = (await freePorts(1)) as [number];
  await open([a]);
  const client = connect(a, '127.0.0.1');
  let heard = '';
  client.on('data', (bytes) => {
    heard += bytes;
  });
  client.write('x');
  await eventually(() => heard === 'x');
  ports!.set([]);
  await expect(accepts(a)).rejects.toThrow('ECONNREFUSED');
  ports!.set([a]);
  await eventually(() => accepts(a));
  // Past the time that connections of a closed port have.
  await new Promise((resolve) => setTimeout(resolve, 500));
  client.write('y');
  await eventually(() => heard === 'xy');
  client.end();
});

test('nothing is opened again while the router stops', async () => {
  const [a, b] = (await freePorts(2)) as [number, number];
  await open([a]);
  ports!.close();
  ports!.set([a, b]);
  await expect(accepts(a)).rejects.toThrow('ECONNREFUSED');
  await expect(accepts(b)).rejects.toThrow('ECONNREFUSED');
});

test('a port that cannot be had is told, and asked for again only when it is told to', async () => {
  const [a] = (await freePorts(1)) as [number];
  const holder = createServer().listen(a, '127.0.0.1');
  await begin([]);
  sent.length = 0;
  ports = new StreamPorts(plane.engine, (message) => void sent.push(message));
  ports.set([a]);
  await eventually(() =>
    expect(sent).toEqual([{ type: 'port-failed', transport: 'tcp', port: a, code: 'EADDRINUSE' }]),
  );
  await new Promise((resolve) => holder.close(resolve));
  ports.set([a]);
  await eventually(() => accepts(a));
});
