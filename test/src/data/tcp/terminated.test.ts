/** Ports with `tls=terminate`: TLS of clients ends here, and the instance gets what was inside. */
import { once } from 'node:events';
import { connect as connectPlain } from 'node:net';
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls';
import { beforeAll, describe, expect, test } from 'vitest';
import type { Certificate } from '../../../../tls/certificate.ts';
import { certificateFor, createTestCa, type TestCa } from '../../../support/certificates.ts';
import type { PlaneOptions, RouteSpec } from '../../../support/engine.ts';
import { realHello } from '../../../support/hello.ts';
import { marked, writeInTurns } from '../../../support/marked.ts';
import { eventually } from '../../../support/process.ts';
import { begin, echo, instance, lines, named, PORT, plane, port, talk } from './stage.ts';

const route = (options: RouteSpec['options'] = {}): RouteSpec => ({
  stream: { kind: 'tcp', port: PORT },
  options: { tls: 'terminate', ...options },
});

let ca: TestCa;
let certificates: Certificate[];
let client: Certificate;

beforeAll(async () => {
  ca = await createTestCa();
  certificates = await Promise.all(['a.test', 'b.test'].map((name) => certificateFor(ca, [name])));
  client = await certificateFor(ca, ['somebody']);
});

/** Without a default certificate: another name is refused. */
async function start(ports: number[], options: PlaneOptions = {}): Promise<void> {
  await begin(ports, { routes: [route()], ...options });
  plane.engine.profiles.setTicketKey(Buffer.alloc(48, 1));
  plane.engine.profiles.update(certificates, [], null, false);
}

interface Inside {
  readonly socket: TLSSocket;
  text: string;
  ending: '' | 'end' | 'error';
}

async function secure(servername: string, options: ConnectionOptions = {}): Promise<Inside> {
  const way = { port, host: '127.0.0.1', servername, ca: ca.rootPem, allowHalfOpen: true };
  const socket = connect({ ...way, ...options });
  const inside: Inside = { socket, text: '', ending: '' };
  socket.on('data', (bytes) => {
    inside.text += bytes.toString('latin1');
  });
  socket.on('end', () => {
    inside.ending ||= 'end';
  });
  socket.on('error', () => {
    inside.ending ||= 'error';
  });
  await once(socket, 'secureConnect');
  return inside;
}

test('each name is shown its certificate, and what is inside goes both ways, half-closed too', async () => {
  await start([await instance(echo)]);
  for (const name of ['a.test', 'b.test']) {
    const inside = await secure(name);
    expect(inside.socket.authorized).toBe(true);
    expect(inside.socket.getPeerCertificate().subjectaltname).toBe(`DNS:${name}`);
    inside.socket.end(`to ${name}`);
    await eventually(() => inside.ending === 'end');
    expect(inside.text).toBe(`to ${name}`);
  }
  expect(await lines(2)).toMatchObject(
    ['a.test', 'b.test'].map((serverName) => ({
      ...{ protocol: 'tls', reason: 'client_closed', status: 200, bytesIn: 9, bytesOut: 9 },
      host: serverName,
    })),
  );
});

test('a server that speaks first is heard', async () => {
  await start([await instance(named('first'))]);
  const inside = await secure('a.test');
  await eventually(() => expect(inside.text).toBe('first\n'));
  inside.socket.destroy();
});

test('no protocol is agreed upon: what clients offer means nothing here', async () => {
  await start([await instance(named('any'))]);
  const inside = await secure('a.test', { ALPNProtocols: ['postgresql'] });
  expect(inside.socket.alpnProtocol).toBe(false);
  inside.socket.destroy();
});

test('many megabytes arrive as they were sent, at the pace of a slow reader', {
  timeout: 60_000,
}, async () => {
  await start([await instance(echo)]);
  const inside = await secure('a.test');
  inside.socket.pause();
  const text = marked('t', 8_000_000);
  const sending = writeInTurns((piece) => inside.socket.write(piece, 'latin1'), text, 10_000);
  await eventually(() => [...plane.engine.streams].length === 1);
  const other = await secure('b.test');
  other.socket.end(marked('o', 100_000));
  await eventually(() => other.ending === 'end');
  expect(other.text === marked('o', 100_000)).toBe(true);
  inside.socket.resume();
  await sending;
  inside.socket.end();
  await eventually(() => inside.ending === 'end', { timeoutMs: 30_000 });
  expect(inside.text === text).toBe(true);
});

test('an instance that is not there is passed over; when none is there, the client is cut off', async () => {
  await start([1, await instance(named('there'))]);
  const inside = await secure('a.test');
  await eventually(() => expect(inside.text).toBe('there\n'));
  inside.socket.destroy();
  plane.setPools({ main: [] });
  const cut = await secure('a.test');
  await eventually(() => cut.ending !== '');
  expect((await lines(2)).at(-1)).toMatchObject({ reason: 'no_healthy_instance', protocol: 'tls' });
});

test('the instance may be told who comes, and the server name', async () => {
  let head = Buffer.alloc(0);
  const own = await instance((socket) =>
    socket.on('data', (bytes) => {
      head = Buffer.concat([head, bytes]);
    }),
  );
  await start([own], { routes: [route({ proxy: 'v2' })] });
  const inside = await secure('a.test');
  inside.socket.write('inside');
  await eventually(() => expect(head.toString('latin1')).toMatch(/a\.test.*inside$/s));
  inside.socket.destroy();
});

test('behind a balancer the hello may come in one piece with its PROXY header', async () => {
  await start([await instance(named('in'))], { proxyProtocol: true, trustedProxies: ['127.0.0.0/8'] });
  const hello = await realHello({ servername: 'a.test' });
  const client = talk(`PROXY TCP4 192.0.2.7 127.0.0.1 4000 443\r\n${hello.toString('latin1')}`);
  // A record with a handshake: the server's hello.
  await client.hears(/^\x16\x03\x03/);
  client.socket.resetAndDestroy();
  expect(await lines(1)).toMatchObject([{ client: '192.0.2.7', reason: 'client_closed' }]);
});

describe('what is let in', () => {
  test('who may not come has no handshake', async () => {
    await start([await instance(echo)], { routes: [route({ deny: ['127.0.0.1'] })] });
    await expect(secure('a.test')).rejects.toThrow();
    expect(await lines(1)).toMatchObject([{ reason: 'denied', status: 403 }]);
  });

  test('a name without a certificate is refused, and nothing reaches the instance', async () => {
    let connections = 0;
    await start([await instance(() => connections++)]);
    await expect(secure('c.test')).rejects.toThrow(/unrecognized name|alert number 112/);
    expect(await lines(1)).toMatchObject([{ reason: 'handshake_failed', status: 400 }]);
    expect(connections).toBe(0);
  });

  test('what is no TLS is closed', async () => {
    await start([await instance(echo)]);
    for (const text of ['GET / HTTP/1.1\r\n\r\n', '\x00\x01\x02 garbage']) {
      const plain = talk(text);
      await plain.ended();
      expect(plain.text).toBe('');
    }
    expect(await lines(2)).toMatchObject([{ reason: 'not_tls' }, { reason: 'not_tls' }]);
  });

  test('a hello that does not end is not waited for', async () => {
    await start([await instance(echo)], { timeouts: { handshakeMs: 300 } });
    const slow = talk('\x16\x03\x01\x02\x00\x01');
    await slow.ended();
    expect(await lines(1)).toMatchObject([{ reason: 'hello_timeout', status: 408 }]);
  });

  test('somebody who only looks whether the port is open leaves no line', async () => {
    await start([await instance(echo)]);
    const looking = connectPlain(port, '127.0.0.1');
    await once(looking, 'connect');
    looking.end();
    await once(looking.resume(), 'close');
    const inside = await secure('a.test');
    inside.socket.end('somebody');
    await eventually(() => inside.ending === 'end');
    expect(await lines(1)).toMatchObject([{ reason: 'client_closed', bytesIn: 8 }]);
  });

  test('a host that asks for client certificates asks here, too', async () => {
    const rule = { hosts: ['b.test'], caPem: ca.rootPem, mode: 'required' as const };
    await start([await instance(named('welcome'))]);
    plane.engine.profiles.setClientAuth([rule]);
    const stranger = await secure('b.test').catch(() => null);
    if (stranger !== null) await eventually(() => stranger.ending !== '');
    expect(stranger?.text ?? '').toBe('');
    expect(await lines(1)).toMatchObject([{ reason: 'handshake_failed' }]);
    const known = await secure('b.test', { cert: client.certPem, key: client.keyPem });
    await eventually(() => expect(known.text).toBe('welcome\n'));
    known.socket.destroy();
  });
});
