/** Upstreams that fail, in every phase, and what the client is told of it. */
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { describe, expect, test } from 'vitest';
import { type Backend, startBackend } from '../../support/backend.ts';
import { Client, get, rawRequest } from '../../support/client.ts';
import { head } from '../../support/engine.ts';
import { freePort } from '../../support/ports.ts';
import { eventually } from '../../support/process.ts';
import { backend, begin, plane } from './stage.ts';

const H = 'Host: a';
const GET = head('GET / HTTP/1.1', H);

/** An upstream that answers the first bytes of each connection with these, and does nothing else. */
async function answering(bytes: string): Promise<void> {
  await begin(async (_, reply) => {
    await reply.write(Buffer.from(bytes, 'latin1'));
  });
}

describe('before the head of an answer', () => {
  test('a refused connection goes to another endpoint, whatever the method (F01)', async () => {
    await begin();
    const dead = await freePort();
    plane.setPools({ main: [dead, backend.port] });
    for (const method of ['GET', 'POST', 'PATCH']) {
      for (let i = 0; i < 2; i++) {
        expect((await get(plane.port, { method, body: 'x' })).status).toBe(200);
      }
    }
    expect(plane.counters.state(plane.endpoint(dead).slot)).toBe(2);
    await plane.quiet();
    expect(plane.log().map((line) => [line.status, line.reason])).toEqual(Array(6).fill([200, '']));
  });

  test('nobody accepts: 502 connect_failed, and the connection goes on', async () => {
    await begin();
    plane.setPools({ main: [await freePort()] });
    const client = new Client(plane.port);
    for (let i = 0; i < 2; i++) {
      const answer = await client.request();
      expect([answer.status, answer.headers.get('x-fairlead-reason')]).toEqual([502, 'connect_failed']);
    }
    expect(client.connects).toBe(1);
    client.close();
  });

  test.each([
    ['GET', undefined, 200, 2],
    ['DELETE', '', 200, 2],
    ['POST', undefined, 502, 1],
    ['PUT', 'x', 502, 1],
  ] as const)('a reset before any answer: %s with body %j gives %i after %i requests', async (...row) => {
    const [method, body, status, requests] = row;
    await begin();
    const other = await startBackend({ name: 'b2' });
    let first = true;
    backend.handler = other.handler = async (request, reply) => {
      for await (const _ of request.body);
      if (!first) return reply.send();
      first = false;
      reply.reset();
    };
    plane.setPools({ main: [backend.port, other.port] });
    const answer = await get(plane.port, { method, ...(body !== undefined && { body }) });
    expect(answer.status).toBe(status);
    if (status === 502) expect(answer.headers.get('x-fairlead-reason')).toBe('upstream_reset');
    expect(backend.requests.length + other.requests.length).toBe(requests);
    await other.kill();
  });

  test('a kept connection that turns out closed is replaced, on the only endpoint there is (F03)', async () => {
    await begin();
    await get(plane.port);
    backend.handler = (request, reply) => (request.connection === 0 ? reply.reset() : reply.send());
    expect((await get(plane.port)).status).toBe(200);
    expect(backend.requests.map((request) => request.connection)).toEqual([0, 0, 1]);
    expect(plane.log().map((line) => line.retries)).toEqual([0, 1]);
  });

  test('a POST on a kept connection that is reset is not sent twice (F03)', async () => {
    await begin();
    await get(plane.port);
    backend.handler = (_, reply) => reply.reset();
    expect((await get(plane.port, { method: 'POST', body: 'x' })).status).toBe(502);
    expect(backend.requests.length).toBe(2);
  });

  test('retries end with the number a route allows', async () => {
    await begin((_, reply) => reply.reset());
    const others = [await startBackend({ name: 'b2' }), await startBackend({ name: 'b3' })];
    for (const other of others) other.handler = backend.handler;
    plane.setPools({ main: [backend.port, ...others.map((other) => other.port)] });
    plane.setRoutes([{ options: { retry: 1 } }]);
    const all: Backend[] = [backend, ...others];
    expect((await get(plane.port)).status).toBe(502);
    expect(all.reduce((sum, one) => sum + one.requests.length, 0)).toBe(2);
    plane.setRoutes([{ options: { retry: 0 } }]);
    expect((await get(plane.port)).status).toBe(502);
    expect(all.reduce((sum, one) => sum + one.requests.length, 0)).toBe(3);
    for (const other of others) await other.kill();
  });

  test('no answer in time: 504, once, and the route decides how long (F16)', async () => {
    await begin(() => {}, { routes: [{ options: { timeoutMs: 150 } }] });
    backend.pause();
    for (const method of ['GET', 'POST']) {
      const answer = await get(plane.port, { method, ...(method === 'POST' && { body: 'x' }) });
      expect([answer.status, answer.headers.get('x-fairlead-reason')]).toEqual([504, 'upstream_timeout']);
    }
    expect(backend.transcripts().length).toBe(2);
    backend.resume();
  });

  test('no connection in time: 504 connect_timeout', async () => {
    await begin(undefined, { timeouts: { connectMs: 150 } });
    // TEST-NET-1 (RFC 5737): nobody answers. Where the network says so at once, that is a refusal.
    plane.setPools({ main: [{ port: 9, address: '192.0.2.1' }] });
    const answer = await get(plane.port);
    expect(['connect_timeout', 'connect_failed']).toContain(answer.headers.get('x-fairlead-reason'));
    expect([502, 504]).toContain(answer.status);
  });
});

describe('an answer that must not be believed', () => {
  test.each([
    [
      'length and coding',
      'HTTP/1.1 200 X\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    ],
    ['two lengths', 'HTTP/1.1 200 X\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd'],
    ['a list of lengths', 'HTTP/1.1 200 X\r\nContent-Length: 3, 3\r\n\r\nabc'],
    ['a bare LF', 'HTTP/1.1 200 X\nContent-Length: 3\r\n\r\nabc'],
    ['a folded field', 'HTTP/1.1 200 X\r\nA: b\r\n c\r\nContent-Length: 3\r\n\r\nabc'],
    ['NUL in a value', 'HTTP/1.1 200 X\r\nA: b\0\r\nContent-Length: 3\r\n\r\nabc'],
    ['CR in a value', 'HTTP/1.1 200 X\r\nA: b\rc\r\nContent-Length: 3\r\n\r\nabc'],
    ['status 99', 'HTTP/1.1 99 X\r\nContent-Length: 3\r\n\r\nabc'],
    ['status 099', 'HTTP/1.1 099 X\r\nContent-Length: 3\r\n\r\nabc'],
    ['status 1000', 'HTTP/1.1 1000 X\r\nContent-Length: 3\r\n\r\nabc'],
    ['status 600', 'HTTP/1.1 600 X\r\nContent-Length: 3\r\n\r\nabc'],
    ['HTTP/2.0', 'HTTP/2.0 200 X\r\nContent-Length: 3\r\n\r\nabc'],
    ['no status line', 'hello\r\n\r\n'],
    ['HTML alone', '<html></html>'],
    ['coding xchunked (F08)', 'HTTP/1.1 200 X\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n'],
    ['coding chunked, gzip (F08)', 'HTTP/1.1 200 X\r\nTransfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n'],
    ['coding after a tab and more (F08)', 'HTTP/1.1 200 X\r\nTransfer-Encoding: chunked\tx\r\n\r\n0\r\n\r\n'],
    ['chunked in HTTP/1.0', 'HTTP/1.0 200 X\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n'],
    ['101 that nobody asked for', 'HTTP/1.1 101 X\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n'],
    ['a head over the limit (F20)', `HTTP/1.1 200 X\r\nA: ${'a'.repeat(17_000)}\r\n\r\n`],
    ['1,500 fields (F20)', `HTTP/1.1 200 X\r\n${'A: b\r\n'.repeat(1500)}\r\n`],
  ])('%s: 502 bad_response, and the connection is not used again (F07)', async (_, bytes) => {
    await answering(bytes);
    const { responses } = await rawRequest(plane.port, GET, { until: 1 });
    expect(responses[0]!.status).toBe(502);
    expect(responses[0]!.headers.get('x-fairlead-reason')).toBe('bad_response');
    expect(responses[0]!.body).not.toContain('abc');
    expect(backend.requests.length).toBe(1);
    expect(plane.endpoint(backend.port).connections.size).toBe(0);
  });
});

describe('after the head of an answer', () => {
  test.each([
    ['shorter than its length', 'Content-Length: 10', 'short', 'end'],
    ['cut in a chunk', 'Transfer-Encoding: chunked', '9\r\nshort', 'end'],
    ['cut between chunks', 'Transfer-Encoding: chunked', '5\r\nshort\r\n', 'end'],
    ['cut before the end of trailers', 'Transfer-Encoding: chunked', '5\r\nshort\r\n0\r\nA: b\r\n', 'end'],
    ['of a malformed chunk', 'Transfer-Encoding: chunked', '5\r\nshort\r\nx\r\n', 'open'],
    ['ended by a reset', 'Content-Length: 10', 'short', 'reset'],
    ['until close, ended by a reset', 'X: y', 'short', 'reset'],
  ])('a body %s never looks complete (F04, F10)', async (_, field, body, ending) => {
    await begin(async (_, reply) => {
      await reply.write(head('HTTP/1.1 200 X', field));
      await reply.write(body);
      // What was written must be read before the reset, which would overtake it.
      if (ending === 'reset') setTimeout(() => reply.reset(), 30);
      if (ending === 'end') reply.socket.end();
    });
    for (const version of ['1.1', '1.0']) {
      const { closed, responses, error } = await rawRequest(plane.port, head(`GET / HTTP/${version}`, H));
      expect(responses.length).toBeLessThan(2);
      const isWhole = closed === 'end' && responses[0]?.fault === undefined && error === undefined;
      expect(isWhole, `HTTP/${version}`).toBe(false);
    }
    expect(backend.requests.length).toBe(2);
    await plane.quiet();
    expect(plane.log().every((line) => line.status === 200 && line.reason !== '')).toBe(true);
  });

  test('bytes after a complete answer are seen by nobody (F06, F11)', async () => {
    const second = 'HTTP/1.1 200 X\r\nContent-Length: 6\r\n\r\nstolen';
    await answering(`HTTP/1.1 200 X\r\nContent-Length: 2\r\n\r\nok${second}`);
    for (let i = 0; i < 3; i++) expect((await get(plane.port)).body).toBe('ok');
    expect(backend.transcripts().length).toBe(3);
  });

  test('bytes on an idle connection end it (F06)', async () => {
    const sockets: Socket[] = [];
    await begin(async (_, reply) => {
      sockets.push(reply.socket);
      await reply.send({ body: 'ok' });
    });
    expect((await get(plane.port)).body).toBe('ok');
    const endpoint = plane.endpoint(backend.port);
    expect(endpoint.idle.length).toBe(1);
    sockets[0]!.write('HTTP/1.1 200 X\r\nContent-Length: 6\r\n\r\nstolen');
    await eventually(() => expect(endpoint.connections.size).toBe(0));
    expect((await get(plane.port)).body).toBe('ok');
  });

  test('an idle connection that the peer closes is forgotten, one that stays idle is closed in time', async () => {
    await begin(undefined, { timeouts: { upstreamIdleMs: 200 } });
    await get(plane.port);
    const endpoint = plane.endpoint(backend.port);
    expect(endpoint.idle.length).toBe(1);
    await eventually(() => expect(endpoint.connections.size).toBe(0));
    await get(plane.port);
    await backend.close();
    await eventually(() => expect(endpoint.connections.size).toBe(0));
  });

  test.each([
    ['HEAD', 'HTTP/1.1 200 X\r\nContent-Length: 4'],
    ['HEAD', 'HTTP/1.1 200 X\r\nTransfer-Encoding: chunked'],
    ['GET', 'HTTP/1.1 204 X\r\nContent-Length: 4'],
    ['GET', 'HTTP/1.1 304 X\r\nContent-Length: 4'],
  ])('a body where none may be is not passed on: %s, %s (F13)', async (method, start) => {
    await answering(`${start}\r\n\r\nbody`);
    for (let i = 0; i < 2; i++) {
      const { text } = await rawRequest(plane.port, head(`${method} / HTTP/1.1`, H), { until: 1 });
      expect(text).toMatch(/\r\n\r\n$/);
    }
    expect(backend.transcripts().length).toBe(2);
  });

  test('an answer that stops coming is broken off', async () => {
    await begin(
      async (_, reply) => {
        await reply.write(head('HTTP/1.1 200 X', 'Content-Length: 10'));
        await reply.write('short');
        await once(reply.socket, 'close');
      },
      { timeouts: { streamIdleMs: 150 } },
    );
    const { responses, closed } = await rawRequest(plane.port, GET);
    expect([responses[0]?.fault === undefined, closed]).toEqual([false, 'reset']);
    await plane.quiet();
    expect(plane.log()[0]).toMatchObject({ status: 200, reason: 'upstream_timeout' });
  });
});
