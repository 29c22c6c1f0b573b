import { once } from 'node:events';
import net, { type AddressInfo } from 'node:net';
import tls from 'node:tls';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Certificates } from '../../tls/certificates.ts';
import { policy } from '../../tls/policy.ts';
import { certificateFor, createTestCa, type TestCa } from '../support/certificates.ts';

/** The store behind a plain TLS server: what clients really get from its contexts. */
let ca: TestCa;
let server: tls.Server;
let port: number;
const store = new Certificates();

beforeAll(async () => {
  ca = await createTestCa({ intermediate: true });
  server = tls.createServer({
    ...policy.context,
    SNICallback(name, done) {
      const choice = store.contextFor(name);
      if (choice.kind === 'context') done(null, choice.context);
      else done(new Error('unknown'));
    },
  });
  server.on('secureConnection', (socket) => socket.on('error', () => {}));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  port = (server.address() as AddressInfo).port;
});
afterAll(() => server.close());

async function connect(servername: string, options: tls.ConnectionOptions = {}): Promise<tls.TLSSocket> {
  const socket = tls.connect({ host: '127.0.0.1', port, servername, ca: ca.rootPem, ...options });
  await once(socket, 'secureConnect');
  return socket;
}

test('a client that knows the root alone trusts the chain', async () => {
  store.apply([await certificateFor(ca, ['a.test'])], null);
  const socket = await connect('a.test');
  expect(socket.authorized).toBe(true);
  expect(socket.getProtocol()).toBe('TLSv1.3');
  socket.destroy();
});

/** A context that its socket begins with, as opposed to one that SNICallback brings. */
async function listenWith(context: tls.SecureContext): Promise<net.Server> {
  const bare = net.createServer((raw) => {
    const socket = new tls.TLSSocket(raw, { isServer: true, secureContext: context });
    socket.on('error', () => {});
  });
  bare.listen(0, '127.0.0.1');
  await once(bare, 'listening');
  return bare;
}

test('each client gets the kind of certificate it can use; after SNICallback, the RSA one', async () => {
  store.apply(
    [await certificateFor(ca, ['a.test'], { key: 'rsa' }), await certificateFor(ca, ['a.test'])],
    null,
  );
  const cipherOf = async (kind: string, at: number): Promise<string> => {
    const ciphers = `ECDHE-${kind}-AES128-GCM-SHA256`;
    const socket = await connect('a.test', { port: at, maxVersion: 'TLSv1.2', ciphers });
    const { name } = socket.getCipher();
    socket.destroy();
    return name;
  };
  const choice = store.contextFor('a.test');
  const bare = await listenWith((choice as { context: tls.SecureContext }).context);
  const { port: barePort } = bare.address() as AddressInfo;
  expect(await cipherOf('RSA', barePort)).toMatch('-RSA-');
  expect(await cipherOf('ECDSA', barePort)).toMatch('-ECDSA-');
  bare.close();
  expect(await cipherOf('RSA', port)).toMatch('-RSA-');
});

describe('C13: old and weak is refused', () => {
  test.each([
    ['TLS 1.0', { minVersion: 'TLSv1', maxVersion: 'TLSv1', ciphers: 'DEFAULT@SECLEVEL=0' }],
    ['TLS 1.1', { minVersion: 'TLSv1.1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' }],
    ['no forward secrecy', { maxVersion: 'TLSv1.2', ciphers: 'AES128-GCM-SHA256' }],
    ['CBC', { maxVersion: 'TLSv1.2', ciphers: 'ECDHE-ECDSA-AES128-SHA' }],
  ] as const)('%s', async (_, options) => {
    store.apply([await certificateFor(ca, ['a.test'])], null);
    await expect(connect('a.test', options)).rejects.toThrow(/alert|disconnected|reset/i);
  });
});

test('C14: a client that renegotiates is refused', async () => {
  store.apply([await certificateFor(ca, ['a.test'])], null);
  const socket = await connect('a.test', { maxVersion: 'TLSv1.2' });
  const outcome = await new Promise<string>((resolve) => {
    socket.on('error', ({ message }) => resolve(message));
    socket.on('close', () => resolve('closed'));
    socket.renegotiate({}, (error) => resolve(error?.message ?? 'renegotiated'));
  });
  expect(outcome).toMatch(/no renegotiation|closed/);
  socket.destroy();
});

test('C18: a certificate swapped a hundred times during a thousand handshakes fails none of them', async () => {
  const pair = [await certificateFor(ca, ['a.test']), await certificateFor(ca, ['a.test'])];
  let swaps = 0;
  const swap = (): void => store.apply([pair[swaps++ % 2]!], null);
  swap();
  const timer = setInterval(swap, 10);
  const seen = new Set<string>();
  const secureContext = tls.createSecureContext({ ca: ca.rootPem });
  const client = async (): Promise<void> => {
    for (let i = 0; i < 100 || swaps < 100; i++) {
      const socket = await connect('a.test', { secureContext });
      expect(socket.authorized).toBe(true);
      seen.add(socket.getPeerX509Certificate()!.fingerprint256);
      socket.destroy();
    }
  };
  await Promise.all(Array.from({ length: 10 }, client)).finally(() => clearInterval(timer));
  expect(seen.size).toBe(2);
  expect(swaps).toBeGreaterThanOrEqual(100);
  // Each handshake costs milliseconds of both sides on a machine that is busy.
}, 180_000);

test('a context that is given up in the midst of handshakes fails none, and holds no memory', async () => {
  const names = ['a.test', 'b.test', 'c.test'];
  const few = new Certificates({ mostContexts: 1 });
  few.apply(await Promise.all(names.map((name) => certificateFor(ca, [name]))), null);
  const contextOf = (name: string) => (few.contextFor(name) as { context: tls.SecureContext }).context;
  let accepted = 0;
  const bare = net.createServer((raw) => {
    const secureContext = contextOf(names[accepted++ % names.length]!);
    const socket = new tls.TLSSocket(raw, { isServer: true, secureContext });
    socket.on('error', () => {});
    socket.pipe(socket);
  });
  await once(bare.listen(0, '127.0.0.1'), 'listening');
  const { port: barePort } = bare.address() as AddressInfo;
  const client = async (): Promise<void> => {
    for (let i = 0; i < 30; i++) {
      const options = { port: barePort, checkServerIdentity: () => undefined };
      const socket = await connect('a.test', options);
      socket.write('hello');
      const [heard] = await once(socket, 'data');
      expect(heard.toString()).toBe('hello');
      socket.destroy();
    }
  };
  await Promise.all(Array.from({ length: 10 }, client)).finally(() => bare.close());

  const certificateOf = ({ context }: tls.SecureContext): unknown =>
    (context as { getCertificate(): Buffer | null }).getCertificate();
  const given = contextOf('a.test');
  expect(certificateOf(given)).toBeInstanceOf(Buffer);
  contextOf('b.test');
  expect(certificateOf(given)).toBeNull();
});
