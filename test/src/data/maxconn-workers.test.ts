/** `maxconn` over several workers: two engines share the counters, as threads do. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createCountersLayout } from '../../../src/shared/counters.ts';
import { QueueCounters } from '../../../src/shared/queue-counters.ts';
import { type Backend, startBackend } from '../../support/backend.ts';
import { get } from '../../support/client.ts';
import { type Plane, type PlaneOptions, startPlane } from '../../support/engine.ts';
import { eventually } from '../../support/process.ts';

let backend: Backend;
let planes: Plane[];
let running: number;
let most: number;
/** Of the answers so far, in order, which worker's request it was. */
let served: string[];

beforeEach(async () => {
  running = 0;
  most = 0;
  served = [];
  planes = [];
  backend = await startBackend({
    name: 'b1',
    handler: async ({ target }, reply) => {
      running++;
      most = Math.max(most, running);
      await new Promise((resolve) => setTimeout(resolve, 4));
      running--;
      served.push(target.slice(1));
      await reply.send();
    },
  });
});

afterEach(async () => {
  for (const plane of planes) await plane.quiet();
  for (const plane of planes) await plane.close();
  await backend.kill();
});

async function begin(options: PlaneOptions): Promise<QueueCounters> {
  const counters = createCountersLayout(2);
  for (const index of [0, 1])
    planes.push(
      await startPlane({ pools: { main: [backend.port] }, ...options, worker: { index, counters } }),
    );
  return new QueueCounters(counters.queues);
}

function ask(worker: number, count: number): Promise<number[]> {
  const plane = planes[worker]!;
  return Promise.all(
    Array.from({ length: count }, async () => (await get(plane.port, { path: `/${worker}` })).status),
  );
}

test.each([1, 3])('no more than %i at once, whoever asks, and everybody is answered', async (maxconn) => {
  await begin({ maxconn });
  const answers = await Promise.all([ask(0, 40), ask(1, 40)]);
  expect(answers.flat()).toEqual(Array(80).fill(200));
  expect(most).toBe(maxconn);
});

describe('while the other worker always has somebody waiting', () => {
  test('those of this one are served in turn, without waiting for a sweep', async () => {
    await begin({ maxconn: 1 });
    for (const { engine } of planes) engine.deadlines.close();
    const busy = ask(0, 40);
    await eventually(() => planes[0]!.pool().queue.size > 20);
    const few = ask(1, 10);
    expect(await few).toEqual(Array(10).fill(200));
    expect(planes[0]!.pool().queue.size).toBeGreaterThan(5);
    expect(await busy).toEqual(Array(40).fill(200));
    // From the moment they wait, every other answer is theirs.
    const turns = served.slice(served.indexOf('1'), served.lastIndexOf('1') + 1);
    expect(turns.length).toBeLessThan(10 * 3);
  });
});

test('a lease that came back unseen is found by the sweep', async () => {
  await begin({ maxconn: 1 });
  const [one, other] = planes.map((plane) => plane.endpoint(backend.port));
  one!.lease();
  const waiting = ask(1, 1);
  await eventually(() => planes[1]!.pool().queue.size === 1);
  // As when the worker that held it has died: nobody rings.
  planes[1]!.counters.addInFlight(one!.slot, 0, -1);
  expect(await waiting).toEqual([200]);
  expect(other!.inFlight()).toBe(0);
});

test('what a dead worker left waiting is not counted', async () => {
  const counters = await begin({ maxconn: 1 });
  counters.addWaiting(3, 0, 1);
  counters.addWaiting(3, 1, 1);
  counters.clearColumn(0);
  expect([counters.waiting(3), counters.nextWaiting(3, 0), counters.nextWaiting(3, 1)]).toEqual([1, 1, 1]);
});
