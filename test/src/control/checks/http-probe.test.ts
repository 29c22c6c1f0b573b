import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import type { ActiveCheck } from '../../../../router/active-checks.ts';
import { createProbe, type ProbeResult } from '../../../../src/control/checks/http-probe.ts';
import { type Backend, type Handler, startBackend } from '../../../support/backend.ts';
import { createTestCa } from '../../../support/certificates.ts';
import { freePorts } from '../../../support/ports.ts';
import { eventually } from '../../../support/process.ts';
import { startTlsFront } from '../../../support/tls-front.ts';

const probe = createProbe({ caPem: null, client: null, serverName: null });
const backends: Backend[] = [];
const servers: Server[] = [];

afterEach(async () => {
  for (const server of servers.splice(0)) server.close();
  await Promise.all(backends.splice(0).map((backend) => backend.kill()));
});

async function start(handler?: Handler): Promise<Backend> {
  const backend = await startBackend({ name: 'one', ...(handler && { handler }) });
  backends.push(backend);
  return backend;
}

/** Bare TCP, for what no server of HTTP says. `open` has the connections that nobody closed. */
async function startBare(onRequest: (socket: Socket) => void): Promise<{ port: number; open: Set<Socket> }> {
  const open = new Set<Socket>();
  const server = createServer((socket) => {
    open.add(socket);
    socket.on('error', () => {}).on('close', () => open.delete(socket));
    socket.once('data', () => onRequest(socket));
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { port: (server.address() as AddressInfo).port, open };
}

function check(port: number, more: Partial<ActiveCheck> = {}): ActiveCheck {
  return {
    ...{ id: 'c', endpoint: 'e', service: 's', address: '127.0.0.1', port, protocol: 'http', tls: null },
    ...{ path: '/health?deep=1', intervalMs: 1_000, host: 'a.test' },
    ...more,
  };
}

function ask(port: number, timeoutMs = 5_000, signal = new AbortController().signal): Promise<ProbeResult> {
  return probe(check(port), timeoutMs, signal);
}

test('the question is a GET on a connection of its own, which is closed', async () => {
  const backend = await start();
  await ask(backend.port);
  await ask(backend.port);
  expect(backend.requests.map(({ head }) => head)).toEqual(
    Array(2).fill(
      'GET /health?deep=1 HTTP/1.1\r\nhost: a.test\r\nuser-agent: fairlead-check\r\naccept: */*\r\n' +
        'Connection: close\r\n\r\n',
    ),
  );
  expect(backend.transcripts().length).toBe(2);
  await eventually(() => backend.connections === 0);
  expect(backend.violations).toEqual([]);
});

describe('what passes', () => {
  test.each([
    [200, true],
    [204, true],
    [302, true],
    [399, true],
    [400, false],
    [404, false],
    [429, false],
    [500, false],
    [503, false],
  ])('status %i: %s', async (status, hasPassed) => {
    const backend = await start((_, reply) => reply.send({ status }));
    expect(await ask(backend.port)).toEqual({ hasPassed, output: `status ${status}` });
  });

  test('an interim answer is not the answer', async () => {
    const backend = await start(async (_, reply) => {
      await reply.head(103);
      await reply.send({ status: 500 });
    });
    expect(await ask(backend.port)).toEqual({ hasPassed: false, output: 'status 500' });
  });

  test('a body without end is given up; the status stands', async () => {
    const chunk = `8000\r\n${'x'.repeat(0x8000)}\r\n`;
    const { port, open } = await startBare((socket) => {
      socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n');
      const more = (): void => {
        while (!socket.destroyed && socket.write(chunk));
      };
      socket.on('drain', more);
      more();
    });
    expect(await ask(port, 60_000)).toEqual({ hasPassed: true, output: 'status 200' });
    await eventually(() => open.size === 0);
  });

  test('a body that stalls does not take longer than the limit; the status stands', async () => {
    const { port, open } = await startBare((socket) =>
      socket.write('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n'),
    );
    expect(await ask(port, 100)).toEqual({ hasPassed: true, output: 'status 200' });
    await eventually(() => open.size === 0);
  });
});

describe('what fails', () => {
  test('nobody listens', async () => {
    const [port = 0] = await freePorts(1);
    expect(await ask(port)).toEqual({ hasPassed: false, output: `connect ECONNREFUSED 127.0.0.1:${port}` });
  });

  test('no answer in time', async () => {
    const { port, open } = await startBare(() => {});
    expect(await ask(port, 80)).toEqual({ hasPassed: false, output: 'no answer within 80 ms' });
    await eventually(() => open.size === 0);
  });

  test.each([
    ['a connection that is reset', '', /ECONNRESET|socket hang up/],
    ['an answer in no language', 'SSH-2.0-OpenSSH_9.9\r\n', /Parse Error/],
    ['an upgrade nobody asked for', 'HTTP/1.1 101 X\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n', /./],
    ['a head without end', `HTTP/1.1 200 OK\r\n${'x: yyyyyyyyyyyy\r\n'.repeat(2_000)}`, /overflow/],
  ])('%s', async (_, bytes, output) => {
    const { port } = await startBare((socket) =>
      bytes === '' ? socket.resetAndDestroy() : socket.end(bytes),
    );
    expect(await ask(port)).toEqual({ hasPassed: false, output: expect.stringMatching(output) });
  });

  test('a name that does not exist', async () => {
    const result = await probe(check(80, { address: 'nobody.invalid' }), 5_000, new AbortController().signal);
    expect(result.hasPassed).toBe(false);
  });

  test('being called off', async () => {
    const { port, open } = await startBare(() => abort.abort());
    const abort = new AbortController();
    expect((await ask(port, 5_000, abort.signal)).hasPassed).toBe(false);
    await eventually(() => open.size === 0);
  });
});

test('an instance with TLS is asked as requests are: it must prove its name', async () => {
  const backend = await start();
  const authority = await createTestCa();
  const front = await startTlsFront(backend.port, await authority.certificate('a.test'));
  const trusting = createProbe({ caPem: authority.rootPem, client: null, serverName: null });
  const { signal } = new AbortController();
  const asked = (name: string, isInsecure = false) =>
    trusting(check(front.port, { protocol: 'https', tls: { name, isInsecure } }), 5_000, signal);
  expect(await asked('a.test')).toEqual({ hasPassed: true, output: 'status 200' });
  expect(await asked('b.test')).toMatchObject({
    hasPassed: false,
    output: expect.stringContaining('b.test'),
  });
  expect(await asked('b.test', true)).toMatchObject({ hasPassed: true });
  await front.close();
});
