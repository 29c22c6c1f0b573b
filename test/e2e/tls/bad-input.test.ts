/** What is no handshake, at the secure port of a whole router under load: a clean end each time, and nobody else notices. */

import { rm, writeFile } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type EmbeddedRegistry, startRegistry } from '../../../src/embedded/registry.ts';
import { type Backend, startBackend } from '../../support/backend.ts';
import { createTestCa } from '../../support/certificates.ts';
import { type LoadOptions, startLoad } from '../../support/load.ts';
import { freePort } from '../../support/ports.ts';
import { eventually } from '../../support/process.ts';
import { exchange, failureOf, helloBytes } from '../../support/secure.ts';
import { type Site, startSite, temporaryFolder } from '../site.ts';

const HANDSHAKE_MS = 1_000;
/** Of each kind, at once. */
const TIMES = 10;

let registry: EmbeddedRegistry;
let backend: Backend;
let folder: string;
let site: Site;
let secure: number;
let rootPem: string;

beforeAll(async () => {
  const authority = await createTestCa();
  rootPem = authority.rootPem;
  folder = await temporaryFolder();
  const { certPem, keyPem } = await authority.issue(['shop.test']);
  await writeFile(join(folder, 'shop.pem'), certPem + keyPem);
  registry = await startRegistry({ host: '127.0.0.1', port: 0 });
  backend = await startBackend({ name: 'b1' });
  secure = await freePort();
  site = await startSite({
    consul: registry.url,
    flags: ['--https', `127.0.0.1:${secure}`],
    config: `timeouts: { handshake: ${HANDSHAKE_MS}ms }
tls: { strict: true, certificates: [{ certFile: ${folder}/shop.pem }] }
routes: [{ rule: "shop.test/", to: ["127.0.0.1:${backend.port}"] }]
`,
  });
}, 30_000);
afterAll(async () => {
  await site?.stop();
  await backend?.kill();
  await registry?.close();
  await rm(folder, { recursive: true, force: true });
});

/** The same hello in records of few bytes. */
function inRecords(hello: Buffer, length: number): Buffer {
  const message = hello.subarray(5);
  const records: Buffer[] = [];
  for (let at = 0; at < message.length; at += length) {
    const part = message.subarray(at, at + length);
    records.push(Buffer.from([22, 3, 1, part.length >> 8, part.length & 255]), part);
  }
  return Buffer.concat(records);
}

const at = (bytes: Buffer): string =>
  bytes.length === 0 ? 'closed' : bytes[0] === 21 ? `alert ${bytes[6]}` : bytes.toString('latin1', 0, 12);

async function counts(): Promise<Record<string, number>> {
  const results = ['plaintext', 'bad_hello', 'no_protocol', 'unknown_name', 'timeout', 'gone', 'failed'];
  const values = results.map(async (result) => {
    const value = await site.metric('fairlead_tls_handshakes_total', { result });
    return [result, value] as const;
  });
  return Object.fromEntries(await Promise.all(values));
}

test('garbage, pieces, plain HTTP, what is too large, unknown names and protocols: each ends as it should', async () => {
  const load = (more: Pick<LoadOptions, 'connections' | 'ratePerSecond' | 'headers'>) =>
    startLoad({ port: secure, host: 'shop.test', tls: { servername: 'shop.test', ca: rootPem }, ...more });
  const loads = [
    load({ connections: 4, ratePerSecond: 50 }),
    load({ connections: 2, ratePerSecond: 10, headers: { connection: 'close' } }),
  ];
  await eventually(() => loads.every(({ counters }) => counters.ok > 5));
  const hello = await helloBytes({ servername: 'shop.test' });
  const huge = Buffer.concat([
    Buffer.from([22, 3, 1, 0x40, 0, 1, 0xff, 0xff, 0xff]),
    Buffer.alloc(70_000, 1),
  ]);
  const kinds: readonly (readonly [name: string, bytes: Buffer | string, ends: RegExp])[] = [
    ['bytes of no protocol', Buffer.from([0, 255, 1, 254]), /^closed$/],
    ['plain HTTP', 'GET / HTTP/1.1\r\nHost: shop.test\r\n\r\n', /^HTTP\/1\.1 400$/],
    ['HTTP/2 without TLS', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', /^HTTP\/1\.1 400$/],
    ['SSH', 'SSH-2.0-OpenSSH_9.2\r\n', /^(closed|HTTP\/1\.1 400)$/],
    ['a record beyond its limit', Buffer.from([22, 3, 1, 255, 255, 1]), /^alert 50$/],
    ['a hello beyond its limit', huge, /^(alert 50|closed)$/],
    ['a hello with wrong lengths', Buffer.from([22, 3, 1, 0, 4, 1, 0, 0, 0]), /^alert 50$/],
    ['half a hello', hello.subarray(0, 90), /^closed$/],
    ['nothing at all', '', /^closed$/],
    ['a hello without the rest', hello, /^\x16\x03\x03/],
    ['a hello in many records', inRecords(hello, 40), /^\x16\x03\x03/],
  ];
  const ended = await Promise.all(
    kinds.flatMap(([name, bytes, ends]) =>
      Array.from({ length: TIMES }, async () => ({ name, ends, end: at(await exchange(secure, bytes)) })),
    ),
  );
  for (const { name, ends, end } of ended)
    expect({ name, end }).toEqual({ name, end: expect.stringMatching(ends) });
  const attempts = Array.from({ length: TIMES }, () => [
    failureOf(secure, { servername: 'shop.test', ALPNProtocols: ['ftp'] }),
    failureOf(secure, { servername: 'unknown.test' }),
    failureOf(secure, {
      servername: 'shop.test',
      minVersion: 'TLSv1',
      maxVersion: 'TLSv1.1',
      ciphers: 'ALL@SECLEVEL=0',
    }),
  ]).flat();
  const failures = new Set(await Promise.all(attempts));
  expect([...failures].toSorted()).toEqual([
    'ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL',
    'ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION',
    'ERR_SSL_TLSV1_UNRECOGNIZED_NAME',
  ]);

  await eventually(async () =>
    expect(await counts()).toMatchObject({ no_protocol: TIMES, unknown_name: TIMES, timeout: 4 * TIMES }),
  );
  const results = await Promise.all(loads.map((each) => each.stop()));
  expect(results.flatMap(({ failed }) => failed)).toEqual([]);
  expect(site.child.stderr.filter((line) => /"level":"(error|fatal)"/.test(line))).toEqual([]);
  expect(await site.metric('fairlead_workers')).toBe(2);
  // Nothing of theirs is left.
  await eventually(async () => expect(await site.metric('fairlead_connections')).toBe(0));
}, 30_000);

test('clients that vanish in the middle leave nothing behind', async () => {
  const hello = await helloBytes({ servername: 'shop.test' });
  const sockets: Socket[] = [];
  for (const length of [0, 1, 100, hello.length]) {
    for (let i = 0; i < TIMES; i++) {
      const socket = connect({ port: secure, host: '127.0.0.1' }, () => {
        if (length > 0) socket.write(hello.subarray(0, length));
        setTimeout(() => socket.resetAndDestroy(), 20);
      });
      socket.on('error', () => {});
      sockets.push(socket);
    }
  }
  await eventually(() => sockets.every(({ closed }) => closed));
  await eventually(async () => expect(await site.metric('fairlead_connections')).toBe(0));
  expect(await failureOf(secure, { servername: 'shop.test' })).toBe('ok');
});
