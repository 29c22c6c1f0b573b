/** Requests over HTTP/2, with TLS and without, to an upstream that speaks HTTP/1.1. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { digestUpload, huge } from '../../../support/backend.ts';
import { get } from '../../../support/client.ts';
import { head } from '../../../support/engine.ts';
import { type H2Client, h2Client } from '../../../support/http2.ts';
import { eventually } from '../../../support/process.ts';
import { shake } from '../../../support/secure.ts';
import { backend, begin, plane } from '../stage.ts';

const run = promisify(execFile);

async function connected(...args: Parameters<typeof begin>): Promise<H2Client> {
  const [handler, options] = args;
  await begin(handler, { scheme: 'https', ...options });
  return h2Client(plane.securePort);
}

describe('a request', () => {
  test('reaches the backend and its answer the client', async () => {
    const client = await connected();
    const answer = await client.request({ ':path': '/a?b=c', 'x-mine': '1', cookie: ['a=1', 'b=2'] });
    expect([answer.status, answer.body, answer.rstCode]).toEqual([200, 'b1', 0]);
    expect(answer.headers).not.toHaveProperty('connection');
    const [request] = backend.requests;
    expect(request).toMatchObject({ method: 'GET', target: '/a?b=c' });
    expect(request!.header('host')).toBe('a.test');
    expect(request!.header('cookie')).toBe('a=1; b=2');
    expect(request!.header('x-forwarded-proto')).toBe('https');
    client.close();
    await plane.quiet();
    expect(plane.log()).toMatchObject([
      { protocol: 'HTTP/2.0', tlsVersion: 'TLSv1.3', path: '/a?b=c', status: 200, bytesOut: 2 },
    ]);
  });

  test('is one of many at a time', async () => {
    const client = await connected();
    const answers = await Promise.all(Array.from({ length: 80 }, () => client.request()));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
    client.close();
  });

  test.each([
    ['with a length', { 'content-length': 300_000 }, 'content-length: 300000'],
    ['without one', {}, 'transfer-encoding: chunked'],
  ])('with a body %s is framed anew (B30)', async (_, fields, framing) => {
    const client = await connected(digestUpload);
    const answer = await client.request({ ':method': 'POST', ...fields }, Buffer.alloc(300_000, 'x'));
    expect(JSON.parse(answer.body).bytes).toBe(300_000);
    expect(backend.requests[0]!.head.toLowerCase()).toContain(`\r\n${framing}\r\n`);
    client.close();
    await plane.quiet();
    expect(plane.log()[0]!.bytesIn).toBe(300_000);
  });

  test('passes trailers on, both ways, where they are asked for (B30, F22)', async () => {
    const client = await connected(async (request, reply) => {
      for await (const _ of request.body);
      await reply.send({
        body: 'x',
        trailers: [
          ['grpc-status', '0'],
          ['Content-Length', '5'],
          ['X-Two', 'a'],
          ['X-Two', 'b'],
        ],
      });
    });
    const asked = await client.request({ ':method': 'POST', te: 'trailers' }, 'abc', {
      trailers: { 'x-sum': '7' },
    });
    expect([asked.body, Object.entries(asked.trailers)]).toEqual([
      'x',
      [
        ['grpc-status', '0'],
        ['x-two', 'a, b'],
      ],
    ]);
    expect(backend.requests[0]!.header('te')).toBe('trailers');
    expect(backend.transcripts()[0]!.toString()).toContain('3\r\nabc\r\n0\r\nx-sum: 7\r\n\r\n');
    const silent = await client.request();
    expect([silent.body, Object.keys(silent.trailers)]).toEqual(['x', []]);
    client.close();
  });

  test('may be answered by fields alone, as gRPC does for errors', async () => {
    const client = await connected((_, reply) => reply.send({ body: '', fields: [['grpc-status', '5']] }));
    const answer = await client.request({ ':method': 'POST', te: 'trailers' }, 'abc');
    expect([answer.status, answer.headers['grpc-status'], answer.bytes, answer.rstCode]).toEqual([
      200,
      '5',
      0,
      0,
    ]);
    client.close();
  });

  test('waits with its body for 100, and hears of 103', async () => {
    const client = await connected(async (request, reply) => {
      await reply.head(103, [['Link', '</a.css>']]);
      await digestUpload(request, reply);
    });
    const answer = await client.request({ ':method': 'PUT', expect: '100-continue' }, 'hello');
    expect(answer.interim).toEqual([103, 100]);
    expect(JSON.parse(answer.body).bytes).toBe(5);
    expect(backend.requests[0]!.header('expect')).toBe('100-continue');
    client.close();
  });

  test('HEAD, 204 and 304 have no body, and the lengths that describe one', async () => {
    const client = await connected(async (request, reply) => {
      const status = request.method === 'HEAD' ? 200 : Number(request.target.slice(1));
      await reply.write(`HTTP/1.1 ${status} X\r\nContent-Length: 7\r\n\r\n`);
    });
    const lengths: unknown[] = [];
    for (const [method, path] of [
      ['HEAD', '/200'],
      ['GET', '/204'],
      ['GET', '/304'],
    ] as const) {
      const answer = await client.request({ ':method': method, ':path': path });
      expect([answer.bytes, answer.rstCode]).toEqual([0, 0]);
      lengths.push(answer.headers['content-length']);
    }
    expect(lengths).toEqual(['7', undefined, '7']);
    client.close();
  });

  test.each(['length', 'chunked', 'close'] as const)(
    'a large answer framed by %s arrives whole',
    async (framing) => {
      const client = await connected(huge(3_000_000, framing));
      expect((await client.request()).bytes).toBe(3_000_000);
      client.close();
    },
  );

  test('the answers of the router itself, and redirects', async () => {
    const client = await connected(undefined, {
      routes: [
        { path: '/x' },
        { path: '/m', pool: null, options: { redirect: { status: 301, location: 'https://b.test/' } } },
      ],
      pools: { main: [] },
    });
    const unavailable = await client.request({ ':path': '/x' });
    expect([
      unavailable.status,
      unavailable.headers['x-fairlead-reason'],
      unavailable.headers['retry-after'],
    ]).toEqual([503, 'no_healthy_instance', '2']);
    expect((await client.request({ ':path': '/y', ':method': 'POST' }, 'body')).status).toBe(404);
    const moved = await client.request({ ':path': '/m' });
    expect([moved.status, moved.headers.location]).toEqual([301, 'https://b.test/']);
    expect((await client.request({ ':path': '/y', ':method': 'HEAD' })).bytes).toBe(0);
    client.close();
  });

  test('an upload that goes to a second endpoint is whole there', async () => {
    const { freePort } = await import('../../../support/ports.ts');
    const client = await connected(digestUpload);
    const dead = await freePort();
    plane.setPools({ main: [dead, backend.port] });
    for (let i = 0; i < 4; i++) {
      const answer = await client.request({ ':method': 'POST' }, Buffer.alloc(100_000));
      expect(JSON.parse(answer.body).bytes).toBe(100_000);
    }
    client.close();
  });
});

describe('beside HTTP/1.1', () => {
  test('ALPN decides, and a listener can do without', async () => {
    await begin(undefined, { scheme: 'https', http2: false });
    const client = await shake(plane.securePort, { ALPNProtocols: ['h2', 'http/1.1'] });
    expect(client.protocol).toBe('http/1.1');
    expect((await client.request(head('GET / HTTP/1.1', 'Host: a'))).status).toBe(200);
    client.close();
  });

  test('without TLS the first bytes decide, where the listener speaks both', async () => {
    await begin(undefined, { scheme: 'http', http2: true });
    const client = await h2Client(plane.port, 'http');
    expect((await client.request()).body).toBe('b1');
    client.close();
    expect((await get(plane.port)).body).toBe('b1');
    expect((await get(plane.port, { method: 'PRI' })).status).toBe(200);
    expect(backend.requests[0]!.header('x-forwarded-proto')).toBe('http');
  });

  test('curl speaks it', async () => {
    await begin(undefined, { scheme: 'https' });
    const url = `https://127.0.0.1:${plane.securePort}/`;
    const { stdout } = await run('curl', ['-sk', '--http2', '-w', ' %{http_version}', url]);
    expect(stdout).toBe('b1 2');
  });

  test('a slow reader stops the upstream, and an abort ends it', async () => {
    const client = await connected(huge(50_000_000, 'length'));
    const stream = client.session.request({ ':path': '/', ':authority': 'a' });
    stream.on('response', () => stream.pause());
    await eventually(() => expect(backend.requests.length).toBe(1));
    await new Promise((resolve) => setTimeout(resolve, 300));
    stream.close(8);
    await eventually(() => expect(plane.inFlight()).toBe(0));
    client.close();
    await plane.quiet();
    const [line] = plane.log();
    expect(line!.bytesOut).toBeLessThan(20_000_000);
  });
});
