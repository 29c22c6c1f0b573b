/** Instances that Consul calls healthy and that fail all the same. */
import { describe, expect, test } from 'vitest';
import { EndpointState, Family } from '../../../src/shared/counters.ts';
import { startBackend } from '../../support/backend.ts';
import { get } from '../../support/client.ts';
import { freePort } from '../../support/ports.ts';
import { backend, begin, plane } from './stage.ts';

describe('an instance that accepts and then fails', () => {
  test('is left out after five failures in a row, and no client sees one of them', async () => {
    await begin();
    const bad = await startBackend({ name: 'bad', handler: async (_, reply) => reply.reset() });
    plane.setPools({ main: [backend.port, bad.port] });
    for (let i = 0; i < 30; i++) expect((await get(plane.port)).body).toBe('b1');
    expect(bad.requests.length).toBe(5);
    expect(plane.counters.state(plane.endpoint(bad.port).slot)).toBe(EndpointState.ejected);
    await bad.kill();
  });

  test('is asked all the same when it is most of the pool: the fault may be elsewhere', async () => {
    await begin(async (_, reply) => reply.reset());
    for (let i = 0; i < 8; i++) expect((await get(plane.port)).status).toBe(502);
    expect(plane.counters.state(plane.endpoint(backend.port).slot)).toBe(EndpointState.active);
  });
});

describe('when all of a pool refuses', () => {
  test('everybody is asked rather than nobody, and retries stay within their budget (F23)', async () => {
    await begin();
    plane.setPools({ main: [await freePort(), await freePort(), await freePort()] });
    const requests = 400;
    for (let i = 0; i < requests; i += 20) {
      const answers = await Promise.all(Array.from({ length: 20 }, () => get(plane.port)));
      for (const answer of answers) expect(answer.headers.get('x-fairlead-reason')).toBe('connect_failed');
    }
    const retries = plane.sum(Family.retries);
    expect(retries).toBeGreaterThanOrEqual(100);
    expect(retries).toBeLessThanOrEqual(100 + requests * 0.2);
  });
});

test('one endpoint in two pools has its own weight in each', async () => {
  await begin(undefined, {
    routes: [
      { host: 'a', pool: 'main' },
      { host: 'b', pool: 'other' },
    ],
    pools: { main: [], other: [] },
  });
  plane.setPools({
    main: [{ port: backend.port, weight: 0 }],
    other: [{ port: backend.port, weight: 5 }],
  });
  expect((await get(plane.port, { host: 'a' })).headers.get('x-fairlead-reason')).toBe('no_healthy_instance');
  expect((await get(plane.port, { host: 'b' })).body).toBe('b1');
});
