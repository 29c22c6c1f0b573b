/** nginx kept by `fairlead render`: each change is a reload, and changes in a row are one. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Backend, startBackend } from '../support/backend.ts';
import { get } from '../support/client.ts';
import { type ConsulAgent, skipConsul, startConsul } from '../support/consul.ts';
import { freePort } from '../support/ports.ts';
import { eventually } from '../support/process.ts';
import { type Rendered, startRenderedNginx } from './rendered.ts';
import { deregister, note, register, registerBackend, setCheck } from './site.ts';

const tags = ['fairlead:a.test/'];

describe.skipIf(skipConsul)('nginx beside the renderer', () => {
  let consul: ConsulAgent;
  let a: Backend;
  let b: Backend;
  let port: number;
  let rendered: Rendered;

  beforeAll(async () => {
    consul = await startConsul();
    [a, b] = await Promise.all([startBackend({ name: 'a' }), startBackend({ name: 'b' })]);
    await registerBackend(consul, 'web', a, tags);
    await registerBackend(consul, 'web', b, tags);
    port = await freePort();
    const flags = ['-wait', '100ms:1s', '-reload-interval', '200ms'];
    rendered = await startRenderedNginx({
      consul,
      port,
      flags,
      config: 'tcp: { ports: 1024-65535, address: 127.0.0.1 }\n',
    });
  });

  afterAll(async () => {
    await rendered?.stop();
    await Promise.all([a?.close(), b?.close()]);
    await consul?.stop();
  });

  /** Clients with a connection for each request, until they are told to stop: what failed, and how many were served. */
  function load(host: string, clients = 4) {
    const failed: unknown[] = [];
    let [served, isOver] = [0, false];
    const last = new Map<string, number>();
    const running = Array.from({ length: clients }, async () => {
      while (!isOver) {
        const sentAt = performance.now();
        try {
          const { status, body } = await get(port, { host });
          if (status !== 200) failed.push(status);
          last.set(body, Math.max(sentAt, last.get(body) ?? 0));
          served++;
        } catch (error) {
          failed.push((error as Error).message);
        }
        await sleep(2);
      }
    });
    const stop = async () => {
      isOver = true;
      await Promise.all(running);
      return { failed, served };
    };
    return { last, stop };
  }

  test('takes flips of checks together in few reloads that no request notices', async () => {
    const before = await rendered.reloads();
    const { last, stop } = load('a.test');
    for (let round = 0; round < 4; round++) {
      const gone = round % 2 === 0 ? 'a' : 'b';
      const since = performance.now();
      await eventually(() => (last.get(gone) ?? 0) > since, { what: `traffic of ${gone}` });
      // A burst, of which only its end counts.
      for (const status of ['critical', 'passing', 'critical'] as const) await setCheck(consul, gone, status);
      await eventually(() => performance.now() - last.get(gone)! > 300, {
        what: `${gone} at rest`,
        timeoutMs: 10_000,
      });
      const backAt = performance.now();
      await setCheck(consul, gone, 'passing');
      await eventually(() => (last.get(gone) ?? 0) > backAt, { what: `${gone} back`, timeoutMs: 10_000 });
    }
    const { failed, served } = await stop();
    const reloads = (await rendered.reloads()) - before;
    note(`16 news for nginx: ${reloads} reloads, ${served} requests`);
    expect(failed).toEqual([]);
    expect(reloads).toBeLessThanOrEqual(12);
    expect(reloads).toBeGreaterThanOrEqual(8);
  }, 60_000);

  test('a host without instances answers 503 until there is one again', async () => {
    await deregister(consul, 'a');
    await deregister(consul, 'b');
    await eventually(
      async () => {
        const { status, headers } = await get(port, { host: 'a.test' });
        expect([status, headers.get('x-fairlead-reason')]).toEqual([503, 'no_healthy_instance']);
      },
      { timeoutMs: 10_000 },
    );
    await registerBackend(consul, 'web', b, tags);
    await eventually(async () => expect((await get(port, { host: 'a.test' })).body).toBe('b'), {
      timeoutMs: 10_000,
    });
  });

  test('a new host and a port of its own come without anybody noticing', async () => {
    const { stop } = load('a.test');
    const tcp = await freePort();
    await register(consul, {
      name: 'shop',
      port: a.port,
      tags: ['fairlead:shop.test/', `fairlead:tcp:${tcp}`],
    });
    await eventually(async () => expect((await get(port, { host: 'shop.test' })).body).toBe('a'), {
      timeoutMs: 10_000,
    });
    await eventually(async () => expect((await get(tcp)).body).toBe('a'));
    expect((await stop()).failed).toEqual([]);
  });

  test('tags that are no routes are named in the log and disturb nobody', async () => {
    await register(consul, {
      name: 'odd',
      port: a.port,
      tags: ['fairlead:odd.test/ typo=1', 'fairlead:odd.test/x;include /etc/passwd;'],
    });
    await eventually(() => rendered.logged('a route is set aside').length >= 2, { timeoutMs: 10_000 });
    expect(await rendered.file()).not.toContain('passwd');
    // A worker from before the reload may still take a connection in the moment in which nginx has both.
    await eventually(async () => expect((await get(port, { host: 'shop.test' })).status).toBe(200));
  });
});
