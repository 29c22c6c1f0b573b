/** Instances whose machine does not answer: a connection to one hangs until somebody gives up. */
import { once } from 'node:events';
import { connect } from 'node:net';
import { Worker } from 'node:worker_threads';
import { afterEach, expect, test } from 'vitest';
import { Family } from '../../../../src/shared/counters.ts';
import { eventually } from '../../../support/process.ts';
import { begin, instance, named, plane, TCP, talk } from './stage.ts';

/** A port whose queue of connections is full: the system answers no further one. */
async function fullPort(): Promise<number> {
  const worker = new Worker(
    `const { createServer } = require('node:net');
    const server = createServer().listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => {
      require('node:worker_threads').parentPort.postMessage(server.address().port);
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
    });`,
    { eval: true },
  );
  const [number] = (await once(worker, 'message')) as [number];
  const fillers = Array.from({ length: 8 }, () => connect(number, '127.0.0.1').on('error', () => {}));
  endings.push(async () => {
    for (const filler of fillers) filler.destroy();
    await worker.terminate();
  });
  // The queue has room for two.
  await Promise.all(fillers.slice(0, 2).map((filler) => once(filler, 'connect')));
  return number;
}

const endings: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const end of endings.splice(0)) await end();
});

test('an instance that does not answer costs the time to connect, once', async () => {
  await begin([await fullPort(), await instance(named('alive'))], { timeouts: { connectMs: 200 } });
  const clients = [talk(), talk(), talk()];
  for (const client of clients) await client.hears(/alive/);
  const slow = [...plane.engine.streams].filter(({ retries }) => retries === 1);
  expect(slow.length).toBeGreaterThan(0);
  expect(plane.sum(Family.retries)).toBe(slow.length);
});

test('one that leaves meanwhile is given up at once where connections are to leave with it', async () => {
  const [full, alive] = [await fullPort(), await instance(named('alive'))];
  await begin([full], { routes: [{ ...TCP, options: { departure: 'close' } }] });
  const client = talk();
  await eventually(() => plane.inFlight() === 1);
  plane.setPools({ main: [alive] });
  await client.hears(/alive/);
  expect(client.ending).toBe('');
  expect([...plane.engine.streams]).toMatchObject([{ retries: 1 }]);
});
