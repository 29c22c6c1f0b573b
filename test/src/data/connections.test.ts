/** Connections on both sides: which are used again, in which order, and when they end. */
import { describe, expect, test } from 'vitest';
import { huge } from '../../support/backend.ts';
import { Client, get, rawRequest } from '../../support/client.ts';
import { head } from '../../support/engine.ts';
import { eventually } from '../../support/process.ts';
import { backend, begin, plane } from './stage.ts';

test('requests of one client connection share one upstream connection', async () => {
  await begin();
  const client = new Client(plane.port);
  for (let i = 0; i < 5; i++) expect((await client.request({ path: `/${i}` })).body).toBe('b1');
  client.close();
  expect(client.connects).toBe(1);
  expect(backend.transcripts().length).toBe(1);
});

test('the upstream connection used last is used first', async () => {
  let release: (() => void)[] = [];
  await begin(async (request, reply) => {
    if (request.target === '/wait') await new Promise<void>((resolve) => release.push(resolve));
    await reply.send();
  });
  const both = [get(plane.port, { path: '/wait' }), get(plane.port, { path: '/wait' })];
  await eventually(() => release.length === 2);
  expect(plane.inFlight()).toBe(2);
  const [first, second] = release;
  release = [];
  const slow = backend.requests.map((request) => request.connection);
  first!();
  await Promise.race(both);
  second!();
  await Promise.all(both);
  for (let i = 0; i < 3; i++) await get(plane.port);
  expect(backend.requests.slice(2).map((request) => request.connection)).toEqual(Array(3).fill(slow[1]));
});

test('an upstream that closes after each answer is dialled each time', async () => {
  await begin((_, reply) => {
    reply.closing = true;
    return reply.send();
  });
  for (let i = 0; i < 3; i++) expect((await get(plane.port)).status).toBe(200);
  expect(backend.transcripts().length).toBe(3);
});

test('an upstream connection is given up before the peer has said it will close it (F05)', async () => {
  await begin((_, reply) => reply.send({ fields: [['Keep-Alive', 'timeout=1, max=5']] }));
  await get(plane.port);
  expect(plane.endpoint(backend.port).connections.size).toBe(0);
  backend.handler = (_, reply) => reply.send({ fields: [['Keep-Alive', 'timeout=2']] });
  await get(plane.port);
  const [kept] = plane.endpoint(backend.port).idle;
  expect(kept!.deadline - plane.engine.deadlines.now).toBeLessThan(1001);
});

test('HTTP/1.0 closes unless asked to keep alive', async () => {
  await begin();
  const closed = await rawRequest(plane.port, head('GET / HTTP/1.0'));
  expect(closed.responses[0]!.headers.get('connection')).toBe('close');
  expect(closed.closed).toBe('end');
  const two = head('GET /1 HTTP/1.0', 'Connection: Keep-Alive') + head('GET /2 HTTP/1.0');
  const kept = await rawRequest(plane.port, two);
  expect(kept.responses.map((one) => one.headers.get('connection'))).toEqual(['keep-alive', 'close']);
  expect(backend.requests[0]!.head).toMatch(/^GET \/ HTTP\/1\.1\r\nHost: 127\.0\.0\.1:\d+\r\n/);
  expect(backend.requests[0]!.head).not.toContain('X-Forwarded-Host');
});

test('pipelined requests are answered in order, whoever is faster', async () => {
  let held: (() => void) | undefined;
  await begin(async (request, reply) => {
    if (request.target === '/1') {
      await new Promise<void>((resolve) => {
        held = resolve;
        setTimeout(resolve, 30);
      });
    }
    await reply.send({ body: request.target });
  });
  const bytes = ['/1', '/2', '/3'].map((path) => head(`GET ${path} HTTP/1.1`, 'Host: a')).join('');
  const { responses } = await rawRequest(plane.port, bytes, { until: 3 });
  expect(held).toBeDefined();
  expect(responses.map(({ body }) => body)).toEqual(['/1', '/2', '/3']);
});

test('a bad request in the middle of a pipeline ends it (A31)', async () => {
  await begin();
  const bytes = `${head('GET /1 HTTP/1.1', 'Host: a')}B@D / HTTP/1.1\r\n\r\n${head('GET /3 HTTP/1.1', 'Host: a')}`;
  const { responses, closed } = await rawRequest(plane.port, bytes);
  expect(responses.map(({ status }) => status)).toEqual([200, 400]);
  expect(closed).toBe('end');
  expect(backend.requests.length).toBe(1);
});

test('a client that closes its side while the rest of its answer is under way gets that rest', async () => {
  await begin(huge(40_000));
  const { responses, closed } = await rawRequest(
    plane.port,
    [head('GET / HTTP/1.1', 'Host: a', 'Connection: close')],
    {},
  );
  expect(responses[0]!.bytes.length).toBe(40_000);
  expect(closed).toBe('end');
});

describe('limits.requestsPerConnection', () => {
  const one = (path: string) => head(`GET ${path} HTTP/1.1`, 'Host: a');

  test.each([
    ['of a backend', [{}], 200],
    ['of our own', [], 404],
  ])('the last answer, %s, says that the connection ends', async (_, routes, status) => {
    await begin(undefined, { routes, limits: { requestsPerConnection: 2 } });
    const { responses, closed } = await rawRequest(plane.port, one('/1') + one('/2') + one('/3'));
    expect(responses.map((each) => [each.status, each.headers.get('connection')])).toEqual([
      [status, undefined],
      [status, 'close'],
    ]);
    expect(closed).toBe('end');
  });
});
