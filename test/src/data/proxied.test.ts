/** Listeners behind a balancer that sends PROXY headers. */
import { once } from 'node:events';
import { connect } from 'node:net';
import { describe, expect, test } from 'vitest';
import { Family } from '../../../src/shared/counters.ts';
import { rawRequest } from '../../support/client.ts';
import { head, type PlaneOptions } from '../../support/engine.ts';
import { eventually } from '../../support/process.ts';
import { backend, begin, plane } from './stage.ts';

const BEHIND: PlaneOptions = { proxyProtocol: true, trustedProxies: ['127.0.0.1'] };
const V1 = 'PROXY TCP4 192.0.2.1 10.0.0.1 55555 443\r\n';
const V2_START = [0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a];
const V2 = Buffer.from([...V2_START, 0x21, 0x11, 0, 12, 192, 0, 2, 1, 10, 0, 0, 1, 0xd9, 3, 1, 0xbb]);
const LOCAL = Buffer.from([...V2_START, 0x20, 0, 0, 0]);
const GET = head('GET / HTTP/1.1', 'Host: a', 'Connection: close');

const refused = () => plane.sum(Family.refused);

/** What the backend is told of the client. */
function told(): (string | undefined)[] {
  return backend.requests.map(({ head }) => /\r\nX-Forwarded-For: (.*)\r\n/.exec(head)?.[1]);
}

describe('the source address becomes the peer', () => {
  test.each([
    ['version 1', [V1 + GET]],
    ['version 2', [Buffer.concat([V2, Buffer.from(GET)])]],
    ['in two parts', [V1.slice(0, 20), 5, V1.slice(20), 5, GET]],
    ['byte by byte', [...Buffer.concat([V2, Buffer.from(GET)])].flatMap((byte) => [Buffer.from([byte]), 0])],
    ['cut within the request', [V1 + GET.slice(0, 9), 5, GET.slice(9)]],
  ])('%s', async (_, pieces) => {
    await begin(undefined, BEHIND);
    const { responses, closed } = await rawRequest(plane.port, pieces, { methods: ['GET'] });
    expect([responses.map(({ status }) => status), closed]).toEqual([[200], 'end']);
    expect(told()).toEqual(['192.0.2.1']);
    await plane.quiet();
    expect(plane.log()).toMatchObject([{ client: '192.0.2.1', status: 200 }]);
    expect(refused()).toBe(0);
  });

  test('once per connection: what follows are requests', async () => {
    await begin(undefined, BEHIND);
    const two = V1 + head('GET /1 HTTP/1.1', 'Host: a') + V1 + GET;
    const { responses } = await rawRequest(plane.port, two);
    expect(responses.map(({ status }) => status)).toEqual([200, 400]);
  });

  test.each([
    ['UNKNOWN', 'PROXY UNKNOWN\r\n'],
    ['LOCAL', LOCAL.toString('latin1')],
  ])('%s keeps the address of the socket', async (_, header) => {
    await begin(undefined, BEHIND);
    const { responses } = await rawRequest(plane.port, Buffer.from(header + GET, 'latin1'), {
      methods: ['GET'],
    });
    expect(responses.map(({ status }) => status)).toEqual([200]);
    expect(told()).toEqual(['127.0.0.1']);
  });

  test('it is what the lists of a route are about', async () => {
    const routes = [{ options: { deny: ['192.0.2.0/24'] } }];
    await begin(undefined, { ...BEHIND, routes });
    const { responses } = await rawRequest(plane.port, V1 + GET);
    expect(responses.map(({ status }) => status)).toEqual([403]);
    const other = await rawRequest(plane.port, V1.replace('192.0.2.1', '198.51.100.1') + GET);
    expect(other.responses.map(({ status }) => status)).toEqual([200]);
  });

  test.each([
    ['not trusted itself: its fields are replaced', [], '192.0.2.1'],
    ['trusted as well: its fields are believed', ['192.0.2.1'], '203.0.113.9, 192.0.2.1'],
  ])('%s', async (_, further, expected) => {
    await begin(undefined, { ...BEHIND, trustedProxies: ['127.0.0.1', ...further] });
    const request = head('GET / HTTP/1.1', 'Host: a', 'X-Forwarded-For: 203.0.113.9', 'Connection: close');
    await rawRequest(plane.port, V1 + request);
    expect(told()).toEqual([expected]);
  });

  test('it is who may have only so many connections', async () => {
    await begin(undefined, { ...BEHIND, limits: { connectionsPerClient: 1 } });
    const held = connect(plane.port, '127.0.0.1');
    held.write(V1);
    await eventually(() => plane.engine.clients.size === 1);
    const again = await rawRequest(plane.port, V1 + GET);
    expect(again.responses.map(({ status }) => status)).toEqual([429]);
    const other = await rawRequest(plane.port, V1.replace('192.0.2.1', '192.0.2.2') + GET);
    expect(other.responses.map(({ status }) => status)).toEqual([200]);
    held.destroy();
  });
});

describe('closed without an answer (C21)', () => {
  test.each([
    ['no header', GET],
    ['a bad header', `PROXY TCP4 nonsense\r\n${GET}`],
    ['a line that does not end', `PROXY UNKNOWN ${'x'.repeat(200)}`],
    ['too large', Buffer.from([...V2_START, 0x21, 0x11, 0xff, 0xff])],
  ])('%s', async (_, bytes) => {
    await begin(undefined, BEHIND);
    const { text, closed } = await rawRequest(plane.port, bytes);
    expect([text, closed]).toEqual(['', expect.stringMatching(/end|reset/)]);
    expect(refused()).toBe(1);
    expect(backend.requests).toEqual([]);
  });

  test('a header from anybody else', async () => {
    await begin(undefined, { ...BEHIND, trustedProxies: ['10.0.0.0/8'] });
    const { text, closed } = await rawRequest(plane.port, V1 + GET);
    expect([text, closed]).toEqual(['', expect.stringMatching(/end|reset/)]);
    expect(refused()).toBe(1);
    expect(backend.requests).toEqual([]);
  });

  test('a header that is cut off', async () => {
    await begin(undefined, BEHIND);
    const { text, closed } = await rawRequest(plane.port, V1.slice(0, 30), { halfClose: true });
    expect([text, closed, refused()]).toEqual(['', 'end', 1]);
  });

  test('a header that is late', async () => {
    await begin(undefined, { ...BEHIND, timeouts: { headMs: 150 } });
    const { text, closed } = await rawRequest(plane.port, V1.slice(0, 30));
    expect([text, closed, refused()]).toEqual(['', 'end', 1]);
  });
});

test('who connects only to see whether we are there is no fault', async () => {
  await begin(undefined, BEHIND);
  const { closed } = await rawRequest(plane.port, '', { halfClose: true });
  expect([closed, refused()]).toEqual(['end', 0]);
});

test('connections without their header count, and end when the router stops', async () => {
  await begin(undefined, { ...BEHIND, limits: { connections: 1 } });
  const waiting = connect(plane.port, '127.0.0.1');
  await eventually(() => plane.engine.prefaces.size === 1);
  const { responses } = await rawRequest(plane.port, V1 + GET);
  expect(responses.map(({ status }) => status)).toEqual([503]);
  const closed = once(waiting, 'close');
  waiting.resume();
  plane.engine.drain();
  expect(plane.engine.prefaces.size).toBe(0);
  await closed;
});

test('a listener without the option takes a header for a bad request', async () => {
  await begin(undefined, { trustedProxies: ['127.0.0.1'] });
  const { responses } = await rawRequest(plane.port, V1 + GET);
  expect(responses.map(({ status }) => status)).toEqual([400]);
});
