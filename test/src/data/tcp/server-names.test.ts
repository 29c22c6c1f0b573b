import { once } from 'node:events';
import type { Socket } from 'node:net';
import { connect as connectTls, createServer as createTlsServer, type TLSSocket } from 'node:tls';
import { describe, expect, test } from 'vitest';
import { createTestCa } from '../../../support/certificates.ts';
import { helloMessage, records, serverName } from '../../../support/hello.ts';
import { eventually } from '../../../support/process.ts';
import { begin, instance, lines, named, PORT, plane, port, talk } from './stage.ts';

const sni = (host: string, pool = 'main') => ({ host, pool, stream: { kind: 'sni' as const, port: PORT } });
const alert = '\x15\x03\x03\x00\x02\x02\x70';
const SSL_REQUEST = '\0\0\0\x08\x04\xd2\x16\x2f';
const GSS_REQUEST = '\0\0\0\x08\x04\xd2\x16\x30';

/** An instance that notes what it is sent and says its name. */
function noting(name: string, heard: string[]) {
  return (socket: Socket): void => {
    socket.on('data', (bytes) => heard.push(bytes.toString('latin1')));
    named(name)(socket);
  };
}

function helloFor(name: string, size?: number): string {
  return records(helloMessage({ extensions: serverName(name) }), size).toString('latin1');
}

describe('a port of server names', () => {
  test('TLS reaches another instance, hello and all, when its own is not there', async () => {
    const { certPem: cert, keyPem: key } = await (await createTestCa()).issue(['a.test']);
    const secure = createTlsServer({ cert, key }, (socket) => void socket.end('from b'));
    const b = await instance((socket) => void secure.emit('connection', socket));
    const gone = await instance(() => {});
    await begin([], {
      pools: { main: [{ port: gone, address: '127.0.0.2' }, b] },
      routes: [sni('a.test')],
      balance: { kind: 'rr' },
    });
    for (let i = 0; i < 2; i++) {
      const client = connectTls({ port, host: '127.0.0.1', servername: 'a.test', rejectUnauthorized: false });
      let text = '';
      client.on('data', (bytes) => {
        text += bytes;
      });
      await once(client, 'end');
      client.destroy();
      expect(text).toBe('from b');
    }
    expect((await lines(2)).map(({ retries }) => retries).sort()).toEqual([0, 1]);
  });

  test('each name goes to its own instances, the bytes untouched', async () => {
    const heard: string[] = [];
    const [a, wild] = [await instance(noting('a', heard)), await instance(named('wild'))];
    await begin([], {
      pools: { a: [a], wild: [wild] },
      routes: [sni('a.test', 'a'), sni('*.a.test', 'wild')],
    });
    const hello = helloFor('A.test.');
    const client = talk(hello);
    await client.hears(/^a\n$/);
    client.socket.write('and more');
    await eventually(() => expect(heard.join('')).toBe(`${hello}and more`));
    await talk(helloFor('x.y.a.test')).hears(/^wild\n$/);
    client.socket.end();
    expect(await lines(1)).toMatchObject([
      { protocol: 'tls', host: 'a.test', route: `sni:a.test:${PORT}`, bytesIn: hello.length + 8 },
    ]);
  });

  test('a hello in single bytes and many records is the same hello', async () => {
    await begin([await instance(named('a'))], { routes: [sni('a.test')] });
    const client = talk();
    for (const byte of helloFor('a.test', 3)) client.socket.write(byte, 'latin1');
    await client.hears(/^a\n$/);
  });

  test('an unknown name, and none at all, are told in the words of TLS', async () => {
    await begin([await instance(named('a'))], { routes: [sni('a.test')] });
    for (const hello of [
      helloFor('b.test'),
      records(helloMessage({ extensions: null })).toString('latin1'),
    ]) {
      const client = talk(hello);
      expect(await client.ended()).toBe('end');
      expect(client.text).toBe(alert);
      client.socket.end();
    }
    expect(await lines(2)).toMatchObject([
      { reason: 'no_route', status: 404, host: 'b.test', protocol: 'tls' },
      { reason: 'no_route', host: '', route: '' },
    ]);
    await eventually(() => plane.engine.farewells.size === 0);
  });

  test.each([
    ['GET / HTTP/1.1\r\n\r\n', 'not_tls'],
    ['\x16\x03\x01\x00\x00', 'bad_hello'],
    [`${SSL_REQUEST}more`, 'bad_hello'],
    [`${SSL_REQUEST.slice(0, 7)}x`, 'not_tls'],
  ])('%j closes the connection: %s', async (text, reason) => {
    await begin([await instance(named('a'))], { routes: [sni('a.test')] });
    await talk(text).ended();
    expect(await lines(1)).toMatchObject([{ reason, status: 400, protocol: 'tcp' }]);
  });

  test('a hello that does not come is not waited for', async () => {
    await begin([await instance(named('a'))], { routes: [sni('a.test')], timeouts: { headMs: 300 } });
    await talk(helloFor('a.test').slice(0, 40)).ended();
    expect(await lines(1)).toMatchObject([{ reason: 'hello_timeout', status: 408, bytesIn: 40 }]);
  });

  test('a hello that does not end is given up', async () => {
    await begin([await instance(named('a'))], { routes: [sni('a.test')] });
    const endless = talk();
    const message = Buffer.concat([Buffer.from([1, 0, 0x7f, 0]), Buffer.alloc(0x7f00)]);
    endless.socket.write(records(message, 1).subarray(0, 200_000));
    await endless.ended();
    expect(await lines(1)).toMatchObject([{ reason: 'bad_hello' }]);
  });

  test('who only looks whether somebody is there is no fault', async () => {
    await begin([await instance(named('a'))], { routes: [sni('a.test')] });
    const client = talk();
    await eventually(() => plane.engine.peeks.size === 1);
    client.socket.end();
    await eventually(() => plane.engine.peeks.size === 0);
    expect(plane.log()).toEqual([]);
  });
});

describe('PostgreSQL', () => {
  test('asks for TLS, is told yes, and the instance is asked the same', async () => {
    const heard: string[] = [];
    const postgres = await instance((socket) => {
      socket.once('data', (first) => {
        heard.push(first.toString('latin1'));
        socket.write('S');
        socket.once('data', () => socket.write('pg\n'));
        socket.on('data', (bytes) => heard.push(bytes.toString('latin1')));
        socket.on('end', () => socket.end());
      });
    });
    await begin([postgres], { routes: [sni('pg.test')] });
    const client = talk(GSS_REQUEST);
    await client.hears(/^N$/);
    client.socket.write(SSL_REQUEST, 'latin1');
    await client.hears(/^NS$/);
    client.socket.write(helloFor('pg.test'), 'latin1');
    await client.hears(/^NSpg\n$/);
    await eventually(() => expect(heard).toEqual([SSL_REQUEST, helloFor('pg.test')]));
  });

  test.each([['N'], ['Sx'], ['E']])('an instance that answers %s is as good as none', async (answer) => {
    const postgres = await instance((socket) => void socket.once('data', () => socket.write(answer)));
    await begin([postgres], { routes: [sni('pg.test')] });
    const client = talk(SSL_REQUEST);
    await client.hears(/^S$/);
    client.socket.write(helloFor('pg.test'), 'latin1');
    expect(await client.ended()).toBe('reset');
    expect(await lines(1)).toMatchObject([{ reason: 'connect_failed' }]);
  });
});

test('a real handshake passes through, with the certificate of the instance', async () => {
  const { certPem: cert, keyPem: key } = await (await createTestCa()).issue(['a.test']);
  const server = createTlsServer({ cert, key, ALPNProtocols: ['x'] }, (socket: TLSSocket) => {
    socket.end(`${socket.servername} ${socket.alpnProtocol}`);
  });
  const tlsPort = await new Promise<number>((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve((server.address() as { port: number }).port));
  });
  await begin([tlsPort], { routes: [sni('*.a.test')] });
  const client = connectTls({
    ...{ port, host: '127.0.0.1', servername: 'db.a.test', ALPNProtocols: ['x'], rejectUnauthorized: false },
  });
  const chunks: Buffer[] = [];
  client.on('data', (chunk) => chunks.push(chunk));
  await once(client, 'end');
  expect(Buffer.concat(chunks).toString()).toBe('db.a.test x');
  expect(client.getPeerCertificate().subject.CN).toBe('a.test');
  client.destroy();
  server.close();
});
