/** HAProxy kept by `fairlead render`: servers over its socket, the rest by reload, no request lost. */
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { RuntimeSocket, readServerStates } from '../../src/render/builtin/haproxy-socket.ts';
import { type Backend, startBackend } from '../support/backend.ts';
import { type ConsulAgent, skipConsul, startConsul } from '../support/consul.ts';
import { Client, get } from '../support/client.ts';
import { freePort } from '../support/ports.ts';
import { eventually } from '../support/process.ts';
import { type Rendered, startRenderedHaproxy } from './rendered.ts';
import { deregister, note, register, registerBackend, setCheck } from './site.ts';

describe.skipIf(skipConsul)('HAProxy beside the renderer', () => {
  let consul: ConsulAgent;
  let [a, b]: Backend[] = [];
  let port: number;
  let rendered: Rendered;
  let socket: RuntimeSocket;
  const tags = ['fairlead:a.test/'];

  beforeAll(async () => {
    consul = await startConsul();
    [a, b] = await Promise.all([startBackend({ name: 'a' }), startBackend({ name: 'b' })]);
    await registerBackend(consul, 'web', a!, tags);
    await registerBackend(consul, 'web', b!, tags);
    port = await freePort();
    rendered = await startRenderedHaproxy({ consul, port, flags: ['-haproxy-socket', 'runtime.sock'] });
    socket = new RuntimeSocket(join(rendered.folder, 'runtime.sock'));
  });

  afterAll(async () => {
    await rendered?.stop();
    await Promise.all([a?.close(), b?.close()]);
    await consul?.stop();
  });

  const states = async () => readServerStates(await socket.send(['show servers state']));

  test('100 flips of a check reach traffic in milliseconds, without a reload and a failed request', async () => {
    const before = await rendered.reloads();
    const last = new Map<string, number>();
    const failed: unknown[] = [];
    let isOver = false;
    let served = 0;
    const load = Array.from({ length: 4 }, async () => {
      const client = new Client(port);
      while (!isOver) {
        const sentAt = performance.now();
        try {
          const { status, body } = await client.request({ host: 'a.test' });
          if (status !== 200) failed.push(status);
          last.set(body, Math.max(sentAt, last.get(body) ?? 0));
          served++;
        } catch (error) {
          failed.push(error);
        }
      }
      client.close();
    });
    const lags: number[] = [];
    for (let flip = 0; flip < 100; flip++) {
      const [gone, stays] = flip % 2 === 0 ? ['a', 'b'] : ['b', 'a'];
      const flippedAt = performance.now();
      await setCheck(consul, gone, 'critical');
      await eventually(() => performance.now() - (last.get(gone) ?? 0) > 40, { what: 'the departure' });
      lags.push(Math.max(0, (last.get(gone) ?? 0) - flippedAt));
      await setCheck(consul, gone, 'passing');
      await eventually(() => (last.get(gone) ?? 0) > flippedAt + 40, { what: 'the return' });
      expect(stays).toBeDefined();
    }
    isOver = true;
    await Promise.all(load);
    lags.sort((one, other) => one - other);
    const [p50, p99, most] = [lags[50]!, lags[98]!, lags[99]!].map((lag) => lag.toFixed(1));
    note(`100 flips through Consul: p50 ${p50} ms, p99 ${p99} ms, most ${most} ms, ${served} requests`);
    expect(failed).toEqual([]);
    expect(await rendered.reloads()).toBe(before);
    expect(lags[50]).toBeLessThan(250);
  }, 60_000);
});
