/** Answers the router invents: what they say, what they do not, and what becomes of the connection. */
import { connect } from 'node:net';
import { describe, expect, test } from 'vitest';
import { Family } from '../../../src/shared/counters.ts';
import { Client, get, rawRequest } from '../../support/client.ts';
import { head } from '../../support/engine.ts';
import { liveBytes } from '../../support/memory.ts';
import { eventually } from '../../support/process.ts';
import { backend, begin, plane } from './stage.ts';

describe('an invented answer', () => {
  test('is one line of text, or a page for a browser, and echoes nothing of the request (D19)', async () => {
    await begin(undefined, { routes: [] });
    const path = '/<script>alert(1)</script>?secret';
    const text = await get(plane.port, { path, host: 'evil.test', headers: { 'X-A': 'evil' } });
    expect([text.status, text.headers.get('content-type')]).toEqual([404, 'text/plain; charset=utf-8']);
    expect(text.body).toBe('404 There is no service at this address.\n');
    expect(text.headers.get('x-fairlead-reason')).toBe('no_route');
    expect(text.headers.get('x-content-type-options')).toBe('nosniff');
    const accept = 'text/html,application/xhtml+xml,*/*;q=0.8';
    const page = await get(plane.port, { path, host: 'evil.test', headers: { Accept: accept } });
    expect(page.headers.get('content-type')).toBe('text/html; charset=utf-8');
    expect(page.body).toContain('<h1>404 Not Found</h1>');
    for (const answer of [text, page]) {
      expect(answer.head + answer.body).not.toMatch(/evil|script>|secret|127\.0\.0\.1|node/i);
    }
  });

  test('to HEAD has the length and no body', async () => {
    await begin(undefined, { routes: [] });
    const bytes = head('HEAD / HTTP/1.1', 'Host: a') + head('GET / HTTP/1.1', 'Host: a', 'Connection: close');
    const { responses } = await rawRequest(plane.port, bytes);
    expect(responses.map((one) => one.status)).toEqual([404, 404]);
    expect(responses[0]!.headers.get('content-length')).toBe(String(responses[1]!.bytes.length));
    expect(responses[0]!.bytes.length).toBe(0);
  });

  test('keeps the connection where it can', async () => {
    await begin(undefined, { routes: [] });
    const client = new Client(plane.port);
    for (let i = 0; i < 3; i++) expect((await client.request()).status).toBe(404);
    expect(client.connects).toBe(1);
    client.close();
    const old = await rawRequest(plane.port, head('GET / HTTP/1.0', 'Connection: keep-alive'), { until: 1 });
    expect(old.responses[0]!.headers.get('connection')).toBe('keep-alive');
    expect(old.closed).toBe('open');
  });

  test('closes the connection when a body is unread, and reads on so that the answer is not lost', async () => {
    await begin(undefined, { routes: [] });
    const upload = [head('POST / HTTP/1.1', 'Host: a', 'Content-Length: 200000'), 'x'.repeat(200_000)];
    const { responses, closed } = await rawRequest(plane.port, upload);
    expect(responses.map((one) => one.status)).toEqual([404]);
    expect([responses[0]!.headers.get('connection'), closed]).toEqual(['close', 'end']);
  });

  test('says when to come back: no instance, no catalog (F25)', async () => {
    await begin(undefined, { pools: { main: [] } });
    const empty = await get(plane.port);
    expect([empty.status, empty.headers.get('x-fairlead-reason')]).toEqual([503, 'no_healthy_instance']);
    expect(empty.headers.get('retry-after')).toMatch(/^\d+$/);
    plane.setRoutes([], ['/']);
    plane.engine.hasCatalog = false;
    const early = await get(plane.port);
    expect([early.status, early.headers.get('x-fairlead-reason')]).toEqual([503, 'no_catalog']);
    expect(early.headers.get('retry-after')).toMatch(/^\d+$/);
  });

  test('is counted and logged like any other', async () => {
    await begin(undefined, { routes: [] });
    await get(plane.port, { path: '/x' });
    await rawRequest(plane.port, 'nonsense\r\n\r\n');
    await plane.quiet();
    expect(plane.sum(Family.invented)).toBe(2);
    expect(plane.sum(Family.requests)).toBe(2);
    expect(plane.sum(Family.requestsInFlight)).toBe(0);
    expect(plane.sum(Family.connections)).toBe(0);
    expect(plane.log().map((line) => [line.status, line.reason])).toEqual([
      [404, 'no_route'],
      [400, 'bad_request'],
    ]);
  });
});

describe('many requests that we answer ourselves', () => {
  test('1,600 in one write do not overflow the stack', async () => {
    await begin(undefined, { routes: [] });
    const one = head('GET / HTTP/1.1', 'Host: a');
    const { responses, closed } = await rawRequest(plane.port, one.repeat(1600), { until: 1600 });
    expect(responses.length).toBe(1600);
    expect(new Set(responses.map((answer) => answer.status))).toEqual(new Set([404]));
    expect(closed).toBe('open');
  });

  test('from a client that does not listen wait for it', async () => {
    await begin(undefined, { routes: [] });
    const one = head('GET / HTTP/1.1', 'Host: a');
    const count = 100_000;
    const before = liveBytes();
    const socket = connect(plane.port, '127.0.0.1');
    socket.pause();
    socket.write(one.repeat(count));
    // The answers that fit into the kernel's buffers, and then none.
    let last = -1;
    await eventually(
      async () => {
        const now = plane.sum(Family.requests);
        await new Promise((resolve) => setTimeout(resolve, 50));
        expect(now).toBeGreaterThan(0);
        const isSteady = now === last;
        last = now;
        expect(isSteady).toBe(true);
      },
      { timeoutMs: 10_000 },
    );
    expect(plane.sum(Family.requests)).toBeLessThan(count);
    const [client] = plane.http1();
    expect(client!.hasUnsent).toBe(true);
    expect(liveBytes() - before).toBeLessThan(60e6);
    socket.on('data', () => {});
    socket.resume();
    await eventually(() => expect(plane.sum(Family.requests)).toBe(count), { timeoutMs: 15_000 });
    socket.destroy();
    expect(backend.requests.length).toBe(0);
  });
});

test('answers of a backend to a client that does not listen wait for it too', async () => {
  const body = 'x'.repeat(20_000);
  await begin((_, reply) => reply.send({ body }));
  const count = 3000;
  const socket = connect(plane.port, '127.0.0.1').pause();
  socket.write(head('GET / HTTP/1.1', 'Host: a').repeat(count));
  let last = -1;
  await eventually(async () => {
    const now = backend.requests.length;
    await new Promise((resolve) => setTimeout(resolve, 50));
    const isSteady = now > 0 && now === last;
    last = now;
    expect(isSteady).toBe(true);
  });
  expect(backend.requests.length).toBeLessThan(count);
  socket.resume();
  await eventually(() => expect(backend.requests.length).toBe(count), { timeoutMs: 15_000 });
  socket.destroy();
});
