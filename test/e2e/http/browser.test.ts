/** A browser before the whole program: pages over HTTP/2, and WebSocket, with TLS ended here. */

import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type EmbeddedRegistry, startRegistry } from '../../../src/embedded/registry.ts';
import { chromiumBinary, skipExternal } from '../../provision.ts';
import { type Backend, echoWebSocket, startBackend } from '../../support/backend.ts';
import { createTestCa } from '../../support/certificates.ts';
import { freePort } from '../../support/ports.ts';
import { type Site, startSite, temporaryFolder } from '../site.ts';

const ARGS = [
  ...['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-sync'],
  ...['--disable-background-networking', '--disable-component-update'],
];

describe.skipIf(skipExternal)('Chromium', () => {
  let registry: EmbeddedRegistry;
  let backend: Backend;
  let site: Site;
  let browser: Browser;
  let page: Page;

  beforeAll(async () => {
    const folder = await temporaryFolder();
    const certificate = await (await createTestCa()).certificate('localhost');
    await writeFile(join(folder, 'one.pem'), certificate.certPem + certificate.keyPem);
    const secure = await freePort();
    backend = await startBackend({
      name: 'page',
      handler: (request, reply) => {
        if (request.header('upgrade')) return echoWebSocket(request, reply);
        const fields: [string, string][] = [['Content-Type', 'text/html']];
        return reply.send({ body: '<!doctype html><title>behind</title>', fields });
      },
    });
    registry = await startRegistry({ host: '127.0.0.1', port: 0 });
    site = await startSite({
      consul: registry.url,
      flags: ['--https', `127.0.0.1:${secure}`],
      config: `
tls: { certificates: [{ certFile: ${folder}/one.pem }] }
routes:
  - { rule: "localhost/", to: ["127.0.0.1:${backend.port}"] }
`,
    });
    browser = await chromium.launch({ executablePath: await chromiumBinary(), args: ARGS });
    page = await browser.newPage({ ignoreHTTPSErrors: true });
    await page.goto(`https://localhost:${secure}/`);
  }, 60_000);

  afterAll(async () => {
    await browser?.close();
    await site?.stop();
    await backend?.kill();
    await registry?.close();
  });

  test('loads a page over HTTP/2', async () => {
    expect(await page.title()).toBe('behind');
    const protocol = await page.evaluate("performance.getEntriesByType('navigation')[0].nextHopProtocol");
    expect(protocol).toBe('h2');
  });

  test('speaks WebSocket', async () => {
    const heard = await page.evaluate(`new Promise((resolve, reject) => {
      const socket = new WebSocket(location.href.replace('https', 'wss'));
      socket.onopen = () => socket.send('hello');
      socket.onmessage = ({ data }) => { socket.close(); resolve(data); };
      socket.onerror = () => reject(new Error('no WebSocket'));
    })`);
    expect(heard).toBe('hello');
  });
});
