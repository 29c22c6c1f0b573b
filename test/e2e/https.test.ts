/** The whole program with TLS: two workers, certificates from files, and clients that are not Node's. */
import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type EmbeddedRegistry, startRegistry } from '../../src/embedded/registry.ts';
import { type Backend, startBackend } from '../support/backend.ts';
import { createTestCa } from '../support/certificates.ts';
import { head } from '../support/engine.ts';
import { freePort } from '../support/ports.ts';
import { shake } from '../support/secure.ts';
import { type Site, startSite, temporaryFolder } from './site.ts';

const run = promisify(execFile);
let registry: EmbeddedRegistry;
let backend: Backend;
let site: Site;
let secure: number;
let caFile: string;

beforeAll(async () => {
  const folder = await temporaryFolder();
  const authority = await createTestCa();
  const certificate = await authority.certificate('shop.test');
  caFile = join(folder, 'ca.pem');
  await writeFile(caFile, authority.rootPem);
  await writeFile(join(folder, 'shop.pem'), certificate.certPem);
  await writeFile(join(folder, 'shop.key'), certificate.keyPem);
  registry = await startRegistry({ host: '127.0.0.1', port: 0 });
  backend = await startBackend({ name: 'b1' });
  secure = await freePort();
  site = await startSite({
    consul: registry.url,
    flags: ['--https', `127.0.0.1:${secure}`],
    config: `
tls:
  certificates:
    - { certFile: ${folder}/missing.pem }
    - { certFile: ${folder}/shop.pem, keyFile: ${folder}/shop.key }
routes:
  - { rule: "shop.test/ https=redirect", to: ["127.0.0.1:${backend.port}"] }
`,
  });
});

afterAll(async () => {
  await site?.stop();
  await backend?.kill();
  await registry?.close();
});

describe('a listener with TLS', () => {
  test('is where plain requests are sent, with its port', async () => {
    const answer = await site.get('shop.test', { path: '/a?b' });
    expect(answer.headers.get('location')).toBe(`https://shop.test:${secure}/a?b`);
  });

  test('serves curl, which checks the certificate', async () => {
    const resolve = ['--resolve', `shop.test:${secure}:127.0.0.1`, '--cacert', caFile];
    const { stdout } = await run('curl', ['-sS', '--http1.1', ...resolve, `https://shop.test:${secure}/`]);
    expect(stdout).toBe('b1');
  });

  test('speaks HTTP/2 with clients that can', async () => {
    const resolve = ['--resolve', `shop.test:${secure}:127.0.0.1`, '--cacert', caFile];
    const args = ['-sS', '--http2', '-w', ' %{http_version}', ...resolve, `https://shop.test:${secure}/`];
    expect((await run('curl', args)).stdout).toBe('b1 2');
  });

  test('resumes sessions, whichever of the workers comes next', async () => {
    const options = { servername: 'shop.test' };
    const first = await shake(secure, options);
    await first.request(head('GET / HTTP/1.1', 'Host: shop.test'));
    const session = await first.session();
    first.close();
    for (let i = 0; i < 8; i++) {
      const again = await shake(secure, { ...options, session });
      expect(again.isResumed).toBe(true);
      await again.request(head('GET / HTTP/1.1', 'Host: shop.test'));
      again.close();
    }
    await expect.poll(() => site.metric('fairlead_tls_handshakes_total', { result: 'resumed' })).toBe(8);
  });

  test('tells a plain client so', async () => {
    const { stdout } = await run('curl', [
      '-s',
      '-o',
      '/dev/null',
      '-w',
      '%{http_code}',
      `http://127.0.0.1:${secure}/`,
    ]);
    expect(stdout).toBe('400');
  });
});
