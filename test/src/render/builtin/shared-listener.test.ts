/** An https listener that passes some names on: whoever is behind it must see the client and not the socket in between. */
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import tls from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { BuiltinInput } from '../../../../src/render/builtin/model.ts';
import { renderNginx } from '../../../../src/render/builtin/nginx.ts';
import { skipExternal } from '../../../provision.ts';
import { type Backend, startBackend } from '../../../support/backend.ts';
import { createTestCa } from '../../../support/certificates.ts';
import { Client } from '../../../support/client.ts';
import { freePort } from '../../../support/ports.ts';
import { OPTIONS, pool, type Running, route, startHaproxy, startRenderedNginx, state } from './stage.ts';

const local = ['127.0.0.0/8'];
const routes = [
  route({ host: 'open.test' }),
  route({ host: 'allowed.test' }, { allow: local }),
  route({ host: 'barred.test' }, { deny: local }),
  route({ host: 'foreign.test' }, { allow: ['10.0.0.0/8'] }),
  route({ host: 'pass.test', stream: { kind: 'sni', port: null } }, { allow: local }, 'behind'),
  route({ host: 'shut.test', stream: { kind: 'sni', port: null } }, { deny: local }, 'behind'),
];

describe.skipIf(skipExternal).each([
  ['HAProxy', startHaproxy],
  ['nginx', startRenderedNginx],
] as const)('a listener of %s that is shared with names that are passed on', (_name, start) => {
  let folder: string;
  let backend: Backend;
  let behind: tls.Server;
  let port: number;
  let running: Running;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'fairlead-shared-'));
    const ca = await createTestCa();
    const { keyPem, certPem } = await ca.issue(['*.test']);
    const [certificate, key] = [join(folder, 'a.crt'), join(folder, 'a.key')];
    await Promise.all([writeFile(certificate, certPem), writeFile(key, keyPem)]);
    behind = tls.createServer({ key: keyPem, cert: certPem }, (socket) => void socket.end('passed'));
    behind.listen(0, '127.0.0.1');
    await once(behind, 'listening');
    backend = await startBackend({ name: 'a' });
    port = await freePort();
    running = await start(inputOf({ certificate, key }), port);
  });

  afterAll(async () => {
    await running?.stop();
    await backend?.close();
    behind?.close();
    await rm(folder, { recursive: true });
  });

  function inputOf(files: { readonly certificate: string; readonly key: string }): BuiltinInput {
    const options = { ...OPTIONS, runtimeFolder: folder };
    const listeners = [{ name: 'secure', address: { host: '127.0.0.1', port }, protocol: 'https' as const }];
    const pools = [
      pool('web', [backend.port]),
      pool('behind', [(behind.address() as { port: number }).port]),
    ];
    return state({
      listeners,
      certificates: [{ id: 'a', names: ['*.test'], ...files }],
      routes,
      pools,
      options,
    });
  }

  const ask = async (host: string, headers: Record<string, string> = {}): Promise<number> => {
    const client = new Client(port, { servername: host, rejectUnauthorized: false });
    const { status } = await client.request({ host, headers });
    client.close();
    return status;
  };

  it('tells the upstream who the client is, and where it came in', async () => {
    expect(await ask('open.test', { 'X-Forwarded-For': '192.0.2.9' })).toBe(200);
    const request = backend.requests.at(-1)!;
    expect(request.header('x-forwarded-for')).toBe('127.0.0.1');
    expect(request.header('x-real-ip')).toBe('127.0.0.1');
    expect(request.header('x-forwarded-port')).toBe(String(port));
    expect(request.header('x-forwarded-proto')).toBe('https');
  });

  it('compares networks with the client', async () => {
    expect(await ask('allowed.test')).toBe(200);
    expect(await ask('barred.test')).toBe(403);
    expect(await ask('foreign.test')).toBe(403);
  });

  it('passes names on as they come, to those who may', async () => {
    expect(await passed('pass.test')).toBe('passed');
    await expect(passed('shut.test')).rejects.toThrow();
  });

  async function passed(servername: string): Promise<string> {
    const socket = tls.connect({ port, host: '127.0.0.1', servername, rejectUnauthorized: false });
    let text = '';
    socket.on('data', (chunk) => {
      text += chunk.toString();
    });
    // Rejects when the connection ends before its handshake is done.
    await once(socket, 'secureConnect');
    await once(socket, 'close');
    return text;
  }
});

describe('a server name with a number of retries', () => {
  it('is said to have none of its own in nginx', () => {
    const named = route({ host: 'a.test', stream: { kind: 'sni', port: 21_000 } }, { retry: 5 });
    const { shortfalls } = renderNginx(state({ routes: [named], pools: [pool('web', [1000])] }));
    expect(shortfalls).toEqual([{ route: named.id, reason: 'retry is not rendered for server names' }]);
  });
});
