/** An https listener that ends TLS itself, beside server names that pass through it untouched. */
import { once } from 'node:events';
import { type AddressInfo, connect, type createServer } from 'node:net';
import { connect as connectTls, createServer as createTlsServer, type Server } from 'node:tls';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Family } from '../../../../src/shared/counters.ts';
import { HANDSHAKES, type Handshake } from '../../../../src/shared/handshakes.ts';
import { createTestCa } from '../../../support/certificates.ts';
import { type Plane, startPlane } from '../../../support/engine.ts';
import { helloMessage, records, serverName } from '../../../support/hello.ts';
import { eventually } from '../../../support/process.ts';

let plane: Plane;
let port: number;
const endings: (() => unknown)[] = [];

async function listening<S extends Server | ReturnType<typeof createServer>>(server: S): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  endings.push(() => server.close());
  return (server.address() as AddressInfo).port;
}

beforeEach(async () => {
  const { certPem: cert, keyPem: key } = await (await createTestCa()).issue(['origin']);
  const origin = createTlsServer({ cert, key }, (socket) => socket.end('origin'));
  const stream = { kind: 'sni' as const, port: null };
  plane = await startPlane({
    scheme: 'https',
    pools: { main: [await listening(origin)] },
    routes: [{ host: '*.pass.test', stream, listeners: ['web'] }],
    timeouts: { headMs: 500, handshakeMs: 500 },
  });
  port = plane.securePort;
});

afterEach(async () => {
  await plane.quiet();
  await plane.close();
  for (const end of endings.splice(0)) end();
});

const handshakes = (result: Handshake): number => plane.sum(Family.handshakes, HANDSHAKES.indexOf(result));

/** Who ended TLS, and the first line of what it said. */
async function ask(servername: string): Promise<string[]> {
  const options = servername === '' ? {} : { servername };
  const client = connectTls({ port, host: '127.0.0.1', rejectUnauthorized: false, ...options });
  let text = '';
  client.on('data', (bytes) => {
    text += bytes;
  });
  client.write('GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
  await once(client, 'end');
  const { CN } = client.getPeerCertificate().subject;
  client.destroy();
  return [CN === 'origin' ? 'origin' : 'router', text.split('\r\n')[0]!];
}

test('a name with a route passes through; any other, or none, is ended here', async () => {
  expect(await ask('a.pass.test')).toEqual(['origin', 'origin']);
  expect(await ask('a.b.pass.test')).toEqual(['origin', 'origin']);
  expect(handshakes('full')).toBe(0);
  expect(await ask('other.test')).toEqual(['router', 'HTTP/1.1 404 Not Found']);
  expect(await ask('')).toEqual(['router', 'HTTP/1.1 404 Not Found']);
  expect(handshakes('full')).toBe(2);
  await eventually(() => expect(plane.log().filter(({ protocol }) => protocol === 'tls')).toHaveLength(2));
});

test('without such routes nothing is looked at', async () => {
  plane.setRoutes([], ['sni:*.pass.test']);
  expect(plane.engine.table.hasSharedNames).toBe(false);
  expect(await ask('a.pass.test')).toEqual(['router', 'HTTP/1.1 404 Not Found']);
});

test('a hello in pieces is one hello, and what is no TLS is for whom it was meant', async () => {
  const pieces = connect(port, '127.0.0.1');
  for (const byte of records(helloMessage({ extensions: serverName('x.pass.test') }), 2))
    pieces.write(Uint8Array.of(byte));
  await eventually(() => plane.engine.streams.size === 1);
  pieces.resetAndDestroy();
  const plain = connect(port, '127.0.0.1');
  plain.on('error', () => {});
  plain.resume();
  plain.write('GET / HTTP/1.1\r\n\r\n');
  await once(plain, 'close');
  const slow = connect(port, '127.0.0.1');
  slow.on('error', () => {});
  slow.resume();
  slow.write(Uint8Array.of(22, 3));
  await once(slow, 'close');
  expect(handshakes('plaintext')).toBe(1);
  expect(handshakes('timeout')).toBe(1);
});
