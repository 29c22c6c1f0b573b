/** That the TLS works of the benchmarks measure what they are named after. No timing is judged. */
import { constants } from 'node:crypto';
import { once } from 'node:events';
import { createSecureServer } from 'node:http2';
import type { AddressInfo } from 'node:net';
import type { TLSSocket, TlsOptions } from 'node:tls';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { type Backend, bodyOf, startBackend } from '../../bench/backend.ts';
import { makeCertificate } from '../../bench/certificate-files.ts';
import { whatIsWrong } from '../../bench/check.ts';
import { portFor, type RunningProxy } from '../../bench/contestants/contestant.ts';
import { fairlead } from '../../bench/contestants/fairlead.ts';
import { haproxy } from '../../bench/contestants/haproxy.ts';
import { nginx } from '../../bench/contestants/nginx.ts';
import { parseH2load } from '../../bench/load/h2load.ts';
import { resultOf } from '../../bench/load/handshakes.ts';
import { openIdle } from '../../bench/load/idle-client.ts';
import { runLoad } from '../../bench/load/load.ts';
import { CIPHER } from '../../bench/load/tls-client.ts';
import { type ClosedWork, HOST, works } from '../../bench/works.ts';
import { skipExternal } from '../provision.ts';
import { createTestCa } from '../support/certificates.ts';

const NAMES = ['tls-small', 'h2-small', 'tls-full', 'tls-resumed'] as const;
const SHORT_SECONDS = 0.3;

const closed = (name: string): ClosedWork => works.find((work) => work.name === name) as ClosedWork;

interface Seen {
  readonly serverName: string;
  readonly isResumed: boolean;
  readonly protocol: string;
  readonly cipher: string;
  readonly alpn: string;
}

/** Serves the small body and keeps what each handshake was, as a server sees it. */
async function startWitness(options: TlsOptions = {}): Promise<{ port: number; seen: Seen[] }> {
  const seen: Seen[] = [];
  const { certPem: cert, keyPem: key } = await (await createTestCa()).issue([HOST]);
  const server = createSecureServer({ cert, key, allowHTTP1: true, ...options }, (_, response) => {
    const body = bodyOf(130);
    response.writeHead(200, { 'content-length': body.length, 'x-backend': 'bench' }).end(body);
  });
  server.on('secureConnection', (socket: TLSSocket & { servername?: string }) => {
    seen.push({
      ...{ serverName: socket.servername ?? '', isResumed: socket.isSessionReused() },
      ...{ protocol: socket.getProtocol() ?? '', cipher: socket.getCipher().name },
      alpn: socket.alpnProtocol || '',
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  return { port: (server.address() as AddressInfo).port, seen };
}

describe('handshakes', () => {
  test('are all full, as the server counts them', async () => {
    const { port, seen } = await startWitness();
    const { requests, errors } = await runLoad(port, closed('tls-full'), SHORT_SECONDS);
    expect(requests).toBeGreaterThan(0);
    expect(errors).toBe(0);
    expect(seen).toHaveLength(requests);
    expect(seen.filter(({ isResumed }) => isResumed)).toEqual([]);
  });

  test('are all resumed after the first, which is not counted', async () => {
    const { port, seen } = await startWitness();
    const { requests } = await runLoad(port, closed('tls-resumed'), SHORT_SECONDS);
    expect(requests).toBeGreaterThan(0);
    expect(seen.map(({ isResumed }) => isResumed)).toEqual([false, ...Array(requests).fill(true)]);
    expect(new Set(seen.map(({ serverName, cipher }) => `${serverName} ${cipher}`))).toEqual(
      new Set([`${HOST} ${CIPHER}`]),
    );
  });

  test('that a server does not resume are no measurement', async () => {
    // Its tickets then only name a session that it would have to remember.
    const { port } = await startWitness({ secureOptions: constants.SSL_OP_NO_TICKET });
    await expect(runLoad(port, closed('tls-resumed'), SHORT_SECONDS)).rejects.toThrow('were not resumed');
  });

  test('of another version or cipher are no measurement', async () => {
    const { port } = await startWitness({ maxVersion: 'TLSv1.2' });
    await expect(runLoad(port, closed('tls-full'), SHORT_SECONDS)).rejects.toThrow('connections failed');
  });

  test('of the wrong kind and failed ones are counted out', () => {
    const counts = { full: 7, resumed: 3, seconds: 1, errors: 0, problem: '' };
    expect(() => resultOf(counts, 'full')).toThrow('3 of 10 handshakes were not full');
    expect(() => resultOf(counts, 'resumed')).toThrow('7 of 10 handshakes were not resumed');
    expect(() => resultOf({ ...counts, errors: 2, problem: 'gone' }, 'full')).toThrow('2 of 12');
    expect(resultOf({ ...counts, resumed: 0 }, 'full')).toMatchObject({ requests: 7, errors: 0 });
  });
});

describe('the result of h2load', () => {
  const text = (statuses: string, failed: number, cipher = CIPHER): string =>
    [
      ...['TLS Protocol: TLSv1.3', `Cipher: ${cipher}`, 'Server Temp Key: X25519 253 bits'],
      ...['Application protocol: h2', '', 'finished in 1.50s, 66.67 req/s, 3.00MB/s'],
      `requests: 110 total, 108 started, 100 done, ${100 - failed} succeeded, ${failed} failed, 0 errored, 0 timeout`,
      `status codes: ${statuses}`,
    ].join('\n');

  test('has what was answered well and what was not', () => {
    expect(parseH2load(text('100 2xx, 0 3xx, 0 4xx, 0 5xx', 0))).toEqual({
      ...{ requests: 100, seconds: 1.5, errors: 0 },
    });
    expect(parseH2load(text('95 2xx, 2 3xx, 1 4xx, 2 5xx', 3))).toMatchObject({ requests: 95, errors: 5 });
  });

  test('is refused with another cipher, and without its end', () => {
    const good = '100 2xx, 0 3xx, 0 4xx, 0 5xx';
    expect(() => parseH2load(text(good, 0, 'TLS_AES_256_GCM_SHA384'))).toThrow('Cipher is TLS_AES_256');
    expect(() => parseH2load(text('?', 0))).toThrow('without a result');
    expect(() => parseH2load('connect: refused')).toThrow('TLS Protocol is missing');
  });
});

test.each([
  ['idle-tls', 'http/1.1'],
  ['idle-h2', 'h2'],
])('connections of %s have had an answer and stay', async (name, alpn) => {
  const { port, seen } = await startWitness();
  const work = works.find((each) => each.name === name)!;
  const socket = await openIdle(port, (work as { like: ClosedWork }).like);
  expect(seen).toMatchObject([{ alpn, cipher: CIPHER, serverName: HOST }]);
  expect(socket.closed).toBe(false);
  socket.destroy();
});

describe.skipIf(skipExternal)('programs', () => {
  test.each([
    ['tls-small', ''],
    ['h2-small', 'h2'],
  ])('that load for %s name the host and take the one cipher', async (name, alpn) => {
    const { port, seen } = await startWitness();
    expect((await runLoad(port, closed(name), 1)).errors).toBe(0);
    const [first, ...others] = new Set(seen.map((each) => JSON.stringify(each)));
    expect(others).toEqual([]);
    expect(JSON.parse(first!)).toEqual({
      ...{ serverName: HOST, isResumed: false, protocol: 'TLSv1.3', cipher: CIPHER, alpn },
    });
  });

  let backend: Backend;
  beforeAll(async () => {
    backend = await startBackend();
  });
  afterAll(() => backend.stop());

  test.each([nginx, haproxy, fairlead])('$name serves all TLS works', async (contestant) => {
    const certificate = await makeCertificate();
    const site = { hosts: [HOST], backendPort: backend.port, core: null, descriptors: 2_000, certificate };
    const proxy: RunningProxy = await contestant.start(site);
    try {
      for (const work of NAMES.map(closed)) {
        expect([work.name, await whatIsWrong(proxy, work, site.hosts)]).toEqual([work.name, null]);
      }
      // These tell full handshakes from resumed ones by themselves.
      for (const work of [closed('tls-full'), closed('tls-resumed')]) {
        const { requests, errors } = await runLoad(portFor(proxy, 'https'), work, SHORT_SECONDS);
        expect(requests).toBeGreaterThan(0);
        expect(errors).toBe(0);
      }
    } finally {
      await proxy.stop();
    }
  });
});
