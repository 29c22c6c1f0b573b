/** `maxconn` in the whole program, over real threads. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type EmbeddedRegistry, startRegistry } from '../../src/embedded/registry.ts';
import { type Backend, startBackend } from '../support/backend.ts';
import { eventually } from '../support/process.ts';
import { type Site, startSite } from './site.ts';

const MAXCONN = 2;

let backend: Backend;
let registry: EmbeddedRegistry;
let site: Site;
let running = 0;
let most = 0;
let isOpen = Promise.withResolvers<void>();

beforeAll(async () => {
  backend = await startBackend({
    name: 'b1',
    handler: async (_, reply) => {
      running++;
      most = Math.max(most, running);
      await isOpen.promise;
      await new Promise((resolve) => setTimeout(resolve, 2));
      running--;
      await reply.send();
    },
  });
  const rule = `{ rule: "svc.test maxconn=${MAXCONN}", to: ["127.0.0.1:${backend.port}"] }`;
  const limits = 'limits: { queue: 60 }\ntimeouts: { queue: 4s }';
  registry = await startRegistry();
  site = await startSite({ consul: registry.url, config: `${limits}\nroutes: [${rule}]\n` });
});

afterAll(async () => {
  await site?.stop();
  await registry?.close();
  await backend?.close();
});

test('no more than the limit over all workers; who waits is seen, and is answered', async () => {
  const count = 60;
  const answers = Array.from({ length: count }, () => site.get('svc.test', { timeoutMs: 20_000 }));
  await eventually(async () => {
    const [pool] = await site.pools();
    expect(pool).toMatchObject({
      maxconn: MAXCONN,
      queued: count - MAXCONN,
      endpoints: [{ inFlight: MAXCONN }],
    });
  });
  expect(await site.metric('fairlead_queued_requests')).toBe(count - MAXCONN);
  isOpen.resolve();
  expect((await Promise.all(answers)).map(({ status }) => status)).toEqual(Array(count).fill(200));
  expect(most).toBe(MAXCONN);
  expect(await site.metric('fairlead_queued_requests')).toBe(0);
  expect(await site.metric('fairlead_queue_refused_total')).toBe(0);
});

test('who waits for too long is told, and counted', async () => {
  isOpen = Promise.withResolvers();
  const answers = Array.from({ length: 10 }, () => site.get('svc.test', { timeoutMs: 20_000 }));
  await eventually(async () => {
    expect(await site.metric('fairlead_queue_refused_total', { cause: 'timeout' })).toBe(10 - MAXCONN);
  });
  isOpen.resolve();
  const statuses = (await Promise.all(answers)).map(({ status }) => status).sort();
  expect(statuses).toEqual([...Array(MAXCONN).fill(200), ...Array(10 - MAXCONN).fill(503)]);
  expect(await site.metric('fairlead_replies_total', { reason: 'overloaded' })).toBe(10 - MAXCONN);
});
