import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { formatHistory } from '../../../src/commands/history.ts';
import { type Child, eventually, root, start } from '../../support/process.ts';
import { fairlead } from './cli.ts';

const entries = [
  {
    ...{
      version: 1,
      at: '2026-01-31T12:00:00.000Z',
      cause: 'a came with 2 instances',
      lagMs: 1.5,
      omitted: 3,
    },
    changes: [
      { kind: 'endpoint-in', endpoint: 'a@10.0.0.1:80', pools: ['a', 'b'], why: 'registered' },
      { kind: 'endpoint-out', endpoint: 'a@10.0.0.2:80', pools: ['a'], why: '' },
      { kind: 'weight', endpoint: 'a@10.0.0.1:80', pools: ['a'], from: 1, to: 5 },
      { kind: 'route-added', route: 'a.test/' },
      { kind: 'route-removed', route: 'b.test/' },
      { kind: 'route-changed', route: 'c.test/', what: ['options', 'pool'] },
      { kind: 'pool-changed', pool: 'a', what: ['balance'] },
    ],
  },
  { version: 2, at: '2026-01-31T12:00:01.000Z', cause: 'check \u001b[31m fails', changes: [], lagMs: null },
];

test('a line for each cause and each change; nothing drives the terminal', () => {
  expect(formatHistory(entries)).toEqual([
    '2026-01-31T12:00:00.000Z  1  a came with 2 instances  live after 1.5 ms',
    '  + a@10.0.0.1:80 in a, b: registered',
    '  - a@10.0.0.2:80 out of a',
    '  ~ a@10.0.0.1:80 weight 1 → 5 in a',
    '  + route a.test/',
    '  - route b.test/',
    '  ~ route c.test/: options, pool',
    '  ~ pool a: balance',
    '    and 3 more',
    '2026-01-31T12:00:01.000Z  2  check \\x1b[31m fails  not live everywhere',
  ]);
  expect(formatHistory([])).toEqual(['no changes']);
});

let server: Server;
let admin: string;
let asked: string[];
let status: number;
let stream: ServerResponse | null;

beforeAll(async () => {
  server = createServer((request, response) => {
    asked.push(`${request.url} ${request.headers['last-event-id'] ?? '-'}`);
    response.statusCode = status;
    if (!request.url?.startsWith('/api/events')) return response.end(JSON.stringify(entries));
    if (status !== 200) return response.end();
    stream = response;
    response.flushHeaders();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  admin = `127.0.0.1:${(server.address() as AddressInfo).port}`;
});
beforeEach(() => {
  [asked, status, stream] = [[], 200, null];
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});

function follow(...flags: string[]): Promise<Child> {
  return start(process.execPath, [
    join(root, 'src/main.ts'),
    'history',
    '--follow',
    '--admin',
    admin,
    ...flags,
  ]);
}

function send(version: number, kind = 'change'): void {
  const data = JSON.stringify({ ...entries[1], version });
  stream!.write(`event: ${kind}\nid: ${version}\ndata: ${data}\n\n`);
}

test('what is asked for reaches the router', async () => {
  const told = await fairlead([
    'history',
    '--since',
    '2026-01-31T12:00:00+01:00',
    '--json',
    '--admin',
    admin,
  ]);
  expect(told).toMatchObject({ code: 0, stderr: '' });
  expect(JSON.parse(told.stdout)).toEqual(entries);
  expect(asked).toEqual(['/api/history?since=2026-01-31T12%3A00%3A00%2B01%3A00 -']);
});

test('--follow goes on after what is known, and waits for a router that goes away', async () => {
  const child = await follow('--json');
  await eventually(() => expect(stream).not.toBeNull());
  expect(asked).toEqual(['/api/history -', '/api/events 2']);
  stream!.write(': alive\n\n');
  send(3);
  await child.line(/"version":3/);
  stream!.end();
  stream = null;
  await child.line(/waiting for it/);
  await eventually(() => expect(stream).not.toBeNull());
  expect(asked.at(-1)).toBe('/api/events 3');
  send(9, 'snapshot');
  send(10);
  await child.line(/"version":10/);
  await child.stop('SIGKILL');
  expect(child.stdout.map((line) => (JSON.parse(line) as { version: number }).version)).toEqual([
    1, 2, 3, 10,
  ]);
  expect(child.stderr).toEqual([
    expect.stringContaining('waiting for it'),
    'connected again',
    'what came meanwhile is not known any more',
  ]);
});

test('--follow ends where the router has nothing to follow', async () => {
  const child = await follow();
  await eventually(() => expect(stream).not.toBeNull());
  status = 404;
  stream!.destroy();
  expect((await child.exited).code).toBe(69);
  expect(child.stderr.at(-1)).toContain('answered 404');
});
