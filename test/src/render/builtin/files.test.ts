import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import tls from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { renderHaproxy } from '../../../../src/render/builtin/haproxy.ts';
import type { BuiltinInput } from '../../../../src/render/builtin/model.ts';
import { renderNginx } from '../../../../src/render/builtin/nginx.ts';
import { skipExternal } from '../../../provision.ts';
import { createTestCa } from '../../../support/certificates.ts';
import { freePorts } from '../../../support/ports.ts';
import {
  haproxyFaults,
  nginxFaults,
  OPTIONS,
  pool,
  route,
  startHaproxy,
  startRenderedNginx,
  state,
} from './stage.ts';

/** One of everything, at fixed ports. */
const WHOLE: BuiltinInput = {
  ...state({
    routes: [
      route({ host: 'shop.test' }),
      route(
        { host: 'shop.test', path: '/api' },
        { strip: '/api', prefix: '/v1%20', timeoutMs: 5000 },
        'both',
      ),
      route({ host: '*.shop.test', path: '/x', match: 'exact', methods: ['GET', 'PURGE'] }, { retry: 4 }),
      route(
        { path: '/any$', match: 'text', priority: 3 },
        { allow: ['10.0.0.0/8', '::1/128'], deny: ['10.1.0.0/16'] },
        'empty',
      ),
      route({ host: 'old.test' }, { redirect: { status: 301, location: 'https://$host$path' } }, null),
      route({ host: 'safe.test' }, { https: 'redirect', host: { kind: 'name', name: 'inner.test' } }),
      route({ host: 'only.test', listeners: ['web'] }, { https: 'only' }, 'hash'),
      route({ stream: { kind: 'tcp', port: 15_432 } }, { proxy: 'v1', deny: ['10.0.0.0/8'] }),
      route({ host: 'db.test', stream: { kind: 'sni', port: 15_433 } }, { allow: ['10.0.0.0/8'] }),
      route({ host: 'f*.test' }, {}),
    ],
    pools: [
      pool('web', [8001, [8002, 300], [8003, 0]], { maxconn: 9 }),
      pool('both', [8001, 8004], { balance: { kind: 'random' } }),
      pool('hash', [8001], { balance: { kind: 'hash', on: 'cookie', name: 'sid' } }),
      pool('empty', []),
    ],
  }),
  options: { ...OPTIONS, trustedProxies: ['10.0.0.0/8'] },
};

const reversed: BuiltinInput = {
  ...WHOLE,
  routes: WHOLE.routes.toReversed(),
  pools: WHOLE.pools.toReversed().map((each) => ({ ...each, endpoints: each.endpoints.toReversed() })),
};

describe('a state with one of everything', () => {
  it('is rendered as it was agreed, whatever the order it comes in', async () => {
    await expect(renderNginx(WHOLE).text).toMatchFileSnapshot('golden/whole.nginx.conf');
    await expect(renderHaproxy(WHOLE).text).toMatchFileSnapshot('golden/whole.haproxy.cfg');
    expect(renderNginx(reversed)).toEqual(renderNginx(WHOLE));
    expect(renderHaproxy(reversed).text).toBe(renderHaproxy(WHOLE).text);
  });

  it('says what the target does not do', () => {
    expect(renderNginx(WHOLE).shortfalls.map(({ route }) => route)).toContain('f*.test/');
    expect(renderHaproxy(WHOLE).shortfalls).toContainEqual({
      route: 'shop.test/',
      reason: 'weights are scaled to 256',
    });
  });

  it.skipIf(skipExternal)('passes the tests of both programs, as does an empty one', async () => {
    expect(await nginxFaults(renderNginx(WHOLE).text)).toBe('');
    expect(await haproxyFaults(renderHaproxy(WHOLE).text)).toBe('');
    expect(await nginxFaults(renderNginx(state({})).text)).toBe('');
    expect(await haproxyFaults(renderHaproxy(state({})).text)).toBe('');
  });
});

describe.skipIf(skipExternal)('ports that routes open', () => {
  const heard: string[] = [];
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.once('data', (chunk) => {
      heard.push(chunk.toString('latin1'));
      socket.end('hello');
    });
  });
  beforeAll(async () => {
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
  });
  afterAll(() => void server.close());

  for (const [name, start] of [
    ['HAProxy', startHaproxy],
    ['nginx', startRenderedNginx],
  ] as const) {
    it(`are carried by ${name}, with a PROXY header where one is wanted`, async () => {
      const [web, tcp, barred] = (await freePorts(3)) as [number, number, number];
      const { port } = server.address() as { port: number };
      const routes = [
        route({ stream: { kind: 'tcp', port: tcp } }, { proxy: 'v1' }),
        route({ stream: { kind: 'tcp', port: barred } }, { deny: ['127.0.0.0/8'] }),
      ];
      const running = await start(state({ port: web, routes, pools: [pool('web', [port])] }), web);
      heard.length = 0;
      expect(await talk(tcp)).toBe('hello');
      expect(heard.join('')).toMatch(/^PROXY TCP4 127\.0\.0\.1 127\.0\.0\.1 \d+ \d+\r\n/);
      expect(await talk(barred)).toBe('');
      await running.stop();
    });
  }
});

describe.skipIf(skipExternal)('an https listener', () => {
  for (const [name, start] of [
    ['HAProxy', startHaproxy],
    ['nginx', startRenderedNginx],
  ] as const) {
    it(`of ${name} shows the certificate of the name, and passes other names on`, async () => {
      const folder = await mkdtemp(join(tmpdir(), 'fairlead-pair-'));
      const files = async (host: string) => {
        const { keyPem: key, certPem: cert } = await (await createTestCa()).issue([host]);
        await Promise.all([
          writeFile(join(folder, `${host}.key`), key),
          writeFile(join(folder, `${host}.crt`), cert),
        ]);
        const path = join(folder, host);
        return { id: host, names: [host], certificate: `${path}.crt`, key: `${path}.key` };
      };
      const certificates = [await files('a.test'), await files('b.test')];
      const { keyPem, certPem } = await (await createTestCa()).issue(['pass.test']);
      const own = { key: keyPem, cert: certPem };
      const behind = tls.createServer(own, (socket) => void socket.end('passed')).listen(0, '127.0.0.1');
      await once(behind, 'listening');
      const [port] = (await freePorts(1)) as [number];
      const listeners = [
        { name: 'secure', address: { host: '127.0.0.1', port }, protocol: 'https' as const },
      ];
      const routes = [
        route({ host: 'pass.test', stream: { kind: 'sni', port: null } }),
        route({ host: 'b.test' }, {}, 'none'),
      ];
      const pools = [pool('web', [(behind.address() as { port: number }).port]), pool('none', [])];
      const options = { ...OPTIONS, runtimeFolder: folder };
      const running = await start(state({ listeners, certificates, routes, pools, options }), port);
      expect(await secureTalk(port, 'b.test')).toMatch(/^b\.test HTTP\/1\.1 503 /);
      expect(await secureTalk(port, 'a.test')).toMatch(/^a\.test HTTP\/1\.1 404 /);
      expect(await secureTalk(port, 'pass.test')).toBe('pass.test passed');
      await running.stop();
      behind.close();
      await rm(folder, { recursive: true });
    });
  }
});

/** Whose certificate was shown, and what was answered. */
async function secureTalk(port: number, servername: string): Promise<string> {
  const socket = tls.connect({ port, host: '127.0.0.1', servername, rejectUnauthorized: false });
  await once(socket, 'secureConnect');
  const { CN } = socket.getPeerCertificate().subject;
  let text = '';
  socket.on('data', (chunk) => {
    text += chunk.toString();
  });
  socket.on('error', () => {});
  socket.write(`GET / HTTP/1.1\r\nHost: ${servername}\r\nConnection: close\r\n\r\n`);
  await new Promise((resolve) => socket.on('close', resolve));
  return `${CN} ${text}`;
}

async function talk(port: number): Promise<string> {
  const socket = connect({ port, host: '127.0.0.1' });
  let text = '';
  socket.on('data', (chunk) => {
    text += chunk.toString();
  });
  socket.on('error', () => {});
  socket.write('hi');
  await new Promise((resolve) => socket.on('close', resolve));
  return text;
}
