/** Requests whose body is still on its way: early answers, bodies that stop, and bodies that are too much. */
import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { expect, test } from 'vitest';
import { rawRequest } from '../../support/client.ts';
import { head } from '../../support/engine.ts';
import { backend, begin, converse, plane } from './stage.ts';

const H = 'Host: a';

test('an early error is delivered, the upload stops and the connection is not used again (F18)', async () => {
  await begin(async (_, reply) => {
    await reply.write(head('HTTP/1.1 403 X', 'Content-Length: 2'));
    await reply.write('no');
  });
  const start = head('POST / HTTP/1.1', H, 'Content-Length: 1000000');
  const heard = await converse(
    start + 'x'.repeat(1000),
    /^HTTP\/1\.1 403 [\s\S]*\r\n\r\nno$/,
    'y'.repeat(9000),
  );
  expect(heard.text).toContain('\r\nConnection: close\r\n');
  expect(heard.ending).toBe('end');
  expect(plane.endpoint(backend.port).connections.size).toBe(0);
  expect(backend.transcripts()[0]!.toString()).not.toContain('y');
});

test('an application that answers while it reads gets the rest of the body', async () => {
  await begin(
    async (request, reply) => {
      await reply.head(200, [['Transfer-Encoding', 'chunked']]);
      for await (const bytes of request.body) await reply.chunk(bytes);
      await reply.write('0\r\n\r\n');
    },
    { timeouts: { streamIdleMs: 500 } },
  );
  const parts = Array.from({ length: 8 }, (_, i) => [String(i).repeat(1000), 100]).flat();
  const bytes = [head('POST / HTTP/1.1', H, 'Content-Length: 8000'), ...parts];
  const { responses } = await rawRequest(plane.port, bytes);
  expect(responses[0]!.bytes.length).toBe(8000);
  expect(responses[0]!.fault).toBeUndefined();
  expect(backend.requests[0]!.complete).toBe(true);
});

test('an answer whose body waits for the end of the upload is not late meanwhile', async () => {
  await begin(
    async (request, reply) => {
      await reply.head(200, [['Content-Length', '2']]);
      for await (const _ of request.body);
      await reply.write('ok');
    },
    { timeouts: { streamIdleMs: 500 } },
  );
  const parts = Array.from({ length: 8 }, (_, i) => [String(i).repeat(1000), 100]).flat();
  const { responses } = await rawRequest(plane.port, [
    head('POST / HTTP/1.1', H, 'Content-Length: 8000'),
    ...parts,
  ]);
  expect(responses.map((one) => [one.status, one.body, one.fault])).toEqual([[200, 'ok', undefined]]);
});

test('a malformed chunk after the answer has begun breaks it off', async () => {
  await begin(async (request, reply) => {
    await reply.head(200, [['Transfer-Encoding', 'chunked']]);
    for await (const bytes of request.body) await reply.chunk(bytes);
    await reply.write('0\r\n\r\n');
  });
  const start = `${head('POST / HTTP/1.1', H, 'Transfer-Encoding: chunked')}5\r\nhello\r\n`;
  const heard = await converse(start, /\r\n5\r\nhello\r\n$/, 'nonsense\r\n');
  expect(heard.ending).toBe('reset');
  expect(heard.text).not.toContain('\r\n0\r\n');
  expect(backend.requests[0]!.complete).toBe(false);
});

test('a body that stops coming: 408, and the backend gets no whole request (E02)', async () => {
  await begin(undefined, { timeouts: { streamIdleMs: 150 } });
  const { responses } = await rawRequest(
    plane.port,
    `${head('POST / HTTP/1.1', H, 'Content-Length: 10')}abc`,
  );
  expect(responses.map((one) => [one.status, one.headers.get('x-fairlead-reason')])).toEqual([
    [408, 'request_timeout'],
  ]);
  expect(backend.requests.every((request) => !request.complete)).toBe(true);
});

test('an upstream that stops reading: 504, not the client’s fault', async () => {
  const deaf: Socket[] = [];
  const server = createServer((socket) => {
    deaf.push(socket.pause());
    socket.on('error', () => {});
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  await begin(undefined, { timeouts: { streamIdleMs: 200 } });
  plane.setPools({ main: [(server.address() as { port: number }).port] });
  const size = 64 * 1024 * 1024;
  const { responses } = await rawRequest(plane.port, [
    head('POST / HTTP/1.1', H, `Content-Length: ${size}`),
    Buffer.alloc(size),
  ]);
  expect(responses.map((one) => [one.status, one.headers.get('x-fairlead-reason')])).toEqual([
    [504, 'upstream_timeout'],
  ]);
  for (const socket of deaf) socket.destroy();
  server.close();
});

test.each([
  ['announced', 'Content-Length: 1001', 'x'.repeat(10), 0],
  ['in chunks', 'Transfer-Encoding: chunked', `3e8\r\n${'x'.repeat(1000)}\r\n1\r\nx\r\n`, 1],
])('a body over the limit, %s: 413 (E07)', async (_, field, body, requests) => {
  await begin(undefined, { limits: { bodyBytes: 1000 } });
  const { responses, closed } = await rawRequest(plane.port, head('POST / HTTP/1.1', H, field) + body);
  expect(responses.map((one) => [one.status, one.headers.get('x-fairlead-reason')])).toEqual([
    [413, 'body_too_large'],
  ]);
  expect(closed).toBe('end');
  await plane.quiet();
  expect(backend.requests.length).toBeLessThanOrEqual(requests);
  expect(backend.requests.every((request) => !request.complete)).toBe(true);
});
