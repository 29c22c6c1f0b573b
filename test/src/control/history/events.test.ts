import { get, type IncomingMessage, request } from 'node:http';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { type Admin, type Outlet, startAdmin } from '../../../../src/control/admin.ts';
import { EventStreams } from '../../../../src/control/history/events.ts';
import type { HistoryRecord } from '../../../../src/control/history/store.ts';
import { eventually } from '../../../support/process.ts';

let admin: Admin;
let records: HistoryRecord[];
let isForgotten: boolean;
let stop: AbortController;
let streams: EventStreams;
let tell: (record: HistoryRecord) => void;
let readers: Reader[];
let snapshots: number;

interface Reader {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  /** Everything received so far. */
  readonly text: () => string;
  readonly hasEnded: () => boolean;
  readonly incoming: IncomingMessage;
}

beforeEach(async () => {
  [records, readers, isForgotten, tell] = [[], [], false, () => {}];
  snapshots = 0;
  stop = new AbortController();
  streams = new EventStreams({
    history: {
      after: (version) => (isForgotten ? null : records.filter((record) => record.version > version)),
      follow: (reader) => {
        tell = reader;
        return () => {
          tell = () => {};
        };
      },
    },
    version: () => records.at(-1)?.version ?? 0,
    snapshot: (isFull) => {
      snapshots++;
      return { isFull, padding: isFull ? 'x'.repeat(3_000_000) : '' };
    },
    signal: stop.signal,
  });
  const config = { address: { host: '127.0.0.1', port: 0 }, token: 's3cret' };
  const routes = new Map([['/api/events', streams.answer.bind(streams)]]);
  admin = await startAdmin(config as Parameters<typeof startAdmin>[0], routes);
});

afterEach(async () => {
  vi.useRealTimers();
  for (const { incoming } of readers) incoming.destroy();
  await admin.close();
});

function options(headers: Record<string, string>): object {
  return {
    port: admin.port,
    host: '127.0.0.1',
    agent: false,
    headers: { authorization: 'Bearer s3cret', ...headers },
  };
}

async function read(path = '/api/events', headers: Record<string, string> = {}): Promise<Reader> {
  const incoming = await new Promise<IncomingMessage>((resolve, reject) => {
    get({ ...options(headers), path }, resolve).on('error', reject);
  });
  let text = '';
  let hasEnded = false;
  incoming.setEncoding('utf8').on('data', (part: string) => {
    text += part;
  });
  incoming.on('close', () => {
    hasEnded = true;
  });
  incoming.on('error', () => {});
  const { statusCode: status = 0 } = incoming;
  const reader = { status, headers: incoming.headers, text: () => text, hasEnded: () => hasEnded, incoming };
  readers.push(reader);
  return reader;
}

/** A change that has become live. */
function change(version: number, padding = ''): void {
  const record = { version, atMs: 0, text: JSON.stringify({ version, padding }) };
  records.push(record);
  tell(record);
}

function eventsOf(reader: Reader): string[] {
  const blocks = reader.text().split('\n\n').slice(0, -1);
  return blocks.flatMap((block) => {
    const [event, id] = block.split('\n');
    return event!.startsWith(':') ? [] : `${event!.slice(7)} ${id!.slice(4)}`;
  });
}

test('a snapshot, then each change, as events that browsers read', async () => {
  change(1);
  const reader = await read();
  expect([reader.status, reader.headers['content-type'], reader.headers['cache-control']]).toEqual([
    200,
    'text/event-stream',
    'no-store',
  ]);
  change(2);
  await eventually(() => expect(eventsOf(reader)).toEqual(['snapshot 1', 'change 2']));
  expect(reader.text()).toBe(
    'event: snapshot\nid: 1\ndata: {"isFull":false,"padding":""}\n\n' +
      'event: change\nid: 2\ndata: {"version":2,"padding":""}\n\n',
  );
});

describe('who comes back', () => {
  test('gets what it missed', async () => {
    for (const version of [1, 2, 3]) change(version);
    const reader = await read('/api/events', { 'last-event-id': '1' });
    change(4);
    await eventually(() => expect(eventsOf(reader)).toEqual(['change 2', 'change 3', 'change 4']));
  });

  test('gets a snapshot when that is not known any more, or the id is nobody’s', async () => {
    change(7);
    isForgotten = true;
    const late = await read('/api/events', { 'last-event-id': '1' });
    const strange = await read('/api/events', { 'last-event-id': 'x' });
    for (const reader of [late, strange])
      await eventually(() => expect(eventsOf(reader)).toEqual(['snapshot 7']));
  });

  test('gets an entry once, though it is told after the snapshot that has it', async () => {
    records.push({ version: 1, atMs: 0, text: '{"version":1}' });
    const reader = await read();
    tell(records[0]!);
    change(2);
    await eventually(() => expect(eventsOf(reader)).toEqual(['snapshot 1', 'change 2']));
  });
});

test('a token is needed, and HEAD gets the head alone', async () => {
  expect((await read('/api/events', { authorization: '' })).status).toBe(401);
  const head = await new Promise<IncomingMessage>((resolve) => {
    request({ ...options({}), method: 'HEAD', path: '/api/events' }, resolve).end();
  });
  head.resume();
  await eventually(() => expect(head.complete).toBe(true));
  expect([head.statusCode, head.headers['content-type'], snapshots]).toEqual([200, 'text/event-stream', 0]);
});

test('there are at most 64; one that leaves makes room', async () => {
  for (let i = 0; i < 64; i++) await read();
  expect((await read()).status).toBe(503);
  readers[0]!.incoming.destroy();
  await eventually(async () => expect((await read()).status).toBe(200));
});

describe('who does not read', () => {
  /** A reader whose side takes nothing until told. */
  function paused(path = '/api/events'): {
    state: { waitingBytes: number; end: string | null; text: string };
  } {
    const state = { waitingBytes: 0, end: null as string | null, text: '' };
    const outlet: Outlet = {
      write: (text) => {
        state.text += text;
        state.waitingBytes += text.length;
      },
      get waitingBytes() {
        return state.waitingBytes;
      },
      end: () => {
        state.end = 'ended';
      },
      destroy: () => {
        state.end = 'destroyed';
      },
    };
    const answer = streams.answer(new URL(path, 'http://admin'), {});
    if (!('begin' in answer)) throw new Error('no stream');
    answer.begin(outlet);
    return { state };
  }

  test('is let go when too much waits, its snapshot not counted', () => {
    const { state } = paused('/api/events?full');
    expect(state.waitingBytes).toBeGreaterThan(3_000_000);
    change(1, 'x'.repeat(600_000));
    change(2, 'x'.repeat(600_000));
    expect(state.end).toBeNull();
    change(3);
    expect(state.end).toBe('destroyed');
    expect(state.text).not.toContain('id: 3');
  });

  test('is another than who takes what comes, however much', () => {
    const { state } = paused();
    for (let version = 1; version <= 20; version++) {
      change(version, 'x'.repeat(600_000));
      state.waitingBytes = 1_000;
    }
    expect(state.end).toBeNull();
    expect(state.text).toContain('id: 20');
  });

  test('is found out by the heartbeat, which others take for a sign of life', () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    const stalled = paused();
    const fine = paused();
    vi.advanceTimersByTime(15_000);
    fine.state.waitingBytes = 0;
    vi.advanceTimersByTime(15_000);
    expect([stalled.state.end, fine.state.end]).toEqual(['destroyed', null]);
    expect(fine.state.text.match(/: alive\n\n/g)).toHaveLength(2);
  });
});

test('when the router stops, streams end in order and none begins', async () => {
  const reader = await read();
  change(1);
  stop.abort();
  await eventually(() => expect(reader.hasEnded()).toBe(true));
  expect([eventsOf(reader), reader.incoming.complete]).toEqual([['snapshot 0', 'change 1'], true]);
  expect((await read()).status).toBe(503);
});
