/** Connections to a TLS listener from their first byte to the end of the handshake. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { describe, expect, test } from 'vitest';
import { Family } from '../../../../src/shared/counters.ts';
import { HANDSHAKES, type Handshake } from '../../../../src/shared/handshakes.ts';
import { createTestCa } from '../../../support/certificates.ts';
import { head, type PlaneOptions } from '../../../support/engine.ts';
import { eventually } from '../../../support/process.ts';
import { exchange, failureOf, helloBytes, shake } from '../../../support/secure.ts';
import { backend, begin, plane } from '../stage.ts';

const authority = await createTestCa();
const [a, b, wild] = await Promise.all([
  authority.certificate('a.test'),
  authority.certificate('b.test'),
  authority.certificate('*.wild.test'),
]);
const GET = head('GET / HTTP/1.1', 'Host: a.test');
const UNRECOGNIZED_NAME = Buffer.from([21, 3, 3, 0, 2, 2, 112]);
const DECODE_ERROR = Buffer.from([21, 3, 3, 0, 2, 2, 50]);

function start(options: PlaneOptions = {}) {
  return begin(undefined, { scheme: 'https', tls: { certificates: [a, b, wild] }, ...options });
}

function count(result: Handshake): number {
  return plane.sum(Family.handshakes, HANDSHAKES.indexOf(result));
}

describe('a handshake', () => {
  test.each(['TLSv1.2', 'TLSv1.3'] as const)('with %s carries requests', async (version) => {
    await start();
    const options = { servername: 'a.test', minVersion: version, maxVersion: version, ca: authority.rootPem };
    const client = await shake(plane.securePort, { ...options, rejectUnauthorized: true });
    expect((await client.request(GET)).status).toBe(200);
    client.close();
    const request = backend.requests[0]!;
    expect(request.header('x-forwarded-proto')).toBe('https');
    expect(request.header('x-forwarded-port')).toBe('8443');
    await plane.quiet();
    expect(plane.log()).toMatchObject([{ tlsVersion: version, protocol: 'HTTP/1.1', status: 200 }]);
    expect(count('full')).toBe(1);
  });

  test.each([
    ['a.test', 'a.test'],
    ['B.TEST', 'b.test'],
    ['a.test.', 'a.test'],
    ['x.wild.test', '*.wild.test'],
    ['unknown.test', 'a.test'],
    ['x.y.wild.test', 'a.test'],
  ])('that names %s gets the certificate of %s (C03)', async (servername, name) => {
    await start();
    const client = await shake(plane.securePort, { servername });
    expect(client.name).toBe(name);
    client.close();
  });

  test('for an unknown name is refused where no certificate is the default (C01, C02)', async () => {
    await start({ tls: { certificates: [a], defaultId: null } });
    expect(await failureOf(plane.securePort, { servername: 'x.test' })).toBe(
      'ERR_SSL_TLSV1_UNRECOGNIZED_NAME',
    );
    expect(await failureOf(plane.securePort)).toBe('ERR_SSL_TLSV1_UNRECOGNIZED_NAME');
    const odd = await helloBytes({ servername: 'x'.repeat(8) });
    const named = (name: string): Promise<Buffer> => {
      const bytes = Buffer.from(odd);
      bytes.write(name, bytes.indexOf('xxxxxxxx'), 'latin1');
      return exchange(plane.securePort, bytes);
    };
    expect(await named('10.0.0.1')).toEqual(UNRECOGNIZED_NAME);
    expect(count('unknown_name')).toBe(3);
    // What is no name at all is no hello either.
    for (const name of ['\0\0\0\0\0\0\0\0', '........', 'a.test\0\0', '\xff\xfe\xfd\xfc\xff\xff\xff\xff'])
      expect(await named(name)).toEqual(DECODE_ERROR);
    expect(count('bad_hello')).toBe(4);
    expect(await failureOf(plane.securePort, { servername: 'a.test' })).toBe('ok');
  });

  test('agrees on a protocol, or ends (C11)', async () => {
    await start();
    const { securePort: port } = plane;
    const client = await shake(port, { ALPNProtocols: ['http/1.1', 'http/1.0'] });
    expect(client.protocol).toBe('http/1.1');
    client.close();
    for (const ALPNProtocols of [['ftp'], ['acme-tls/1']]) {
      expect(await failureOf(port, { servername: 'a.test', ALPNProtocols })).toMatch(
        /ALERT_NO_APPLICATION_PROTOCOL/,
      );
    }
    await eventually(() => expect(count('no_protocol')).toBe(2));
  });

  test('with an old version is refused (C13)', async () => {
    await start();
    const old = { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' } as const;
    expect(await failureOf(plane.securePort, old)).toMatch(/PROTOCOL_VERSION/);
    await eventually(() => expect(count('failed')).toBe(1));
  });

  test('in single bytes is a handshake (C09)', async () => {
    await start();
    const bytes = await helloBytes({ servername: 'a.test' });
    const socket = connect({ port: plane.securePort, host: '127.0.0.1', noDelay: true });
    for (const byte of bytes) {
      socket.write(Buffer.from([byte]));
      await new Promise(setImmediate);
    }
    const [answer] = (await once(socket, 'data')) as [Buffer];
    // A ServerHello.
    expect([answer[0], answer[5]]).toEqual([22, 2]);
    socket.destroy();
    await eventually(() => expect(count('gone')).toBe(1));
  });

  test('cannot be renegotiated (C14)', async () => {
    await start();
    const args = [
      's_client',
      '-connect',
      `127.0.0.1:${plane.securePort}`,
      '-tls1_2',
      '-servername',
      'a.test',
    ];
    const child = spawn('openssl', args);
    let text = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (text += chunk));
    await eventually(() => expect(text).toContain('Verify return code'));
    child.stdin.write('R\n');
    await once(child, 'exit');
    // Refused with an alert, or by closing; never done.
    expect(text).toMatch(/RENEGOTIATING\s[\s\S]*(no renegotiation|unexpected eof)/i);
    expect(count('full')).toBe(1);
  });
});

describe('what is no handshake', () => {
  test('plain HTTP is told so, in plain text', async () => {
    await start();
    const answer = (await exchange(plane.securePort, GET)).toString();
    expect(answer).toMatch(/^HTTP\/1\.1 400 Bad Request\r\n[\s\S]*X-Fairlead-Reason: bad_request\r\n/);
    expect(count('plaintext')).toBe(1);
    await eventually(() => expect(plane.log()).toMatchObject([{ status: 400, reason: 'bad_request' }]));
    expect(backend.requests).toEqual([]);
  });

  test.each([
    ['other bytes', Buffer.from([0, 1, 2, 3]), 'plaintext', 0],
    ['a hello that cannot be read', Buffer.from([22, 3, 1, 0, 4, 1, 0, 0, 0]), 'bad_hello', 7],
    ['a record beyond its limit', Buffer.from([22, 3, 1, 0xff, 0xff]), 'bad_hello', 7],
  ] as const)('%s closes the connection', async (_, bytes, result, length) => {
    await start();
    expect((await exchange(plane.securePort, bytes)).length).toBe(length);
    expect(count(result)).toBe(1);
    expect(await failureOf(plane.securePort)).toBe('ok');
  });

  test('a hello that does not end, or never begins, is given up in time (E04)', async () => {
    await start({ timeouts: { handshakeMs: 200 } });
    const bytes = await helloBytes();
    await Promise.all([
      exchange(plane.securePort, ''),
      exchange(plane.securePort, bytes.subarray(0, 100)),
      exchange(plane.securePort, bytes),
    ]);
    expect(count('timeout')).toBe(3);
  });

  test('clients that leave in the middle leave nothing behind', async () => {
    await start();
    const bytes = await helloBytes();
    for (const length of [0, 3, 100, bytes.length]) {
      const socket = connect({ port: plane.securePort, host: '127.0.0.1' });
      await once(socket, 'connect');
      if (length > 0) socket.write(bytes.subarray(0, length));
      await new Promise((resolve) => setTimeout(resolve, 20));
      socket.resetAndDestroy();
    }
    await plane.quiet();
    await eventually(() => expect(count('gone')).toBe(3));
  });

  test('connections in a handshake count against the limit, and get no answer beyond it', async () => {
    await start({ limits: { connections: 2 } });
    const waiting = [1, 2].map(() => connect({ port: plane.securePort, host: '127.0.0.1' }));
    await eventually(() => expect(plane.engine.prefaces.size).toBe(2));
    expect((await exchange(plane.securePort, await helloBytes())).length).toBe(0);
    expect(plane.sum(Family.refused)).toBe(1);
    for (const socket of waiting) socket.destroy();
    await eventually(() => expect(plane.engine.prefaces.size).toBe(0));
    expect(await failureOf(plane.securePort)).toBe('ok');
  });
});

test('a PROXY header comes before the handshake', async () => {
  await start({ proxyProtocol: true, trustedProxies: ['127.0.0.1'] });
  const below = connect({ port: plane.securePort, host: '127.0.0.1' });
  below.write('PROXY TCP4 192.0.2.7 10.0.0.1 5555 443\r\n');
  const client = await shake(0, { socket: below, servername: 'a.test' });
  expect((await client.request(GET)).status).toBe(200);
  expect(backend.requests[0]!.header('x-real-ip')).toBe('192.0.2.7');
  client.close();
});

test('certificates change a hundred times, and every handshake gets one or the other (C18)', async () => {
  await start();
  const others = await Promise.all([authority.certificate('a.test'), authority.certificate('a.test')]);
  const serials = new Set(others.map(({ id }) => id));
  for (let i = 0; i < 100; i++) {
    plane.engine.profiles.update([others[i % 2]!], [], null, true);
    if (i % 5 === 0) expect(await failureOf(plane.securePort, { servername: 'a.test' })).toBe('ok');
  }
  expect(serials.size).toBe(2);
});
