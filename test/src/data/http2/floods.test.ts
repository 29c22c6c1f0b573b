/** Clients that send too much of what costs them nothing: the connection ends with ENHANCE_YOUR_CALM. */
import { describe, expect, test } from 'vitest';
import { Family } from '../../../../src/shared/counters.ts';
import { HTTP2_FLOODS, type Http2Flood } from '../../../../src/shared/http2-floods.ts';
import {
  Code,
  Flag,
  type FrameClient,
  fields,
  frame,
  frameClient,
  GET,
  headers,
  Type,
} from '../../../support/http2-frames.ts';
import { eventually } from '../../../support/process.ts';
import { backend, begin, plane } from '../stage.ts';

const HOLD = (): void => {};
const cancel = (id: number): Buffer => frame(Type.reset, 0, id, [0, 0, 0, Code.cancel]);

/** Sends until the connection is ended; the code of the GOAWAY. */
async function flood(client: FrameClient, pieces: () => Buffer, most: number): Promise<number> {
  for (let i = 0; i < most && !client.isClosed; i++) {
    client.send(pieces());
    if (i % 20 === 0) await new Promise((resolve) => setTimeout(resolve, 1));
  }
  const goaway = await client.next(
    ({ type, payload }) => type === Type.goaway && payload.readUInt32BE(4) !== 0,
  );
  return goaway === null ? -1 : goaway.payload.readUInt32BE(4);
}

const counted = (kind: Http2Flood): number => plane.sum(Family.http2Floods, HTTP2_FLOODS.indexOf(kind));

describe('a flood of', () => {
  test('requests that are reset at once (B19, CVE-2023-44487)', async () => {
    await begin(HOLD, { scheme: 'http', http2: true });
    const client = await frameClient(plane.port);
    let id = 1;
    let most = 0;
    const code = await flood(
      client,
      () => {
        const pair = Buffer.concat([headers(id), cancel(id)]);
        id += 2;
        most = Math.max(most, plane.inFlight());
        return pair;
      },
      1500,
    );
    expect(code).toBe(Code.calm);
    expect(counted('resets')).toBe(1);
    expect(most).toBeLessThanOrEqual(100);
    expect(backend.requests.length).toBeLessThan(300);
  });

  test('streams that the client makes us reset (B20, CVE-2025-8671)', async () => {
    await begin(HOLD, { scheme: 'http', http2: true });
    const client = await frameClient(plane.port);
    let id = 1;
    const code = await flood(
      client,
      () => {
        const bad = frame(Type.window, 0, id, [0x7f, 0xff, 0xff, 0xff]);
        const pair = Buffer.concat([headers(id), bad]);
        id += 2;
        return pair;
      },
      1500,
    );
    expect(code).not.toBe(0);
    await eventually(() => expect(plane.inFlight()).toBe(0));
  });

  test('requests that cannot be understood', async () => {
    await begin(HOLD, { scheme: 'http', http2: true });
    const client = await frameClient(plane.port);
    let id = -1;
    const bad = GET.map(([name, value]) => [name, name === ':path' ? '/#' : value] as const);
    expect(
      await flood(
        client,
        () => {
          id += 2;
          return headers(id, bad);
        },
        400,
      ),
    ).toBe(Code.calm);
    expect(counted('resets')).toBe(1);
  });

  test.each([
    ['PING', 'pings', frame(Type.ping, 0, 0, Buffer.alloc(8)), 500],
    ['SETTINGS', 'settings', frame(Type.settings, 0, 0), 200],
  ] as const)('%s (B21)', async (_, kind, bytes, most) => {
    await begin(HOLD, { scheme: 'http', http2: true });
    const client = await frameClient(plane.port);
    client.send(headers(1));
    expect(await flood(client, () => bytes, most)).toBe(Code.calm);
    expect(counted(kind)).toBe(1);
  });

  test.each([
    [
      'window updates',
      () => Buffer.concat(Array.from({ length: 500 }, () => frame(Type.window, 0, 0, [0, 0, 0, 1]))),
    ],
    ['DATA without content', () => Buffer.concat(Array.from({ length: 500 }, () => frame(Type.data, 0, 1)))],
    [
      'priorities',
      () => Buffer.concat(Array.from({ length: 500 }, () => frame(Type.priority, 0, 1, [0, 0, 0, 0, 1]))),
    ],
    ['padding', () => frame(Type.data, 8, 1, Buffer.concat([Buffer.from([255]), Buffer.alloc(255)]))],
  ] as const)('%s (B21)', async (name, bytes) => {
    await begin(HOLD, { scheme: 'http', http2: true });
    const client = await frameClient(plane.port);
    client.send(headers(1, [[':method', 'POST'], ...GET.slice(1)], false));
    const code = await flood(client, bytes, name === 'padding' ? 4000 : 200);
    // With some of them nghttp2 is the first to lose its patience, and closes without a word.
    expect([Code.calm, -1]).toContain(code);
    await eventually(() => expect(client.isClosed).toBe(true));
    await eventually(() => expect(plane.inFlight()).toBe(0));
  });

  test('CONTINUATION (B18)', async () => {
    await begin(HOLD, { scheme: 'http', http2: true });
    const client = await frameClient(plane.port);
    client.send(frame(Type.headers, Flag.endStream, 1, fields(...GET)));
    const code = await flood(client, () => frame(Type.continuation, 0, 1, fields(['x', 'y'])), 400);
    expect(code).not.toBe(0);
    expect(backend.requests).toEqual([]);
  });
});

describe('a client that is slow', () => {
  test('with its window at nothing loses its streams (B17)', async () => {
    await begin(undefined, { scheme: 'http', http2: true, timeouts: { streamIdleMs: 300 } });
    // SETTINGS_INITIAL_WINDOW_SIZE = 0.
    const client = await frameClient(plane.port, [0, 4, 0, 0, 0, 0]);
    for (let id = 1; id < 100; id += 2) client.send(headers(id));
    await eventually(() => expect(backend.requests.length).toBe(50));
    await eventually(() => expect(client.heard.filter(({ type }) => type === Type.reset).length).toBe(50), {
      timeoutMs: 5_000,
    });
    client.close();
  });

  test('without a request is told to go, and goes (E05)', async () => {
    await begin(undefined, { scheme: 'http', http2: true, timeouts: { headMs: 200, idleMs: 200 } });
    const client = await frameClient(plane.port);
    const goaway = await client.next(({ type }) => type === Type.goaway);
    expect(goaway!.payload.readUInt32BE(0)).toBe(2 ** 31 - 1);
    await eventually(() => expect(client.isClosed).toBe(true), { timeoutMs: 5_000 });
  });

  test('in its preface, or in a block of fields, is closed (E01)', async () => {
    await begin(undefined, { scheme: 'http', http2: true, timeouts: { headMs: 200 } });
    const client = await frameClient(plane.port);
    client.send(frame(Type.headers, Flag.endStream, 1, fields(...GET)));
    await eventually(() => expect(client.isClosed).toBe(true), { timeoutMs: 5_000 });
    expect(backend.requests).toEqual([]);
  });
});
