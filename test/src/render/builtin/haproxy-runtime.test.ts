import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type HaproxyFile, renderHaproxy } from '../../../../src/render/builtin/haproxy.ts';
import { applyAtRuntime } from '../../../../src/render/builtin/haproxy-runtime.ts';
import { RuntimeSocket, readServerStates } from '../../../../src/render/builtin/haproxy-socket.ts';
import { skipExternal } from '../../../provision.ts';
import { type Backend, startBackend } from '../../../support/backend.ts';
import { Client, get } from '../../../support/client.ts';
import { freePort } from '../../../support/ports.ts';
import { eventually } from '../../../support/process.ts';
import { OPTIONS, pool, type Running, route, startHaproxy, state } from './stage.ts';

describe.skipIf(skipExternal)('a running HAProxy', () => {
  let a: Backend;
  let b: Backend;
  let port: number;
  let running: Running;
  let current: HaproxyFile;
  let socket: RuntimeSocket;

  const fileOf = (ports: readonly (number | readonly [number, number])[], host = 'a.test'): HaproxyFile =>
    renderHaproxy({
      ...state({ port, routes: [route({ host })], pools: [pool('web', ports)] }),
      options: { ...OPTIONS, haproxySocket: running.socket },
    });
  const to = async (next: HaproxyFile) => {
    const applied = await applyAtRuntime(socket, current, next);
    if (applied.kind === 'applied') current = next;
    return applied;
  };
  const states = async () => readServerStates(await socket.send(['show servers state']));

  beforeAll(async () => {
    [a, b] = await Promise.all([startBackend({ name: 'a' }), startBackend({ name: 'b' })]);
    port = await freePort();
    const input = state({ port, routes: [route({ host: 'a.test' })], pools: [pool('web', [a.port])] });
    running = await startHaproxy(input, port);
    current = running.file!;
    socket = new RuntimeSocket(running.socket);
  });
  afterAll(async () => {
    await running?.stop();
    await Promise.all([a.close(), b.close()]);
  });

  it('follows 100 flips of its instance with no failed request, each within milliseconds', async () => {
    const clients = Array.from({ length: 4 }, () => new Client(port));
    const failed: unknown[] = [];
    let isOver = false;
    const lastAt = new Map<string, number>();
    let served = 0;
    const load = clients.map(async (client) => {
      while (!isOver) {
        const sentAt = performance.now();
        try {
          const { status, body } = await client.request({ host: 'a.test' });
          if (status !== 200) failed.push(status);
          lastAt.set(body, Math.max(sentAt, lastAt.get(body) ?? 0));
          served++;
        } catch (error) {
          failed.push(error);
        }
      }
    });
    const lags: number[] = [];
    for (let flip = 0; flip < 100; flip++) {
      const [old, fresh] = flip % 2 === 0 ? [a, b] : [b, a];
      const before = served;
      const calledAt = performance.now();
      expect((await to(fileOf([fresh.port]))).kind).toBe('applied');
      await eventually(() => served >= before + 12, 'traffic');
      lags.push(Math.max(0, (lastAt.get(old.name) ?? 0) - calledAt));
    }
    isOver = true;
    await Promise.all(load);
    for (const client of clients) client.close();
    lags.sort((x, y) => x - y);
    const [p50, most] = [lags[50]!, lags.at(-1)!];
    if (process.env.FAIRLEAD_FIGURES)
      process.stderr.write(
        `flips: p50 ${p50.toFixed(1)} ms, most ${most.toFixed(1)} ms, ${served} requests\n`,
      );
    expect(failed).toEqual([]);
    expect(p50).toBeLessThan(250);
    // Those that left are gone, not kept for ever.
    await to(fileOf([a.port]));
    await eventually(async () => {
      await to(fileOf([a.port]));
      expect((await states()).length).toBe(1);
    }, 'the deletion of those that left');
  }, 60_000);

  it('lets a connection of an instance that leaves finish, and deletes it only then', async () => {
    await to(fileOf([a.port]));
    let answer = (): void => {};
    const asked = new Promise<void>((resolve) => {
      a.handler = async (_request, reply) => {
        resolve();
        await new Promise<void>((done) => {
          answer = done;
        });
        await reply.send({ body: 'late' });
      };
    });
    const slow = get(port, { host: 'a.test' });
    await asked;
    const applied = await to(fileOf([b.port]));
    expect(applied).toMatchObject({ kind: 'applied', leaving: [expect.stringContaining(`_3a${a.port}`)] });
    expect((await get(port, { host: 'a.test' })).body).toBe('b');
    answer();
    expect((await slow).body).toBe('late');
    a.handler = (_request, reply) => reply.send();
    await eventually(async () => {
      expect(await to(fileOf([b.port]))).toMatchObject({ kind: 'applied', leaving: [] });
    }, 'the deletion');
  });

  it('answers 503 with a reason while there is nobody, and comes back', async () => {
    expect((await to(fileOf([]))).kind).toBe('applied');
    const nobody = await get(port, { host: 'a.test' });
    expect(nobody.status).toBe(503);
    expect(nobody.headers.get('x-fairlead-reason')).toBe('no_healthy_instance');
    expect(nobody.headers.get('retry-after')).toBe('2');
    expect((await to(fileOf([a.port]))).kind).toBe('applied');
    expect((await get(port, { host: 'a.test' })).body).toBe('a');
  });

  it('has the weights, servers and states that a start with the file would have', async () => {
    await to(
      fileOf([
        [a.port, 3],
        [b.port, 600],
      ]),
    );
    await socket.send([`set server http:web/${current.backends[0]!.servers[0]!.name} state drain`]);
    expect(
      (
        await to(
          fileOf([
            [a.port, 600],
            [b.port, 0],
          ]),
        )
      ).kind,
    ).toBe('applied');
    const wanted = current.backends.flatMap(({ name: backend, servers }) =>
      servers.map(({ name, address, weight }) => ({
        backend,
        name,
        address,
        weight,
        isOff: false,
        isReady: true,
      })),
    );
    const byName = (x: { name: string }, y: { name: string }): number => (x.name < y.name ? -1 : 1);
    expect((await states()).sort(byName)).toEqual(wanted.sort(byName));
  });

  it('wants a reload when more than servers changes, and when the socket is gone', async () => {
    expect(await to(fileOf([a.port], 'other.test'))).toMatchObject({ kind: 'reload' });
    expect(await applyAtRuntime(socket, null, current)).toMatchObject({ kind: 'reload' });
    const nowhere = new RuntimeSocket(`${running.socket}.no`);
    const applied = await applyAtRuntime(nowhere, current, fileOf([b.port]));
    expect(applied).toMatchObject({
      kind: 'reload',
      reason: expect.stringContaining('runtime socket failed'),
    });
  });

  it('refuses text that would be two commands', async () => {
    await expect(socket.send(['show info; show stat'])).rejects.toThrow('not one command');
    await expect(socket.send(['show info\nshow stat'])).rejects.toThrow('not one command');
  });
});
