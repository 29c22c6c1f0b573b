/** Messages that are as they should be, in every framing and version, and connections that are used again. */
import { connect } from 'node:net';
import { describe, expect, test } from 'vitest';
import { digestUpload, huge } from '../../support/backend.ts';
import { Client, get, rawRequest } from '../../support/client.ts';
import { head } from '../../support/engine.ts';
import { eventually } from '../../support/process.ts';
import { backend, begin, converse, plane } from './stage.ts';

describe('requests', () => {
  test('a GET reaches the backend and its answer the client', async () => {
    await begin();
    const answer = await get(plane.port, { path: '/a?b=c', host: 'x.test' });
    expect([answer.status, answer.body]).toEqual([200, 'b1']);
    expect(backend.requests[0]).toMatchObject({ method: 'GET', target: '/a?b=c' });
    await plane.quiet();
    expect(plane.log()).toMatchObject([{ method: 'GET', path: '/a?b=c', status: 200, bytesOut: 2 }]);
  });

  test.each(['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'REPORT'])(
    'a %s with a body is framed alike on both sides (A29)',
    async (method) => {
      await begin(digestUpload);
      const chunked = '3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n';
      const bytes =
        `${head(`${method} /1 HTTP/1.1`, 'Host: a', 'Content-Length: 0005')}hello` +
        head(`${method} /2 HTTP/1.1`, 'Host: a', 'Transfer-Encoding: CHUNKED') +
        chunked +
        head(`${method} /3 HTTP/1.1`, 'Host: a', 'Content-Length: 0') +
        head('GET /4 HTTP/1.1', 'Host: a');
      const { responses } = await rawRequest(plane.port, bytes, { until: 4 });
      expect(responses.map((response) => JSON.parse(response.body).bytes)).toEqual([5, 5, 0, 0]);
      expect(backend.requests.map((request) => request.target)).toEqual(['/1', '/2', '/3', '/4']);
      expect(backend.requests[0]!.head).toContain('\r\nContent-Length: 5\r\n');
      expect(backend.transcripts()[0]!.toString()).toContain('\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n');
    },
  );

  test('trailers of a request are passed on, those that could change its meaning are not (A27)', async () => {
    await begin(digestUpload);
    const bytes =
      head('POST / HTTP/1.1', 'Host: a', 'Transfer-Encoding: chunked', 'Trailer: X-Sum') +
      '1\r\na\r\n0\r\nX-Sum: 7\r\nContent-Length: 9\r\nTransfer-Encoding: chunked\r\nHost: b\r\n' +
      'Authorization: x\r\nX-Forwarded-For: 1.2.3.4\r\nX_Forwarded_For: 1.2.3.4\r\nCookie: a=b\r\n\r\n';
    const { responses } = await rawRequest(plane.port, bytes, { until: 1 });
    expect(JSON.parse(responses[0]!.body).trailers).toEqual([['X-Sum', '7']]);
    expect(backend.requests[0]!.header('trailer')).toBe('X-Sum');
  });

  test('Expect: 100-continue is passed on, and the body waits for the answer (A48)', async () => {
    await begin(digestUpload);
    const socket = connect(plane.port, '127.0.0.1');
    let text = '';
    socket.on('data', (bytes) => {
      text += bytes;
    });
    socket.write(head('PUT / HTTP/1.1', 'Host: a', 'Content-Length: 5', 'Expect: 100-Continue'));
    await eventually(() => expect(text).toBe('HTTP/1.1 100 Test\r\n\r\n'));
    expect(backend.requests[0]!.header('expect')).toBe('100-continue');
    expect(backend.requests[0]!.bodyBytes).toBe(0);
    socket.write('hello');
    await eventually(() => expect(text).toContain('"bytes":5'));
    socket.destroy();
  });

  test('a final answer instead of 100 is delivered and ends the connection (A49)', async () => {
    await begin(async (_, reply) => {
      reply.closing = true;
      await reply.send({ status: 413 });
    });
    const heard = await converse(
      head('PUT / HTTP/1.1', 'Host: a', 'Content-Length: 5', 'Expect: 100-continue'),
      /^HTTP\/1\.1 413 [\s\S]*Connection: close\r\n\r\nb1$/,
      'hello',
    );
    expect(heard.ending).toBe('end');
    expect(backend.transcripts()[0]!.toString()).not.toContain('hello');
    expect(plane.endpoint(backend.port).idle.length).toBe(0);
  });

  test('other expectations are refused, on HTTP/1.0 they are ignored (A48)', async () => {
    await begin(digestUpload);
    const refused = await rawRequest(
      plane.port,
      `${head('PUT / HTTP/1.1', 'Host: a', 'Content-Length: 1', 'Expect: y 100-continue')}x`,
    );
    expect(refused.responses.map(({ status }) => status)).toEqual([417]);
    const old = await rawRequest(
      plane.port,
      `${head('PUT / HTTP/1.0', 'Content-Length: 1', 'Expect: 100-continue')}x`,
    );
    expect(old.responses.map(({ status }) => status)).toEqual([200]);
    expect(backend.requests.map((request) => request.header('expect'))).toEqual([undefined]);
  });
});

describe('responses', () => {
  test.each(['length', 'chunked', 'close'] as const)('a body framed by %s arrives whole', async (framing) => {
    await begin(huge(300_000, framing));
    const modern = await get(plane.port);
    expect(modern.bytes.length).toBe(300_000);
    const isLength = framing === 'length';
    expect(modern.headers.get('content-length')).toBe(isLength ? '300000' : undefined);
    expect(modern.headers.get('transfer-encoding')).toBe(isLength ? undefined : 'chunked');
    const old = await rawRequest(plane.port, head('GET / HTTP/1.0', 'Connection: keep-alive'), {
      until: isLength ? 1 : 'close',
    });
    expect(old.responses[0]!.bytes.length).toBe(300_000);
    expect(old.responses[0]!.headers.get('connection')).toBe(isLength ? 'keep-alive' : 'close');
    expect(old.closed).toBe(isLength ? 'open' : 'end');
    expect(old.responses[0]!.headers.has('transfer-encoding')).toBe(false);
  });

  test('HEAD, 204 and 304 have no body, and the lengths that describe one', async () => {
    await begin(async (request, reply) => {
      const status = request.method === 'HEAD' ? 200 : Number(request.target.slice(1));
      await reply.write(`HTTP/1.1 ${status} X\r\nContent-Length: 7\r\n\r\n`);
    });
    const client = new Client(plane.port);
    const lengths = new Map<string, string | undefined>();
    for (const [method, path] of [
      ['HEAD', '/200'],
      ['GET', '/204'],
      ['GET', '/304'],
    ] as const) {
      const answer = await client.request({ method, path });
      expect(answer.body).toBe('');
      lengths.set(method + path, answer.headers.get('content-length'));
    }
    client.close();
    expect([...lengths.values()]).toEqual(['7', undefined, '7']);
    expect(backend.transcripts().length).toBe(1);
  });

  test('interim answers are passed on, but not to HTTP/1.0', async () => {
    await begin(async (_, reply) => {
      await reply.head(103, [
        ['Link', '</a.css>'],
        ['Connection', 'x-hop'],
        ['X-Hop', '1'],
      ]);
      await reply.send();
    });
    const { interim, status } = await get(plane.port);
    expect([interim.map((one) => one.status), status]).toEqual([[103], 200]);
    expect(interim[0]!.fields).toEqual([['Link', '</a.css>']]);
    const old = await rawRequest(plane.port, head('GET / HTTP/1.0'));
    expect(old.responses.map((one) => one.status)).toEqual([200]);
  });

  test('trailers reach only those who ask for them (F22)', async () => {
    await begin((_, reply) =>
      reply.send({
        body: 'x',
        fields: [['Trailer', 'Sum']],
        trailers: [
          ['Sum', '1'],
          ['Set-Cookie', 'a=b'],
          ['Content-Length', '5'],
          ['Content-Type', 'text/html'],
        ],
      }),
    );
    const asked = await get(plane.port, { headers: [['TE', 'trailers, gzip']] });
    expect(asked.trailers).toEqual([['Sum', '1']]);
    expect(asked.headers.get('trailer')).toBe('Sum');
    expect(backend.requests[0]!.header('te')).toBe('trailers');
    const silent = await get(plane.port);
    expect([silent.body, silent.trailers, silent.headers.has('trailer')]).toEqual(['x', [], false]);
    expect(backend.requests[1]!.header('te')).toBeUndefined();
  });

  test('order, case and repetition of fields are kept, hop-by-hop fields are not (D06)', async () => {
    await begin(async (_, reply) => {
      await reply.write(
        `${head(
          'HTTP/1.1 200 All is Well',
          'Set-Cookie: a=1',
          'X-ODD: \xe9',
          'Set-Cookie: b=2',
          'Keep-Alive: timeout=5',
          'Proxy-Authenticate: Basic',
          'Upgrade: foo',
          'Connection: X-Private',
          'X-Private: 1',
          'Content-Length: 2',
          'content-length: 2',
        )}ok`,
      );
    });
    const { responses } = await rawRequest(plane.port, head('GET / HTTP/1.1', 'Host: a'), { until: 1 });
    expect(responses[0]!.reason).toBe('All is Well');
    expect(responses[0]!.fields.filter(([name]) => name.toLowerCase() !== 'content-length')).toEqual([
      ['Set-Cookie', 'a=1'],
      ['X-ODD', '\xc3\xa9'],
      ['Set-Cookie', 'b=2'],
    ]);
    expect(responses[0]!.body).toBe('ok');
  });
});
