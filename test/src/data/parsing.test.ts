/**
 * What clients send that is no request, or could be read in two ways: the answer, the exact requests the backend got, and
 * that a clean request works afterwards.
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Backend, digestUpload, startBackend } from '../../support/backend.ts';
import { get, type RawResult, rawRequest } from '../../support/client.ts';
import { head, type Plane, startPlane } from '../../support/engine.ts';

let backend: Backend;
let plane: Plane;

beforeAll(async () => {
  backend = await startBackend({ name: 'b1', handler: digestUpload });
  plane = await startPlane({ pools: { main: [backend.port] }, timeouts: { headMs: 300 } });
});

afterAll(async () => {
  await plane.quiet();
  await plane.close();
  expect(backend.violations).toEqual([]);
  await backend.kill();
});

/** Sends the bytes and returns the outcome, with the start lines of what the backend saw of it. */
async function send(bytes: string | Buffer): Promise<RawResult & { seen: string[]; bodies: number[] }> {
  const before = backend.requests.length;
  const raw = typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes;
  const result = await rawRequest(plane.port, raw, { timeoutMs: 3000 });
  const seen = backend.requests.slice(before);
  const clean = await get(plane.port, { path: '/clean' });
  expect(clean.status).toBe(200);
  return {
    ...result,
    seen: seen.map((request) => `${request.method} ${request.target}`),
    bodies: seen.map((request) => request.bodyBytes),
  };
}

const H = 'Host: a';
const NEXT = head('GET /smuggled HTTP/1.1', H);
const post = (...fields: string[]): string => head('POST / HTTP/1.1', H, ...fields);

/** Refused with this status, closed, and nothing of it reaches the backend. */
const REFUSED: [id: string, bytes: string, status: number][] = [
  [
    'A01 Content-Length, then chunked',
    `${post('Content-Length: 6', 'Transfer-Encoding: chunked')}0\r\n\r\n${NEXT}`,
    400,
  ],
  [
    'A02 chunked, then Content-Length',
    `${post('Transfer-Encoding: chunked', 'Content-Length: 6')}0\r\n\r\n${NEXT}`,
    400,
  ],
  ['A04 coding xchunked', `${post('Transfer-Encoding: xchunked')}0\r\n\r\n${NEXT}`, 501],
  ['A04 coding identity', `${post('Transfer-Encoding: identity')}${NEXT}`, 400],
  ['A04 empty coding', `${post('Transfer-Encoding:')}${NEXT}`, 400],
  ['A04 coding after a vertical tab', `${post('Transfer-Encoding: \x0bchunked')}0\r\n\r\n`, 400],
  ['A04 coding after a form feed', `${post('Transfer-Encoding: \x0cchunked')}0\r\n\r\n`, 400],
  ['A04 coding after a no-break space', `${post('Transfer-Encoding: \xa0chunked')}0\r\n\r\n`, 400],
  ['A04 chunked with a parameter', `${post('Transfer-Encoding: chunked;a=b')}0\r\n\r\n`, 400],
  ['A04 space before the colon', `${post('Transfer-Encoding : chunked')}0\r\n\r\n`, 400],
  ['A05 ,chunked', `${post('Transfer-Encoding: ,chunked')}0\r\n\r\n`, 400],
  ['A05 chunked,', `${post('Transfer-Encoding: chunked,')}0\r\n\r\n`, 400],
  ['A05 gzip, chunked', `${post('Transfer-Encoding: gzip, chunked')}0\r\n\r\n`, 501],
  ['A05 two fields', `${post('Transfer-Encoding: chunked', 'Transfer-Encoding: chunked')}0\r\n\r\n`, 400],
  ['A06 chunked, gzip', `${post('Transfer-Encoding: chunked, gzip')}0\r\n\r\n`, 400],
  ['A08 chunked in HTTP/1.0', `${head('POST / HTTP/1.0', 'Transfer-Encoding: chunked')}0\r\n\r\n`, 400],
  ['A09 two different lengths', `${post('Content-Length: 5', 'Content-Length: 6')}hello${NEXT}`, 400],
  ['A09 two equal lengths', `${post('Content-Length: 5', 'Content-Length: 5')}hello`, 400],
  ['A09 a list of lengths', `${post('Content-Length: 5, 5')}hello`, 400],
  ...['+3', '-1', '0x3', '1 1', '1_0', '3;', '', '3.0', '\xb3'].map((value): [string, string, number] => [
    `A11 length "${value}"`,
    `${post(`Content-Length: ${value}`)}abc`,
    400,
  ]),
  ['A13 length 2^53', post('Content-Length: 9007199254740993'), 413],
  ['A13 length 2^64', post('Content-Length: 18446744073709551616'), 413],
  ['A13 length of 60 digits', post(`Content-Length: ${'9'.repeat(60)}`), 413],
  ['A14 folded Content-Length', `${post('Content-Length:\r\n 5')}hello`, 400],
  ['A14 folded Transfer-Encoding', `${post('Transfer-Encoding:\r\n chunked')}0\r\n\r\n`, 400],
  ['A14 folded field', head('GET / HTTP/1.1', H, 'X: a', '\tb'), 400],
  ['A14 folded first line', `GET / HTTP/1.1\r\n Host: a\r\n\r\n`, 400],
  ['A16 bare LF after the request line', `GET / HTTP/1.1\nHost: a\r\n\r\n`, 400],
  ['A16 bare LF after a field', `GET / HTTP/1.1\r\nHost: a\nX: b\r\n\r\n`, 400],
  ['A16 bare LF at the end', `GET / HTTP/1.1\r\nHost: a\r\n\n${NEXT}`, 400],
  ['A17 bare CR in a value', head('GET / HTTP/1.1', H, 'X: a\rY: b'), 400],
  ['A17 head ended by CR and something', `GET / HTTP/1.1\r\nHost: a\r\n\rX${NEXT}`, 400],
  ['A18 HTTP/0.9', 'GET /\r\n\r\n', 400],
  ['A19 no version, bare LF', 'GET /x\nHost: a\r\nContent-Length: 5\r\n\r\nhello', 400],
  ['A20 HTTP/2.0', head('GET / HTTP/2.0', H), 505],
  ['A20 HTTP/3.0', head('GET / HTTP/3.0', H), 505],
  ['A20 HTTP/1.10', head('GET / HTTP/1.10', H), 400],
  ['A20 http/1.1', head('GET / http/1.1', H), 400],
  ['A20 HTTP/ 1.1', head('GET / HTTP/ 1.1', H), 400],
  ['A20 two spaces', head('GET  / HTTP/1.1', H), 400],
  ['A20 space at the end', head('GET / HTTP/1.1 ', H), 400],
  ['A20 a tab instead of a space', head('GET\t/ HTTP/1.1', H), 400],
  ['A32 no Host', head('GET / HTTP/1.1'), 400],
  ['A33 two different Hosts', head('GET / HTTP/1.1', H, 'Host: b'), 400],
  ['A33 two equal Hosts', head('GET / HTTP/1.1', H, H), 400],
  ...['a, b', 'a/b', 'u@a', '', 'a:99999', 'a b', 'a\0', 'a\xe9', '[::1', 'a:b', 'a#b', 'a?b', 'a..b'].map(
    (value): [string, string, number] => [
      `A34 Host ${JSON.stringify(value)}`,
      head('GET / HTTP/1.1', `Host: ${value}`),
      400,
    ],
  ),
  ['A35 an absolute form for another host', head('GET http://b/ HTTP/1.1', H), 400],
  ['A35 an absolute form with user information', head('GET http://a@b/ HTTP/1.1', H), 400],
  ['A37 GET a:80', head('GET a:80 HTTP/1.1', H), 400],
  ['A37 GET x', head('GET x HTTP/1.1', H), 400],
  ['A37 GET ?q', head('GET ?q HTTP/1.1', H), 400],
  ['A37 GET *', head('GET * HTTP/1.1', H), 400],
  ['A38 CONNECT with early bytes', `${head('CONNECT a:80 HTTP/1.1', 'Host: a:80')}early`, 501],
  ['A40 # in the target', head('GET /a#b HTTP/1.1', H), 400],
  ['A41 NUL in the target', head('GET /a\0b HTTP/1.1', H), 400],
  ['A41 control character in the target', head('GET /a\x01b HTTP/1.1', H), 400],
  ['A41 space in the target', head('GET /a b HTTP/1.1', H), 400],
  ['A41 DEL in the target', head('GET /a\x7f HTTP/1.1', H), 400],
  ['A41 0xFF in the target', head('GET /a\xff HTTP/1.1', H), 400],
  ['A43 a quote in the method', head('G"T / HTTP/1.1', H), 400],
  ['A43 a method of 4 KiB', head(`${'G'.repeat(4096)} / HTTP/1.1`, H), 400],
  ...['\0', '\x01', '\x1f', '\x7f', '\x0b'].map((c): [string, string, number] => [
    `A45 ${JSON.stringify(c)} in a value`,
    head('GET / HTTP/1.1', H, `X: a${c}b`),
    400,
  ]),
  ['A45 a space in a name', head('GET / HTTP/1.1', H, 'X Y: a'), 400],
  ['A45 a field without colon', head('GET / HTTP/1.1', H, 'X'), 400],
  ['A45 an empty name', head('GET / HTTP/1.1', H, ': a'), 400],
  [
    'A46 1,100 short fields with Transfer-Encoding last',
    `${post(...Array(1100).fill('A:b'), 'Transfer-Encoding: chunked')}0\r\n\r\n`,
    431,
  ],
  ['A46 100 fields and one', head('GET / HTTP/1.1', H, ...Array(100).fill('A: b')), 431],
  ['A47 three empty lines first', `\r\n\r\n\r\n${head('GET / HTTP/1.1', H)}`, 400],
  ['A47 LF first', `\n${head('GET / HTTP/1.1', H)}`, 400],
  ['D11 dot segments', head('GET /a/../b HTTP/1.1', H), 400],
  ['D11 encoded dot segments', head('GET /a/%2e%2E/b HTTP/1.1', H), 400],
  ['D11 a lone dot', head('GET /./ HTTP/1.1', H), 400],
  ['D11 an encoded NUL', head('GET /a%00b HTTP/1.1', H), 400],
  ['D11 a broken escape', head('GET /a%zz HTTP/1.1', H), 400],
  ['D11 half an escape', head('GET /a%2 HTTP/1.1', H), 400],
  ['E06 a target over the limit', head(`GET /${'a'.repeat(8192)} HTTP/1.1`, H), 414],
  ['E06 a field over the limit', head('GET / HTTP/1.1', H, `X: ${'a'.repeat(17_000)}`), 431],
];

test.each(REFUSED)('%s is refused', async (_, bytes, status) => {
  const { responses, closed, seen, error } = await send(bytes);
  expect(error).toBeUndefined();
  expect(responses.map((one) => one.status)).toEqual([status]);
  expect(closed).toBe('end');
  expect(seen).toEqual([]);
  const [answer] = responses;
  expect(answer!.headers.get('connection')).toBe('close');
  expect(answer!.headers.get('x-fairlead-reason')).toMatch(/^[a-z_]+$/);
  expect(answer!.fault).toBeUndefined();
});

/** The head is fine and the body turns out not to be: 400, and no complete request reaches the backend. */
const BROKEN_BODIES: [id: string, body: string][] = [
  ['A22 chunk size ended by LF', '3\nabc\r\n0\r\n\r\n'],
  ['A22 chunk size ended by CR', '3\rXabc\r\n0\r\n\r\n'],
  ['A22 chunk data ended by CR', '3\r\nabc\r0\r\n\r\n'],
  ['A22 chunk data ended by LF', '3\r\nabc\n0\r\n\r\n'],
  ['A22 last chunk ended by LF', '3\r\nabc\r\n0\n\r\n'],
  ['A22 trailers ended by LF', '3\r\nabc\r\n0\r\n\n'],
  ...['0x3', '+3', '-1', ' 3', '3 ', '3_0', '', '10000000000000000', 'g', '3,'].map(
    (size): [string, string] => [`A25 chunk size "${size}"`, `${size}\r\nabc\r\n0\r\n\r\n`],
  ),
  ['A25 data longer than its size', '3\r\nabcd\r\n0\r\n\r\n'],
  ['A24 LF in an extension', '3;a\nb\r\nabc\r\n0\r\n\r\n'],
  ['A24 16 KiB of extensions', `3;${'a'.repeat(17_000)}\r\nabc\r\n0\r\n\r\n`],
  ['A28 a trailer without colon', '3\r\nabc\r\n0\r\nX\r\n\r\n'],
  ['A28 a folded trailer', '3\r\nabc\r\n0\r\nX: a\r\n b\r\n\r\n'],
  ['A28 trailers over the limit', `3\r\nabc\r\n0\r\n${'X: aaaaaaaaaaaaaaaaaaaaaaaaaa\r\n'.repeat(2000)}\r\n`],
];

test.each(BROKEN_BODIES)('%s is refused and the backend gets no whole request', async (_, body) => {
  const before = backend.requests.length;
  const { responses, closed } = await send(`${post('Transfer-Encoding: chunked')}${body}${NEXT}`);
  expect(responses.map((one) => one.status)).toEqual([400]);
  expect(closed).toBe('end');
  const seen = backend.requests.slice(before);
  expect(seen.filter(({ target }) => target === '/smuggled')).toEqual([]);
  expect(seen.filter(({ method, complete }) => method === 'POST' && complete)).toEqual([]);
});

/** Unusual and fine. */
const ACCEPTED: [id: string, bytes: string, seen: string[], bodies: number[]][] = [
  [
    'A12 a length with leading zeros',
    `${post('Content-Length: 0003', 'Connection: close')}abc`,
    ['POST /'],
    [3],
  ],
  ['A20 HTTP/1.2', head('GET / HTTP/1.2', H, 'Connection: close'), ['GET /'], [0]],
  [
    'A24 chunk extensions',
    `${post('Transfer-Encoding: chunked', 'Connection: close')}3;a=b\r\nabc\r\n3;a="b;c"\r\ndef\r\n0;x\r\n\r\n`,
    ['POST /'],
    [6],
  ],
  [
    'A25 leading zeros in a chunk size',
    `${post('Transfer-Encoding: chunked', 'Connection: close')}0003\r\nabc\r\n000\r\n\r\n`,
    ['POST /'],
    [3],
  ],
  [
    'A29 a GET with a body, then another request',
    `${head('GET /1 HTTP/1.1', H, 'Content-Length: 3')}abc${head('GET /2 HTTP/1.1', H, 'Connection: close')}`,
    ['GET /1', 'GET /2'],
    [3, 0],
  ],
  [
    'A29 a DELETE with chunks, then another request',
    `${head('DELETE /1 HTTP/1.1', H, 'Transfer-Encoding: chunked')}3\r\nabc\r\n0\r\n\r\n${head('GET /2 HTTP/1.1', H, 'Connection: close')}`,
    ['DELETE /1', 'GET /2'],
    [3, 0],
  ],
  ['A35 an absolute form', head('GET http://A:80/x?y HTTP/1.1', H, 'Connection: close'), ['GET /x?y'], [0]],
  [
    'A35 an absolute form without path',
    head('GET http://a?y HTTP/1.1', H, 'Connection: close'),
    ['GET /?y'],
    [0],
  ],
  ['OPTIONS *', head('OPTIONS * HTTP/1.1', H, 'Connection: close'), ['OPTIONS *'], [0]],
  ['A43 an unknown method', head('FOOBAR / HTTP/1.1', H, 'Connection: close'), ['FOOBAR /'], [0]],
  ['A43 a lower-case method', head('get / HTTP/1.1', H, 'Connection: close'), ['get /'], [0]],
  ['A47 two empty lines first', `\r\n\r\n${head('GET / HTTP/1.1', H, 'Connection: close')}`, ['GET /'], [0]],
  [
    'D10 names of object members',
    head(
      'GET /__proto__/constructor?toString HTTP/1.1',
      'Host: __proto__',
      '__proto__: 1',
      'constructor: 2',
      'Connection: close',
    ),
    ['GET /__proto__/constructor?toString'],
    [0],
  ],
  [
    'D11 reserved characters stay encoded',
    head('GET /a%2Fb%3f%23%25%5c//x;y=z HTTP/1.1', H, 'Connection: close'),
    ['GET /a%2Fb%3f%23%25%5c//x;y=z'],
    [0],
  ],
  [
    'a value that is empty, tabs around values, obs-text',
    head('GET / HTTP/1.1', 'Host:\ta \t', 'X:', 'Y: \t\xe9\t', 'Connection: close'),
    ['GET /'],
    [0],
  ],
];

test.each(ACCEPTED)('%s is passed on', async (_, bytes, seen, bodies) => {
  const result = await send(bytes);
  expect(result.responses.map((one) => one.status)).toEqual(seen.map(() => 200));
  expect(result.seen).toEqual(seen);
  expect(result.bodies).toEqual(bodies);
});
