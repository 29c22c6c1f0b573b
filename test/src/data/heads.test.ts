/** Heads at their limits, heads that come slowly, and heads in pieces. */
import { beforeEach, describe, expect, test } from 'vitest';
import { digestUpload } from '../../support/backend.ts';
import { type RawResult, rawRequest } from '../../support/client.ts';
import { head } from '../../support/engine.ts';
import { backend, begin, plane } from './stage.ts';

const H = 'Host: a';

beforeEach(() => begin(digestUpload, { timeouts: { headMs: 300 } }));

test('a head of exactly the limit passes, one byte more does not (E06)', async () => {
  const rest = head('GET / HTTP/1.1', H, 'Connection: close', 'X: ').length;
  const exact = head('GET / HTTP/1.1', H, 'Connection: close', `X: ${'a'.repeat(16_384 - rest)}`);
  expect(exact.length).toBe(16_384);
  expect((await rawRequest(plane.port, exact)).responses.map((one) => one.status)).toEqual([200]);
  const over = head('GET / HTTP/1.1', H, 'Connection: close', `X: ${'a'.repeat(16_385 - rest)}`);
  expect((await rawRequest(plane.port, over)).responses.map((one) => one.status)).toEqual([431]);
});

test('a target of exactly the limit passes, one byte more does not (E06)', async () => {
  const target = `/${'a'.repeat(8191)}`;
  const fields = [H, 'Connection: close'];
  expect((await rawRequest(plane.port, head(`GET ${target} HTTP/1.1`, ...fields))).responses[0]!.status).toBe(
    200,
  );
  expect(
    (await rawRequest(plane.port, head(`GET ${target}a HTTP/1.1`, ...fields))).responses[0]!.status,
  ).toBe(414);
});

test('as many fields as allowed pass (A46)', async () => {
  const { responses } = await rawRequest(
    plane.port,
    head('GET / HTTP/1.1', H, 'Connection: close', ...Array(98).fill('A: b')),
  );
  expect(responses[0]!.status).toBe(200);
});

test('a head that stops coming is answered 408 (E01), silence is closed without a word (E04)', async () => {
  const slow = await rawRequest(plane.port, 'GET / HTTP/1.1\r\nHost: a\r\n');
  expect(slow.responses.map((one) => one.headers.get('x-fairlead-reason'))).toEqual(['request_timeout']);
  expect(slow.responses[0]!.status).toBe(408);
  const silent = await rawRequest(plane.port, '');
  expect([silent.text, silent.closed]).toEqual(['', 'end']);
});

test('the answer to a refused HEAD has no body', async () => {
  for (const bytes of [head('HEAD / HTTP/1.1'), 'HEAD /\x01']) {
    const { text } = await rawRequest(plane.port, bytes, { methods: ['HEAD'] });
    expect(text).toMatch(/^HTTP\/1\.1 400 Bad Request\r\n[\s\S]*\r\n\r\n$/);
  }
});

describe('a head cut in two at any byte reads like the whole one', () => {
  const fields = ['Host: a', 'X-Odd:  \tb ', 'Content-Length: 3', 'Connection: close'];
  const whole = [
    `${head('POST /p?q=%20 HTTP/1.1', ...fields)}abc`,
    `\r\n${head('GET http://a/x HTTP/1.0', 'Connection: keep-alive, close')}`,
    `${head('PUT / HTTP/1.1', H, 'Transfer-Encoding: chunked', 'Connection: close')}3;x\r\nabc\r\n0\r\nT: 1\r\n\r\n`,
    head('GET / HTTP/1.1', H, 'A: b', 'c: \x01'),
    'GET / HTTP/1.1\r\nHost: a\n\r\n',
  ];

  test.each(whole)('%j', { timeout: 20_000 }, async (text) => {
    const tell = (result: RawResult, from: number) => ({
      answers: result.responses.map((one) => [one.status, one.body]),
      heads: backend.requests.slice(from).map((one) => one.head.replace(/X-Request-ID: .*\r\n/, '')),
    });
    const bytes = Buffer.from(text, 'latin1');
    let from = backend.requests.length;
    const expected = tell(await rawRequest(plane.port, bytes), from);
    expect(expected.answers.length).toBe(1);
    for (let cut = 1; cut < bytes.length; cut++) {
      from = backend.requests.length;
      const parts = [bytes.subarray(0, cut), 1, bytes.subarray(cut)];
      expect(tell(await rawRequest(plane.port, parts), from), `cut at ${cut}`).toEqual(expected);
    }
    from = backend.requests.length;
    const single = [...bytes].flatMap((byte) => [Buffer.from([byte]), 0]);
    expect(tell(await rawRequest(plane.port, single), from)).toEqual(expected);
  });
});
