/** HAProxy kept by `fairlead render`: servers over its socket, the rest by reload, no request lost. */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { RuntimeSocket, readServerStates } from '../../src/render/builtin/haproxy-socket.ts';
import { type Backend, startBackend } from '../support/backend.ts';
import { Client, get } from '../support/client.ts';
import { type ConsulAgent, skipConsul, startConsul } from '../support/consul.ts';
import { startLoad } from '../support/load.ts';
import { freePort } from '../support/ports.ts';
import { eventually } from '../support/process.ts';
import { type Rendered, startRenderedHaproxy } from './rendered.ts';
import { deregister, note, register, setCheck } from './site.ts';

/** Flips go round these: one service is read anew at most ten times a second. */
const SERVICES = ['s0', 's1', 's2', 's3', 's4', 's5'];

describe.skipIf(skipConsul)('HAProxy beside the renderer', () => {
  let consul: ConsulAgent;
  let backends: readonly Backend[] = [];
  let port: number;
  let rendered: Rendered;
  let socket: RuntimeSocket;

  beforeAll(async () => {
    consul = await startConsul();
    backends = await Promise.all([startBackend({ name: 'a' }), startBackend({ name: 'b' })]);
    for (const name of SERVICES) for (const backend of backends) await add(name, backend.name);
    port = await freePort();
    rendered = await startRenderedHaproxy({ consul, port, flags: ['-haproxy-socket', 'runtime.sock'] });
    socket = new RuntimeSocket(join(rendered.folder, 'runtime.sock'));
  });

  afterAll(async () => {
    await rendered?.stop();
    await Promise.all(backends.map((each) => each.close()));
    await consul?.stop();
  });

  const add = (name: string, backend: string): Promise<void> =>
    register(consul, {
      ...{ name, id: `${name}-${backend}`, tags: [`fairlead:${name}.test/`] },
      port: backends.find((each) => each.name === backend)!.port,
    });
  /** What HAProxy itself says of the servers of a service. */
  const serversOf = async (service: string): Promise<string[][]> => {
    const states = readServerStates(await socket.send(['show servers state']));
    return states
      .filter(({ backend }) => backend === `http:${service}`)
      .map(({ address, isOff, isReady }) => [
        isReady ? 'ready' : isOff ? 'off' : 'draining',
        backends.find(({ port: at }) => address.endsWith(`:${at}`))!.name,
      ])
      .sort(([, one = ''], [, other = '']) => (one < other ? -1 : 1));
  };

  const only = async (service: string, backend: string): Promise<void> => {
    for (let i = 0; i < 4; i++) expect((await get(port, { host: `${service}.test` })).body).toBe(backend);
  };

  test('100 flips of checks reach traffic in milliseconds, without a reload and a failed request', async () => {
    const before = await rendered.reloads();
    const failed: unknown[] = [];
    /** When the last request was sent that the instance answered. */
    const last = new Map<string, number>();
    let host = SERVICES[0]!;
    let isOver = false;
    const load = Array.from({ length: 4 }, async () => {
      const client = new Client(port);
      while (!isOver) {
        const [service, sentAt] = [host, performance.now()];
        try {
          const { status, body } = await client.request({ host: `${service}.test` });
          if (status !== 200) failed.push(status);
          const id = `${service}-${body}`;
          last.set(id, Math.max(sentAt, last.get(id) ?? 0));
        } catch (error) {
          failed.push(error);
        }
        await sleep(2);
      }
      client.close();
    });
    const lags: number[] = [];
    for (let flip = 0; flip < 100; flip++) {
      host = SERVICES[flip % SERVICES.length]!;
      const id = `${host}-${flip % 4 < 2 ? 'a' : 'b'}`;
      const since = performance.now();
      await eventually(() => (last.get(id) ?? 0) > since, { what: `traffic of ${id}` });
      const flippedAt = performance.now();
      await setCheck(consul, id, 'critical');
      await eventually(() => performance.now() - last.get(id)! > 50, { what: `the departure of ${id}` });
      lags.push(Math.max(0, last.get(id)! - flippedAt));
      await setCheck(consul, id, 'passing');
    }
    isOver = true;
    await Promise.all(load);
    lags.sort((one, other) => one - other);
    const [p50, p99, most] = [lags[50]!, lags[98]!, lags[99]!].map((lag) => lag.toFixed(1));
    note(`100 flips through Consul to HAProxy: p50 ${p50} ms, p99 ${p99} ms, most ${most} ms`);
    expect(failed).toEqual([]);
    expect(await rendered.reloads()).toBe(before);
    expect(lags[50]).toBeLessThan(250);
  }, 60_000);

  test('an instance that leaves finishes what it has, and is deleted by and by', async () => {
    const [a] = backends;
    let answer = (): void => {};
    const asked = new Promise<void>((resolve) => {
      a!.handler = async (_request, reply) => {
        resolve();
        await new Promise<void>((done) => {
          answer = done;
        });
        await reply.send({ body: 'late' });
      };
    });
    await setCheck(consul, 's0-b', 'critical');
    await eventually(async () => expect(await serversOf('s0')).toEqual([['ready', 'a']]));
    const slow = get(port, { host: 's0.test' });
    await asked;
    await setCheck(consul, 's0-b', 'passing');
    await deregister(consul, 's0-a');
    await eventually(async () =>
      expect(await serversOf('s0')).toEqual([
        ['off', 'a'],
        ['ready', 'b'],
      ]),
    );
    answer();
    expect((await slow).body).toBe('late');
    a!.handler = (_request, reply) => reply.send();
    await eventually(async () => expect(await serversOf('s0')).toEqual([['ready', 'b']]), {
      timeoutMs: 10_000,
    });
    expect(await rendered.reloads()).toBe(1);
  });

  test('a host without instances answers 503 until there is one again, all without a reload', async () => {
    await deregister(consul, 's1-a');
    await deregister(consul, 's1-b');
    const nobody = async () => {
      const { status, headers } = await get(port, { host: 's1.test' });
      expect([status, headers.get('x-fairlead-reason')]).toEqual([503, 'no_healthy_instance']);
    };
    await eventually(nobody);
    await add('s1', 'b');
    await eventually(async () => expect((await get(port, { host: 's1.test' })).body).toBe('b'));
    expect(await rendered.reloads()).toBe(1);
  });

  test('a new host takes a reload, which no request notices', async () => {
    const load = startLoad({ port, host: 's2.test', connections: 8, ratePerSecond: 300 });
    for (const [at, name] of ['n0', 'n1', 'n2'].entries()) {
      await add(name, 'a');
      await eventually(async () => expect((await get(port, { host: `${name}.test` })).status).toBe(200));
      // The flip right after a reload must not be lost on the process that leaves.
      await setCheck(consul, 's2-a', at % 2 === 0 ? 'critical' : 'passing');
      const left = at % 2 === 0 ? ['b'] : ['a', 'b'];
      await eventually(
        async () => {
          const ready = (await serversOf('s2')).filter(([state]) => state === 'ready');
          expect(ready.map(([, name]) => name)).toEqual(left);
        },
        { timeoutMs: 10_000 },
      );
    }
    const { failed, ok } = await load.stop();
    expect(failed).toEqual([]);
    expect(ok).toBeGreaterThan(0);
    expect(await rendered.reloads()).toBe(4);
  });

  test('without its socket it says so, and reloads instead', async () => {
    await rm(join(rendered.folder, 'runtime.sock'));
    const load = startLoad({ port, host: 's3.test', connections: 4, ratePerSecond: 200 });
    await setCheck(consul, 's3-a', 'critical');
    await eventually(() => only('s3', 'b'), { timeoutMs: 10_000 });
    expect((await load.stop()).failed).toEqual([]);
    expect(rendered.logged('HAProxy must be reloaded').at(-1)).toMatchObject({
      level: 'warn',
      reason: expect.stringMatching(/^the runtime socket failed: .*runtime\.sock/),
    });
    expect(await rendered.reloads()).toBe(5);
  });
});
