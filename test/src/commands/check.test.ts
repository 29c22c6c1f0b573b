import { writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { checkRoutes } from '../../../src/commands/check.ts';
import { createTestCa, type Issued } from '../../support/certificates.ts';
import { emptyFolder, fairlead } from './cli.ts';

const folder = emptyFolder();
const file = join(folder, 'fairlead.yaml');

function write(yaml: string): void {
  writeFileSync(file, yaml);
}

test('a valid configuration says so, with the file that was read', async () => {
  expect(await fairlead(['check'])).toEqual({
    code: 0,
    stdout: 'configuration is valid: no file; flags, environment and defaults\n',
    stderr: '',
  });
  write('workers: 1\nlisteners: { web: { address: ":1" }, tls: { address: ":2", protocol: https } }');
  const { code, stdout, stderr } = await fairlead(['check'], { cwd: folder });
  expect([code, stdout]).toEqual([0, `configuration is valid: ${file}\n`]);
  expect(stderr).toMatch(
    /^warning: fairlead.yaml:2:\d+: listener "tls" is ignored: https needs tls.certificates or tls.acme/,
  );
});

test('every problem is told, and the exit code is 1', async () => {
  write('consul: { adress: x }\nworkers: no\n');
  expect(await fairlead(['check', '--log-level', 'x'], { cwd: folder })).toEqual({
    code: 1,
    stdout: '',
    stderr: expect.stringMatching(/^flag --log-level: .*\nfairlead.yaml:1:11: .*\nfairlead.yaml:2:10: .*\n$/),
  });
});

test('--json puts the findings on stdout', async () => {
  write('workers: no\n');
  const { code, stdout, stderr } = await fairlead(['check', '--json', '--config', file]);
  expect([code, stderr]).toEqual([1, '']);
  expect(JSON.parse(stdout)).toEqual({
    valid: false,
    file: null,
    problems: [{ at: `${file}:1:10`, message: expect.stringContaining('"no" is not a whole number') }],
    warnings: [],
  });
});

test('static routes are judged by the rule parser', async () => {
  const route = { to: ['h:1'], service: null };
  expect(
    await checkRoutes({
      listeners: [],
      tcp: { ports: null, host: '', proxyProtocol: false },
      udp: { ports: null, host: '' },
      admin: { address: { host: '127.0.0.1', port: 9998 }, token: null },
      routes: [
        { ...route, rule: 'a.example.com/ strip', at: 'f:1:1' },
        { ...route, rule: 'a.example.com/ bogus=1', at: 'f:2:1' },
        { ...route, rule: 'a.example.com/ listener=web', at: 'f:3:1' },
      ],
    }),
  ).toEqual([
    { at: 'f:2:1', message: expect.stringContaining('bogus') },
    { at: 'f:3:1', message: expect.stringContaining('listener=web') },
  ]);
});

test('certificates in files are read, and each bad one is told at its entry', async () => {
  const ca = await createTestCa();
  const put = (name: string, { certPem, keyPem }: Issued): void => {
    writeFileSync(join(folder, `${name}.pem`), certPem + keyPem);
  };
  put('good', await ca.issue(['a.test']));
  write('tls:\n  default: a.test\n  certificates:\n    - { certFile: good.pem }\n');
  expect(await fairlead(['check'], { cwd: folder })).toMatchObject({ code: 0, stderr: '' });
  put('old', await ca.issue(['b.test'], { notAfter: new Date(Date.now() - 1000) }));
  write(
    'tls:\n  certificates:\n    - { certFile: old.pem }\n    - { folder: nowhere }\n    - { consulKv: not/asked }\n',
  );
  expect(await fairlead(['check'], { cwd: folder })).toEqual({
    code: 1,
    stdout: '',
    stderr: [
      'fairlead.yaml:4:7: folder nowhere: there is no such folder',
      'file old.pem: has expired',
      '',
    ].join('\n'),
  });
});

describe('--online', () => {
  let server: Server;
  let answer = '"10.0.0.1:8300"';
  let asked: string[] = [];
  let address = '';

  beforeAll(async () => {
    server = createServer((request, response) => {
      asked.push(`${request.url} ${request.headers['x-consul-token']}`);
      response.statusCode = answer === '' ? 500 : 200;
      response.end(answer);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    address = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterAll(() => server.close());

  test('asks for the leader, below the prefix, with the token', async () => {
    asked = [];
    const env = { CONSUL_HTTP_ADDR: `http://${address}/consul`, CONSUL_HTTP_TOKEN: 't' };
    expect(await fairlead(['check', '--online'], { env })).toMatchObject({ code: 0, stderr: '' });
    expect(asked).toEqual(['/consul/v1/status/leader t']);
  });

  test.each([
    ['""', /consul: http:\S+ has no leader/],
    ['', /consul: http:\S+\/v1\/status\/leader answered 500/],
  ])('an answer of %j is a problem', async (body, message) => {
    answer = body;
    const { code, stderr } = await fairlead(['check', '--online', '--consul', address]);
    expect(code).toBe(1);
    expect(stderr).toMatch(message);
  });

  test('certificates in Consul and Redis are read, and what is away is a problem', async () => {
    answer = '"10.0.0.1:8300"';
    write('tls: { certificates: [{ redis: { url: "redis://:secret@127.0.0.1:1" } }] }');
    const { code, stderr } = await fairlead(['check', '--online', '--consul', address], { cwd: folder });
    expect([code, stderr]).toEqual([1, 'fairlead.yaml:1:23: redis 127.0.0.1:1: connection refused\n']);
  });

  test('so is a store for ACME that is away; without --online nobody asks', async () => {
    answer = '"10.0.0.1:8300"';
    write('tls: { default: a.test, acme: { store: redis, redis: { url: "redis://:secret@127.0.0.1:1" } } }');
    expect(await fairlead(['check'], { cwd: folder })).toMatchObject({ code: 0, stderr: '' });
    const { code, stderr } = await fairlead(['check', '--online', '--consul', address], { cwd: folder });
    expect([code, stderr]).toEqual([1, expect.stringMatching(/^tls.acme.store: redis: Redis: .*\n$/)]);
    expect(stderr).not.toContain('secret');
  });

  test('so is no answer at all', async () => {
    const { code, stderr } = await fairlead(['check', '--online', '--consul', '127.0.0.1:1']);
    expect([code, stderr]).toEqual([
      1,
      'consul: cannot reach http://127.0.0.1:1/v1/status/leader: connection refused\n',
    ]);
  });
});

test.each([['run'], ['dev']])('%s refuses to start on bad configuration with 78', async (command) => {
  write('workers: no\naccessLog: 7\n');
  expect(await fairlead([command], { cwd: folder })).toEqual({
    code: 78,
    stdout: '',
    stderr: expect.stringMatching(/^fairlead.yaml:1:10: .*\nfairlead.yaml:2:12: .*\n$/),
  });
  expect(await fairlead([command, '--config', 'nope.yaml'])).toMatchObject({
    code: 78,
    stderr: 'flag --config: cannot read nope.yaml: there is no such file\n',
  });
});
