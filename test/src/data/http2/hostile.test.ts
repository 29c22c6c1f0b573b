/** Frames that are wrong: the client is told, nothing reaches an upstream that should not, and nothing else suffers. */
import { describe, expect, test } from 'vitest';
import { get } from '../../../support/client.ts';
import {
  Code,
  Flag,
  frame,
  frameClient,
  GET,
  headers,
  Type,
  verdict,
} from '../../../support/http2-frames.ts';
import { eventually } from '../../../support/process.ts';
import { backend, begin, plane } from '../stage.ts';

const start = (options = {}) => begin(undefined, { scheme: 'http', http2: true, ...options });

/** A GET with these pseudo-fields instead of the usual ones, and these fields behind them. */
function altered(pseudo: Record<string, string>, ...more: (readonly [string, string])[]): Buffer {
  return headers(1, [...GET.map(([name, value]) => [name, pseudo[name] ?? value] as const), ...more]);
}

async function answerTo(...frames: Buffer[]): Promise<string> {
  const client = await frameClient(plane.port);
  client.send(...frames);
  const result = await verdict(client);
  client.close();
  return result;
}

const PROTOCOL = `reset ${Code.protocol}`;
const STATUS_400 = 'status 400';

test('a request in frames is answered', async () => {
  await start();
  expect(await answerTo(headers(1))).toBe('status 200');
});

describe('refused', () => {
  test.each([
    ['B01 an upper-case name', altered({}, ['X-Upper', 'y']), PROTOCOL],
    ['B02 a name that is a pseudo-field’s', altered({}, [':x y', 'z']), PROTOCOL],
    ['B02 NUL in a pseudo-field', altered({ ':authority': 'a.test\0' }), PROTOCOL],
    ['B02 a space around a length', altered({}, ['content-length', ' 1 ']), PROTOCOL],
    ['B02 a space before a value', altered({}, ['x-mine', ' a']), STATUS_400],
    ['B02 a tab behind a value', altered({}, ['x-mine', 'a\t']), STATUS_400],
    ['B02 nothing but a space', altered({}, ['x-mine', ' ']), STATUS_400],
    ['B02 a space before a path', altered({ ':path': ' /' }), PROTOCOL],
    ['B02 a space behind an authority', altered({ ':authority': 'a.test ' }), PROTOCOL],
    ['B04 connection', altered({}, ['connection', 'close']), PROTOCOL],
    ['B04 keep-alive', altered({}, ['keep-alive', 'timeout=5']), PROTOCOL],
    ['B04 upgrade', altered({}, ['upgrade', 'h2c']), PROTOCOL],
    ['B04 transfer-encoding', altered({}, ['transfer-encoding', 'chunked']), PROTOCOL],
    ['B04 proxy-connection', altered({}, ['proxy-connection', 'close']), PROTOCOL],
    ['B04 te: gzip', altered({}, ['te', 'gzip']), PROTOCOL],
    ['B07 empty path', altered({ ':path': '' }), PROTOCOL],
    ['B07 path without slash', altered({ ':path': 'x' }), PROTOCOL],
    ['B07 absolute path', altered({ ':path': 'http://b.test/' }), PROTOCOL],
    ['B07 # in the path', altered({ ':path': '/a#b' }), STATUS_400],
    ['B07 0xff in the path', altered({ ':path': '/\xff' }), STATUS_400],
    ['B07 space in the path', altered({ ':path': '/a b' }), PROTOCOL],
    ['B07 NUL in the path', altered({ ':path': '/a\0b' }), PROTOCOL],
    ['B07 CRLF in the path', altered({ ':path': '/a\r\nX: y' }), PROTOCOL],
    ['B08 a request line as method', altered({ ':method': 'GET / HTTP/1.1' }), PROTOCOL],
    ['B08 a quoted method', altered({ ':method': 'G"T' }), PROTOCOL],
    ['B08 a long method', altered({ ':method': 'G'.repeat(40) }), STATUS_400],
    ['B10 another host', altered({}, ['host', 'b.test']), STATUS_400],
    ['B10 two hosts', altered({}, ['host', 'a.test'], ['host', 'a.test']), PROTOCOL],
    ['B11 userinfo', altered({ ':authority': 'u@a.test' }), PROTOCOL],
    ['B11 a path in the authority', altered({ ':authority': 'a.test/x' }), PROTOCOL],
    ['B11 a space in the authority', altered({ ':authority': 'a b' }), PROTOCOL],
    ['B13 a pseudo-field behind others', headers(1, [GET[0], ['x', 'y'], ...GET.slice(1)]), PROTOCOL],
    ['B13 a pseudo-field twice', headers(1, [GET[0], ...GET]), PROTOCOL],
    ['B13 an unknown pseudo-field', headers(1, [...GET, [':x', 'y']]), PROTOCOL],
    ['B13 :status', headers(1, [...GET, [':status', '200']]), PROTOCOL],
    ['no method', headers(1, GET.slice(1)), PROTOCOL],
    ['no authority at all', headers(1, GET.slice(0, 3)), PROTOCOL],
    ['several lengths', altered({}, ['content-length', '1'], ['content-length', '1']), PROTOCOL],
    ['a length that is none', altered({}, ['content-length', '+1']), PROTOCOL],
    ['A48 another expectation', altered({}, ['expect', 'y 100-continue']), 'status 417'],
    [
      'B28 CONNECT',
      headers(
        1,
        [
          [':method', 'CONNECT'],
          [':authority', 'a.test:80'],
        ],
        false,
      ),
      'status 501',
    ],
    [
      'B28 another protocol',
      headers(1, [[':method', 'CONNECT'], [':protocol', 'x'], ...GET.slice(1)], false),
      'status 501',
    ],
  ] as const)('%s', async (_, bytes, expected) => {
    await start();
    const result = await answerTo(bytes);
    // nghttp2 ends a stream, and with some violations the connection.
    expect(
      result === expected || (expected === PROTOCOL && result === `goaway ${Code.protocol}`),
      result,
    ).toBe(true);
    expect(backend.requests).toEqual([]);
    expect((await get(plane.port)).status).toBe(200);
  });

  // `node:http2` takes such fields out before anybody could refuse them, without a sign of it.
  test.each([
    ['B02 CRLF in a value', ['x-mine', 'a\r\nX-Evil: b']],
    ['B02 NUL in a value', ['x-mine', 'a\0b']],
    ['B02 a space in a name', ['x mine', 'a']],
    ['B02 a name that is empty', ['', 'x-mine']],
  ] as const)('%s never reaches the upstream, and nothing else of the request is lost', async (_, field) => {
    await start();
    expect(await answerTo(altered({}, field, ['x-behind', 'kept']))).toBe('status 200');
    expect(backend.requests[0]!.head.toLowerCase()).not.toMatch(/x.mine|x-evil/);
    expect(backend.requests[0]!.header('x-behind')).toBe('kept');
  });

  test('B02 a space around a value of a trailer: the request is never complete upstream', async () => {
    await start();
    const post = headers(1, [[':method', 'POST'], ...GET.slice(1), ['te', 'trailers']], false);
    const body = frame(Type.data, 0, 1, Buffer.from('abc'));
    expect(await answerTo(post, body, headers(1, [['x-sum', ' 7']]))).toBe(PROTOCOL);
    await eventually(() => expect(plane.inFlight()).toBe(0));
    for (const bytes of backend.transcripts()) expect(bytes.toString()).not.toMatch(/\r\n0\r\n/);
    expect(await answerTo(post, body, headers(1, [['x-sum', '7']]))).toBe('status 200');
  });

  test('B16 too many fields, and too much of them', async () => {
    await start();
    const many = Array.from({ length: 101 }, (_, i) => [`x-${i}`, 'y'] as const);
    expect(await answerTo(altered({}, ...many))).toBe('status 431');
    const more = Array.from({ length: 200 }, (_, i) => [`x-${i}`, 'y'] as const);
    expect(await answerTo(altered({}, ...more))).toBe(`reset ${Code.calm}`);
    expect(await answerTo(altered({}, ['x', 'y'.repeat(16_250)]))).toMatch(/^(status 431|reset 11)$/);
    expect(await answerTo(altered({ ':path': `/${'y'.repeat(9_000)}` }))).toBe('status 414');
    expect(backend.requests).toEqual([]);
  });

  test('B15 cookies are one field, and count one by one', async () => {
    await start();
    expect(await answerTo(altered({}, ['cookie', 'a=1'], ['x', 'y'], ['cookie', 'b=2']))).toBe('status 200');
    expect(backend.requests[0]!.head).toMatch(/\r\ncookie: a=1; b=2\r\nx: y\r\n/);
    const crumbs = Array.from({ length: 400 }, () => ['cookie', 'a=1'] as const);
    expect(await answerTo(altered({}, ...crumbs))).toBe(`reset ${Code.calm}`);
  });

  test('B05 a body that is not as long as announced is never complete upstream', async () => {
    await start();
    const post = (length: number) =>
      headers(1, [[':method', 'POST'], ...GET.slice(1), ['content-length', `${length}`]], false);
    const short = await answerTo(post(10), frame(Type.data, Flag.endStream, 1, Buffer.from('abc')));
    const long = await answerTo(post(2), frame(Type.data, Flag.endStream, 1, Buffer.from('abc')));
    expect(short).toBe(PROTOCOL);
    expect(long).toMatch(/^(reset 1|goaway \d)$/);
    await eventually(() => expect(plane.inFlight()).toBe(0));
    for (const bytes of backend.transcripts()) expect(bytes.toString()).not.toMatch(/\r\n\r\nabc/);
  });

  test.each([
    ['B24 DATA on an idle stream', [frame(Type.data, 0, 1, [1])]],
    ['B24 an even stream', [headers(2)]],
    ['B24 a reset of stream 0', [frame(Type.reset, 0, 0, [0, 0, 0, 8])]],
    ['B24 GOAWAY on a stream', [frame(Type.goaway, 0, 1, Buffer.alloc(8))]],
    ['B24 a push', [headers(1), frame(Type.push, Flag.endHeaders, 1, Buffer.from([0, 0, 0, 2, 0x82]))]],
    ['B24 a PING of 7 bytes', [frame(Type.ping, 0, 0, Buffer.alloc(7))]],
    ['B24 SETTINGS of 5 bytes', [frame(Type.settings, 0, 0, Buffer.alloc(5))]],
    [
      'B26 HPACK that cannot be read',
      [frame(Type.headers, 5, 1, Buffer.from([0xff, 0xff, 0xff, 0xff, 0xff, 0xff]))],
    ],
    ['B22 a window beyond its limit', [frame(Type.window, 0, 0, [0x7f, 0xff, 0xff, 0xff])]],
    ['B20 a window update of nothing', [headers(1, GET, false), frame(Type.window, 0, 1, [0, 0, 0, 0])]],
    ['B20 PRIORITY of 4 bytes', [headers(1, GET, false), frame(Type.priority, 0, 1, Buffer.alloc(4))]],
  ] as const)('%s ends the connection or the stream', async (_, frames) => {
    await start();
    const client = await frameClient(plane.port);
    client.send(...frames);
    const ended = await client.next(
      ({ type, payload }) => (type === Type.goaway && payload.readUInt32BE(4) !== 0) || type === Type.reset,
    );
    expect(ended === null || ended.type === Type.goaway || ended.type === Type.reset).toBe(true);
    client.close();
    expect((await get(plane.port)).status).toBe(200);
  });

  test('B24 a stream id that goes back is ignored', async () => {
    await start();
    const client = await frameClient(plane.port);
    client.send(headers(3), headers(1), headers(5));
    expect(await verdict(client, 5)).toBe('status 200');
    client.close();
    expect(backend.requests.length).toBe(2);
  });

  test('B29 streams beyond the limit never reach an upstream', async () => {
    await begin(() => {}, { scheme: 'http', http2: true, limits: { streams: 5 } });
    const client = await frameClient(plane.port);
    for (let id = 1; id <= 11; id += 2) client.send(headers(id));
    // nghttp2 takes it for an error of the connection once the client has acknowledged the limit (RFC 9113, 5.1.2).
    expect(await verdict(client, 11)).toMatch(/^(reset 7|goaway 1)$/);
    expect(plane.inFlight()).toBeLessThanOrEqual(5);
    client.close();
  });
});
