import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { formatExplanation } from '../../../src/commands/explain.ts';
import { fairlead } from './cli.ts';

const request = { method: 'GET', url: 'http://a.test/api/x', client: '127.0.0.1', listener: 'web' };

const forwarded = {
  ...{ version: 7, request, decision: 'forward', reason: null, status: null, why: 'a.test/api takes it' },
  ...{ target: '/x', location: null, route: 'a.test/api', pool: 'a' },
  source: { provider: 'consul', service: 'a', text: 'fairlead:a.test/api strip' },
  candidates: [
    { route: 'a.test/api', matched: true, takes: true, why: 'the first' },
    { route: 'a.test/', matched: false, takes: true, why: 'takes it too' },
    { route: '*.test/x', matched: false, takes: false, why: 'the path' },
  ],
  endpoints: [
    { id: 'a@10.0.0.1:80', address: '10.0.0.1', port: 80, weight: 1, state: 'active', inFlight: 2 },
    {
      id: 'a@[::1]:81',
      address: '::1',
      port: 81,
      weight: 5,
      state: 'ejected',
      inFlight: 0,
      held: 'Consul says gone',
    },
  ],
  excluded: [{ instance: 'n/a-3', check: null, status: 'critical', output: 'no \u001b[31manswer\n' }],
};

test('the decision stands first, then what led to it; nothing drives the terminal', () => {
  expect(formatExplanation(forwarded)).toEqual([
    'GET http://a.test/api/x  from 127.0.0.1, listener web',
    '',
    'forward to a as /x',
    '  a.test/api takes it',
    '  by fairlead:a.test/api strip  (consul:a)',
    '  pool a',
    '',
    'Routes of this host, in order:',
    '   ROUTE       WHY',
    '→  a.test/api  the first',
    '=  a.test/     takes it too',
    '-  *.test/x    the path',
    '',
    'Endpoints:',
    'ENDPOINT     STATE    WEIGHT  IN FLIGHT',
    '10.0.0.1:80  active        1          2',
    '[::1]:81     ejected       5          0  Consul says gone',
    '',
    'Left out:',
    'INSTANCE  CHECK OR TAG  STATUS    OUTPUT',
    'n/a-3     -             critical  no \\x1b[31manswer',
    '',
    'table version 7',
  ]);
});

test.each([
  [{ decision: 'redirect', status: 308, location: 'https://a.test/' }, 'redirect 308 to https://a.test/'],
  [{ decision: 'refuse', status: 404, reason: 'no_route' }, 'refuse with 404 no_route'],
  [{ decision: 'refuse', status: null, reason: null }, 'refuse'],
  [{ decision: 'forward', pool: 'db', target: null }, 'forward to db'],
  [{ decision: 'answer', status: 200 }, 'the router answers by itself'],
])('%j', (answer, line) => {
  expect(formatExplanation({ request, ...answer })).toContain(line);
});

test('what was perhaps meant', () => {
  const lines = formatExplanation({
    request: { url: 'tcp://:1', client: '::1' },
    decision: 'refuse',
    near: ['a', 'b'],
  });
  expect(lines[0]).toBe('connect tcp://:1  from ::1');
  expect(lines).toContain('Did you mean a, b?');
});

let server: Server;
let admin: string;
let asked: string[];

beforeAll(async () => {
  server = createServer((incoming, response) => {
    asked.push(incoming.url ?? '');
    const { searchParams } = new URL(incoming.url ?? '', 'http://x');
    response.statusCode = searchParams.get('url') === 'bad' ? 400 : 200;
    response.end(JSON.stringify(response.statusCode === 400 ? { error: 'url is bad' } : forwarded));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  admin = `127.0.0.1:${(server.address() as AddressInfo).port}`;
});
beforeEach(() => {
  asked = [];
});
afterAll(() => server.close());

test('everything that is asked reaches the router', async () => {
  const flags = [
    '--method',
    'POST',
    '--header',
    'a: b&c',
    '--header',
    'd:',
    '--client',
    '::1',
    '--listener',
    'web',
  ];
  const told = await fairlead(['explain', 'http://a.test/?x=1&y', ...flags, '--json', '--admin', admin]);
  expect(told).toMatchObject({ code: 0, stderr: '' });
  expect(JSON.parse(told.stdout)).toEqual(forwarded);
  const params = new URL(asked[0]!, 'http://x').searchParams;
  expect([...params]).toEqual([
    ['url', 'http://a.test/?x=1&y'],
    ['method', 'POST'],
    ['client', '::1'],
    ['listener', 'web'],
    ['header', 'a: b&c'],
    ['header', 'd:'],
  ]);
});

test('a question that makes no sense is a matter of usage', async () => {
  expect(await fairlead(['explain', 'bad', '--admin', admin])).toEqual({
    code: 2,
    stdout: '',
    stderr: 'url is bad\n',
  });
  expect((await fairlead(['explain', '--admin', admin])).code).toBe(2);
  expect(asked).toHaveLength(1);
});
