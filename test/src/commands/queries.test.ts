import { writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { urlOf } from '../../../src/commands/admin.ts';
import { formatPools } from '../../../src/commands/pools.ts';
import { formatRoutes } from '../../../src/commands/routes.ts';
import { emptyFolder, fairlead } from './cli.ts';

const routes = {
  version: 7,
  routes: [
    {
      id: 'example.com/api',
      pool: 'api',
      listeners: null,
      options: { strip: '/api', retry: 2 },
      source: { provider: 'consul', service: 'api', instances: ['n1/api1', 'n2/api2'], text: 'fairlead:…' },
    },
    {
      id: 'old.example.com',
      pool: null,
      listeners: ['web', 'web2'],
      options: {},
      source: { provider: 'file' },
    },
  ],
  refused: [
    { service: 'bad', instance: 'n1/bad', text: 'fairlead:x \u001b[31mbogus', reason: 'unknown option' },
  ],
};

const pools = {
  pools: [
    {
      name: 'api',
      balance: { kind: 'hash', on: 'header', name: 'X-User' },
      endpoints: [
        {
          id: 'a',
          address: '10.0.0.1',
          port: 80,
          weight: 1,
          state: 'active',
          inFlight: 3,
          served: 1234,
          failures: 0,
        },
        {
          id: 'b',
          address: '::1',
          port: 81,
          weight: 10,
          state: 'ejected',
          inFlight: 0,
          served: 5,
          failures: 17,
        },
      ],
    },
    { name: 'empty', balance: 'least', endpoints: [] },
  ],
};

test('routes are a table, refused tags stand below it and cannot drive the terminal', () => {
  expect(formatRoutes(routes)).toEqual([
    'ROUTE            POOL  LISTENERS  INSTANCES  SOURCE      OPTIONS',
    'example.com/api  api   *                  2  consul:api  strip=/api retry=2',
    'old.example.com  -     web,web2           0  file',
    '',
    '2 routes, table version 7',
    '',
    '1 refused:',
    'SERVICE  INSTANCE  TAG                       REASON',
    'bad      n1/bad    fairlead:x \\x1b[31mbogus  unknown option',
  ]);
  const empty = formatRoutes({ version: 0, routes: [], refused: [] });
  expect(empty).toEqual(['no routes', '', '0 routes, table version 0']);
});

test('pools are a table, one line an endpoint', () => {
  expect(formatPools(pools)).toEqual([
    'POOL   BALANCE             ENDPOINT               STATE    WEIGHT  IN FLIGHT  SERVED  FAILURES',
    'api    hash:header:X-User  10.0.0.1:80            active        1          3    1234         0',
    '                           [::1]:81               ejected      10          0       5        17',
    'empty  least               (no healthy instance)',
    '',
    '2 pools, 2 endpoints',
  ]);
  expect(formatPools({ pools: [] })).toEqual(['no pools']);
});

test.each([
  ['', 'http://127.0.0.1:9'],
  ['0.0.0.0', 'http://127.0.0.1:9'],
  ['::', 'http://[::1]:9'],
  ['10.0.0.1', 'http://10.0.0.1:9'],
])('an admin listener on %j is asked at %s', (host, url) => {
  expect(urlOf({ host, port: 9 })).toBe(url);
});

test('healthcheck survives a file that went bad: the default address is asked', async () => {
  const cwd = emptyFolder();
  writeFileSync(join(cwd, 'fairlead.yaml'), 'workers: no');
  const { stdout, stderr } = await fairlead(['healthcheck'], { cwd });
  expect(stdout + stderr).toContain('http://127.0.0.1:9998/health');
});

describe('against a running admin listener', () => {
  let server: Server;
  let admin = '';
  let status = 200;
  let asked: string[] = [];

  beforeAll(async () => {
    server = createServer((request, response) => {
      asked.push(`${request.url} ${request.headers.authorization ?? '-'}`);
      response.statusCode = status;
      const bodies: Record<string, unknown> = { '/api/routes': routes, '/api/pools': pools };
      response.end(JSON.stringify(bodies[request.url ?? ''] ?? 'OK'));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    admin = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  beforeEach(() => {
    asked = [];
    status = 200;
  });
  afterAll(() => server.close());

  test('the address comes from the flag, the environment or the file', async () => {
    const folder = emptyFolder();
    writeFileSync(join(folder, 'fairlead.yaml'), `admin: { address: "${admin}", token: secret }`);
    expect(await fairlead(['routes', '--admin', admin])).toMatchObject({ code: 0, stderr: '' });
    expect(await fairlead(['pools'], { env: { FAIRLEAD_ADMIN_ADDRESS: admin } })).toMatchObject({ code: 0 });
    expect(await fairlead(['pools'], { cwd: folder })).toMatchObject({ code: 0 });
    expect(asked).toEqual(['/api/routes -', '/api/pools -', '/api/pools Bearer secret']);
  });

  test('plain text when stdout is no terminal, the answer itself with --json', async () => {
    const text = await fairlead(['pools', '--admin', admin]);
    expect(text.stdout).toBe(`${formatPools(pools).join('\n')}\n`);
    const json = await fairlead(['routes', '--admin', admin, '--json']);
    expect(JSON.parse(json.stdout)).toEqual(routes);
  });

  test('--token-file is sent as a bearer token', async () => {
    const path = join(emptyFolder(), 'token');
    writeFileSync(path, 'from-file\n');
    expect(await fairlead(['routes', '--admin', admin, '--token-file', path])).toMatchObject({ code: 0 });
    expect(asked).toEqual(['/api/routes Bearer from-file']);
    expect(await fairlead(['routes', '--admin', admin, '--token-file', '/nope'])).toEqual({
      code: 2,
      stdout: '',
      stderr: 'flag --token-file: cannot read /nope: there is no such file\n',
    });
  });

  test.each([
    [401, 'refuses: a token is needed (--token-file)'],
    [404, 'answered 404'],
  ])('a status of %d is one line and 69', async (code, message) => {
    status = code;
    const result = await fairlead(['routes', '--admin', admin]);
    expect(result).toEqual({ code: 69, stdout: '', stderr: `http://${admin}/api/routes ${message}\n` });
  });

  test('healthcheck says OK or FAILED', async () => {
    const url = `http://${admin}/health`;
    expect(await fairlead(['healthcheck', '--admin', admin])).toEqual({
      code: 0,
      stdout: `OK: ${url}\n`,
      stderr: '',
    });
    status = 503;
    const failed = { code: 1, stdout: '', stderr: `FAILED: ${url}: answered 503\n` };
    expect(await fairlead(['healthcheck', '--admin', admin])).toEqual(failed);
  });
});

test('a router that does not answer is given up', async () => {
  const silent = createServer(() => {});
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
  const url = `127.0.0.1:${(silent.address() as AddressInfo).port}`;
  const { code, stderr } = await fairlead(['pools', '--admin', url]);
  silent.closeAllConnections();
  silent.close();
  expect([code, stderr]).toEqual([
    69,
    `cannot reach the router at http://${url}/api/pools: no answer in time\n`,
  ]);
});

test('an unreachable router is one clear line and 69', async () => {
  expect(await fairlead(['pools', '--admin', '127.0.0.1:1'])).toEqual({
    code: 69,
    stdout: '',
    stderr: 'cannot reach the router at http://127.0.0.1:1/api/pools: connection refused\n',
  });
  expect(await fairlead(['healthcheck', '--admin', '127.0.0.1:1'])).toEqual({
    code: 1,
    stdout: '',
    stderr: 'FAILED: http://127.0.0.1:1/health: connection refused\n',
  });
});
