/** An https listener that ends TLS itself, beside server names that pass through it untouched. */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';
import { connect as connectTls, createServer as createTlsServer, type Server } from 'node:tls';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { ListenerFacts } from '../../../../src/data/engine.ts';
import { passOnOrTerminate } from '../../../../src/data/tcp/accept-stream.ts';
import { arrivalOf } from '../../../../src/data/tcp/arrival.ts';
import { type Plane, startPlane } from '../../../support/engine.ts';
import { helloMessage, records, serverName } from '../../../support/hello.ts';
import { eventually } from '../../../support/process.ts';
import { selfSigned } from '../../../support/self-signed.ts';

let plane: Plane;
let port: number;
let terminated: number;
const endings: (() => unknown)[] = [];

async function listening<S extends Server | ReturnType<typeof createServer>>(server: S): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  endings.push(() => server.close());
  return (server.address() as AddressInfo).port;
}

beforeEach(async () => {
  const origin = createTlsServer(await selfSigned('origin'), (socket) => socket.end('origin'));
  const own = createTlsServer({ ...(await selfSigned('router')), handshakeTimeout: 300 }, (socket) =>
    socket.end('router'),
  );
  own.on('tlsClientError', (_error, socket) => socket.destroy());
  const stream = { kind: 'sni' as const, port: null };
  plane = await startPlane({
    pools: { main: [await listening(origin)] },
    routes: [{ host: '*.pass.test', stream, listeners: ['websecure'] }],
    timeouts: { headMs: 500 },
  });
  const facts: ListenerFacts = {
    ...{ name: 'websecure', index: 0, scheme: 'https', port: 8443, proxyProtocol: false, tcpPort: 0 },
  };
  terminated = 0;
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, (socket) => {
    const peer = { address: '127.0.0.1', isTrusted: false };
    passOnOrTerminate(socket, arrivalOf(socket, facts, peer, null, null), plane.engine, () => {
      terminated++;
      own.emit('connection', socket);
    });
  });
  port = await listening(server);
});

afterEach(async () => {
  await plane.quiet();
  await plane.close();
  for (const end of endings.splice(0)) end();
});

async function ask(servername: string): Promise<string[]> {
  const options = servername === '' ? {} : { servername };
  const client = connectTls({ port, host: '127.0.0.1', rejectUnauthorized: false, ...options });
  let text = '';
  client.on('data', (bytes) => {
    text += bytes;
  });
  await once(client, 'end');
  const { CN } = client.getPeerCertificate().subject;
  client.destroy();
  return [String(CN), text];
}

test('a name with a route passes through; any other, or none, is ended here', async () => {
  expect(await ask('a.pass.test')).toEqual(['origin', 'origin']);
  expect(await ask('a.b.pass.test')).toEqual(['origin', 'origin']);
  expect(terminated).toBe(0);
  expect(await ask('other.test')).toEqual(['router', 'router']);
  expect(await ask('')).toEqual(['router', 'router']);
  expect(terminated).toBe(2);
  await eventually(() => expect(plane.log()).toMatchObject([{ listener: 'websecure' }, { protocol: 'tls' }]));
});

test('without such routes nothing is looked at', async () => {
  plane.setRoutes([], ['sni:*.pass.test @websecure', 'sni:*.pass.test']);
  expect(plane.engine.table.hasSharedNames).toBe(false);
  expect(await ask('a.pass.test')).toEqual(['router', 'router']);
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
  expect(terminated).toBe(2);
});
