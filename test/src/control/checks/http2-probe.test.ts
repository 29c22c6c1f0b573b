/** Checks of instances with `proto=h2` and `proto=h2c`. */
import { once } from 'node:events';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { ActiveCheck } from '../../../../router/active-checks.ts';
import { createProbe, type ProbeResult } from '../../../../src/control/checks/http-probe.ts';
import { startBackend } from '../../../support/backend.ts';
import { createTestCa, type TestCa } from '../../../support/certificates.ts';
import { answer, type Http2BackendOptions, startHttp2Backend } from '../../../support/http2-backend.ts';
import { freePort } from '../../../support/ports.ts';
import { eventually } from '../../../support/process.ts';
import { startTlsFront } from '../../../support/tls-front.ts';

const endings: (() => unknown)[] = [];
let authority: TestCa;

beforeAll(async () => {
  authority = await createTestCa();
});
afterEach(async () => {
  for (const end of endings.splice(0).reverse()) await end();
});

async function instance(options: Http2BackendOptions = {}) {
  const backend = await startHttp2Backend(options);
  endings.push(() => backend.close());
  return backend;
}

async function front(port: number, alpn: readonly string[], name = 'a.test'): Promise<number> {
  const certificate = await authority.certificate(name);
  const started = await startTlsFront(port, certificate, { ALPNProtocols: [...alpn] });
  endings.push(() => started.close());
  return started.port;
}

interface Asking {
  readonly protocol?: 'h2' | 'h2c';
  readonly isInsecure?: boolean;
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

function ask(
  port: number,
  { protocol = 'h2c', isInsecure = false, ...more }: Asking = {},
): Promise<ProbeResult> {
  const check: ActiveCheck = {
    ...{ id: 'c', endpoint: 'e', service: 's', address: '127.0.0.1', port, protocol },
    ...{ path: '/health?deep=1', intervalMs: 1_000, host: 'a.test' },
    tls: protocol === 'h2' ? { name: 'a.test', isInsecure } : null,
  };
  const probe = createProbe({ caPem: authority.rootPem, client: null, serverName: null });
  return probe(check, more.timeoutMs ?? 5_000, more.signal ?? new AbortController().signal);
}

test('the question is a GET over HTTP/2, on a connection that is closed', async () => {
  const backend = await instance();
  expect(await ask(backend.port)).toEqual({ hasPassed: true, output: 'status 200' });
  const [request] = backend.requests;
  const sent = [':method', ':scheme', ':authority', ':path'].map((name) => request!.header(name));
  expect(sent).toEqual(['GET', 'http', 'a.test', '/health?deep=1']);
  expect(request!.header('user-agent')).toBe('fairlead-check');
  await eventually(() => backend.sessions.size === 0);
});

test.each([
  [204, true],
  [302, true],
  [404, false],
  [503, false],
])('an answer with %i passes: %s', async (status, hasPassed) => {
  const backend = await instance({ handler: (stream) => answer(stream, '', { ':status': `${status}` }) });
  expect(await ask(backend.port)).toEqual({ hasPassed, output: `status ${status}` });
});

describe('with TLS', () => {
  test('it agrees on h2, and must prove its name unless the route says insecure', async () => {
    const backend = await instance();
    const [good, bad] = [await front(backend.port, ['h2']), await front(backend.port, ['h2'], 'b.test')];
    expect(await ask(good, { protocol: 'h2' })).toEqual({ hasPassed: true, output: 'status 200' });
    expect(backend.requests[0]!.header(':scheme')).toBe('https');
    const refused = await ask(bad, { protocol: 'h2' });
    expect(refused).toEqual({ hasPassed: false, output: expect.stringMatching(/a\.test.*b\.test/) });
    expect((await ask(bad, { protocol: 'h2', isInsecure: true })).hasPassed).toBe(true);
  });

  test.each([
    ['offers HTTP/1.1 alone', ['http/1.1']],
    ['knows no ALPN', []],
  ])('one that %s fails, and the reason says what it lacks', async (_, alpn) => {
    const backend = await startBackend({ name: 'one' });
    endings.push(() => backend.kill());
    const { hasPassed, output } = await ask(await front(backend.port, alpn), { protocol: 'h2' });
    expect(hasPassed).toBe(false);
    expect(output).toMatch(/h2|HTTP\/2|application protocol/i);
    expect(backend.requests).toEqual([]);
  });
});

describe('what fails', () => {
  async function bare(onData: (server: Server) => void = () => {}): Promise<number> {
    const server = createServer((socket) => {
      socket.on('error', () => {}).on('data', () => onData(server));
      endings.push(() => socket.destroy());
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    endings.push(() => server.close());
    return (server.address() as AddressInfo).port;
  }

  test('nobody listens', async () => {
    const port = await freePort();
    expect(await ask(port)).toEqual({ hasPassed: false, output: expect.stringContaining('ECONNREFUSED') });
  });

  test('no answer in time, with and without a session', async () => {
    const silent = await instance({ handler: () => {} });
    const failed = { hasPassed: false, output: 'no answer within 200 ms' };
    expect(await ask(silent.port, { timeoutMs: 200 })).toEqual(failed);
    expect(await ask(await bare(), { timeoutMs: 200 })).toEqual(failed);
    expect(await ask(await bare(), { timeoutMs: 200, protocol: 'h2' })).toEqual(failed);
    await eventually(() => silent.sessions.size === 0);
  });

  test('a server of HTTP/1.1', async () => {
    const backend = await startBackend({ name: 'one' });
    endings.push(() => backend.kill());
    expect((await ask(backend.port)).hasPassed).toBe(false);
    backend.violations.length = 0;
  });

  test('a stream that is reset', async () => {
    const backend = await instance({ handler: (stream) => stream.close(2) });
    const { hasPassed, output } = await ask(backend.port);
    expect(hasPassed).toBe(false);
    expect(output).toMatch(/INTERNAL_ERROR|closed without an answer/);
  });

  test('being called off', async () => {
    const abort = new AbortController();
    const port = await bare(() => abort.abort());
    expect(await ask(port, { signal: abort.signal })).toEqual({
      hasPassed: false,
      output: 'not asked any more',
    });
  });
});
