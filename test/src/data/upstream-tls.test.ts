/** Instances with `proto=https`: who they must prove to be, and that bytes are what they are without TLS. */
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import WebSocket from 'ws';
import type { EndpointTls } from '../../../router/model.ts';
import { Family } from '../../../src/shared/counters.ts';
import type { Certificate } from '../../../tls/certificate.ts';
import { type Backend, digestUpload, echoWebSocket, huge, startBackend } from '../../support/backend.ts';
import { createTestCa, type TestCa } from '../../support/certificates.ts';
import { get, rawRequest } from '../../support/client.ts';
import { head, type Plane, type PlaneOptions, startPlane } from '../../support/engine.ts';
import { startTlsFront, type TlsFront } from '../../support/tls-front.ts';

let authority: TestCa;
let certificate: Certificate;
let backend: Backend;
let front: TlsFront;
let plane: Plane;

beforeAll(async () => {
  authority = await createTestCa();
  certificate = await authority.certificate('shop.test');
});

beforeEach(async () => {
  backend = await startBackend({ name: 'b1' });
  front = await startTlsFront(backend.port, certificate);
});

afterEach(async () => {
  await plane.quiet();
  await plane.close();
  await front.close();
  await backend.kill();
  expect(backend.violations).toEqual([]);
});

const secure = (port: number, tls: Partial<EndpointTls> = {}) => ({
  ...{ port, protocol: 'https' as const },
  tls: { name: 'shop.test', isInsecure: false, ...tls },
});

async function begin(tls: Partial<EndpointTls> = {}, options: PlaneOptions = {}): Promise<void> {
  plane = await startPlane({
    pools: { main: [secure(front.port, tls)] },
    upstreamTls: { caPem: authority.rootPem },
    ...options,
  });
}

const ask = () => get(plane.port, { host: 'a' });
const failures = () => plane.sum(Family.upstreamTlsFaults);

describe('an instance with TLS', () => {
  test('is asked for the name it is to prove, and its connection is kept', async () => {
    await begin();
    for (let i = 0; i < 3; i++) expect((await ask()).body).toBe('b1');
    expect(front.handshakes).toEqual([
      { serverName: 'shop.test', protocol: 'http/1.1', isResumed: false, client: '' },
    ]);
    expect(backend.requests).toHaveLength(3);
  });

  test('resumes its session on the next connection', async () => {
    await begin();
    await ask();
    front.cut();
    await expect.poll(() => plane.endpoint(front.port).connections.size).toBe(0);
    await ask();
    expect(front.handshakes.map(({ isResumed }) => isResumed)).toEqual([false, true]);
  });

  test('sends large answers and takes large bodies, byte for byte', async () => {
    await begin();
    backend.handler = digestUpload;
    const upload = 'x'.repeat(1_000_000);
    const { responses } = await rawRequest(
      plane.port,
      `${head('POST / HTTP/1.1', 'Host: a', 'Connection: close', `Content-Length: ${upload.length}`)}${upload}`,
    );
    expect(JSON.parse(responses[0]!.body.toString()).bytes).toBe(1_000_000);
    backend.handler = huge(3_000_000);
    const answers = await Promise.all(Array.from({ length: 4 }, ask));
    for (const { body } of answers) {
      expect(body.length).toBe(3_000_000);
      expect(body === answers[0]!.body).toBe(true);
    }
  });

  test('speaks WebSocket', async () => {
    await begin();
    backend.handler = echoWebSocket;
    const socket = new WebSocket(`ws://127.0.0.1:${plane.port}/`);
    await once(socket, 'open');
    socket.send('hello');
    const [message] = (await once(socket, 'message')) as [Buffer];
    expect(message.toString()).toBe('hello');
    socket.terminate();
  });

  test('is shown our certificate when it asks for one', async () => {
    const own = await authority.certificate('router.test');
    await front.close();
    front = await startTlsFront(backend.port, certificate, { requestCert: true, ca: authority.rootPem });
    await begin({}, { upstreamTls: { caPem: authority.rootPem, client: own } });
    expect((await ask()).status).toBe(200);
    expect(front.handshakes).toMatchObject([{ client: 'router.test' }]);
  });
});

describe('an instance that does not prove who it is', () => {
  const reasonOf = async () => {
    const answer = await ask();
    return [answer.status, answer.headers.get('x-fairlead-reason')];
  };

  test.each([
    ['another name', { name: 'other.test' }, {}, /other\.test/],
    ['no name, but an address', { name: '127.0.0.1' }, {}, /127\.0\.0\.1/],
    ['an authority that nobody trusts', {}, { upstreamTls: {} }, /unable to|self.signed/],
    ['a name for all', {}, { serverName: 'all.test' }, /all\.test/],
  ])('for %s is answered 502, and told with the reason', async (_, tls, options, told) => {
    const upstreamTls = 'upstreamTls' in options ? {} : { caPem: authority.rootPem, ...options };
    await begin(tls, { upstreamTls });
    expect(await reasonOf()).toEqual([502, 'connect_failed']);
    expect(await reasonOf()).toEqual([502, 'connect_failed']);
    expect(plane.told).toEqual([
      {
        endpoint: plane.endpoint(front.port).id,
        fault: 'certificate',
        reason: expect.stringMatching(told),
      },
    ]);
    expect(failures()).toBe(2);
    expect(backend.requests).toEqual([]);
  });

  test('is believed where the route says insecure', async () => {
    await begin({ name: 'other.test', isInsecure: true }, { upstreamTls: {} });
    expect((await ask()).status).toBe(200);
    expect(front.handshakes).toMatchObject([{ serverName: 'other.test' }]);
    expect(failures()).toBe(0);
  });

  test('is passed over for one that does, whatever the method', async () => {
    const stranger = await createTestCa();
    const bad = await startTlsFront(backend.port, await stranger.certificate('shop.test'));
    await begin({}, { balance: { kind: 'rr' }, pools: { main: [secure(bad.port), secure(front.port)] } });
    for (let i = 0; i < 2; i++) {
      const request = head('POST / HTTP/1.1', 'Host: a', 'Connection: close', 'Content-Length: 2');
      expect((await rawRequest(plane.port, `${request}hi`)).responses[0]!.status).toBe(200);
    }
    expect(backend.requests).toHaveLength(2);
    await bad.close();
  });

  test('because it speaks no TLS is answered 502, and told', async () => {
    const server = createServer((socket) => void socket.on('error', () => {}).end('HTTP/1.1 400 No\r\n\r\n'));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    await begin({}, { pools: { main: [secure(port)] } });
    expect(await reasonOf()).toEqual([502, 'connect_failed']);
    expect(plane.told).toMatchObject([{ fault: 'handshake' }]);
    server.close();
  });

  test('because it never answers the handshake is answered 504', async () => {
    const server = createServer(() => {});
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    await begin(
      {},
      { pools: { main: [secure(port)] }, timeouts: { connectMs: 200 }, routes: [{ options: { retry: 0 } }] },
    );
    expect(await reasonOf()).toEqual([504, 'connect_timeout']);
    server.close();
  });
});
