import type { Socket } from 'node:net';
import { describe, expect, test } from 'vitest';
import { readProxyHeader } from '../../../../src/data/proxy-protocol.ts';
import { proxyHeader } from '../../../../src/data/tcp/proxy-header.ts';
import { Family } from '../../../../src/shared/counters.ts';
import { alpn, helloMessage, records, serverName } from '../../../support/hello.ts';
import { eventually } from '../../../support/process.ts';
import { begin, instance, lines, named, PORT, plane, port, TCP, talk } from './stage.ts';

const SIGNATURE = '\r\n\r\n\0\r\nQUIT\n';
const trusted = { proxyProtocol: true, trustedProxies: ['127.0.0.0/8'] };

function collecting(into: Buffer[]) {
  return (socket: Socket): void => {
    socket.on('data', (bytes) => into.push(bytes));
    named('in')(socket);
  };
}

describe('to instances', () => {
  test('version 1 and 2 say who the client is, before its first byte', async () => {
    for (const version of ['v1', 'v2'] as const) {
      const heard: Buffer[] = [];
      await begin([await instance(collecting(heard))], { routes: [{ ...TCP, options: { proxy: version } }] });
      const client = talk();
      await client.hears(/in/);
      const header = readProxyHeader(Buffer.concat(heard));
      expect(header).toMatchObject({
        source: { address: '127.0.0.1', port: client.socket.localPort },
        destination: { address: '127.0.0.1', port },
      });
      client.socket.write('payload');
      await eventually(() => expect(Buffer.concat(heard).toString()).toMatch(/payload$/));
      // The header is nobody's payload.
      client.socket.end();
      expect(await lines(1)).toMatchObject([{ bytesIn: 7 }]);
      await plane.quiet();
      await plane.close();
    }
    await begin([]);
  });

  test('version 2 carries the server name, and the protocol when only one is offered', async () => {
    const heard: Buffer[] = [];
    await begin([await instance(collecting(heard))], {
      routes: [{ host: 'a.test', stream: { kind: 'sni', port: PORT }, options: { proxy: 'v2' } }],
    });
    const extensions = Buffer.concat([serverName('A.test'), alpn('h2')]);
    const client = talk(records(helloMessage({ extensions })).toString('latin1'));
    await client.hears(/in/);
    const bytes = Buffer.concat(heard);
    const { length } = readProxyHeader(bytes) as { length: number };
    expect(bytes.subarray(28, length).toString('latin1')).toBe('\x01\0\x02h2\x02\0\x06a.test');
    expect(bytes.subarray(length)).toEqual(records(helloMessage({ extensions })));
  });

  test.each([
    ['192.0.2.1', '198.51.100.2', 'PROXY TCP4 192.0.2.1 198.51.100.2 1000 15432\r\n'],
    ['2001:db8::1', '2001:db8::2', 'PROXY TCP6 2001:db8::1 2001:db8::2 1000 15432\r\n'],
    ['fe80::1%eth0', '::1', 'PROXY TCP6 fe80::1 ::1 1000 15432\r\n'],
    ['192.0.2.1', '2001:db8::2', 'PROXY TCP6 ::ffff:c000:201 2001:db8::2 1000 15432\r\n'],
  ])('a client at %s that came to %s', (client, local, line) => {
    const arrival = {
      listener: {} as never,
      peer: { address: client, isTrusted: false },
      clientPort: 1000,
      local: { address: local, port: 15_432 },
      ...{ hello: null, received: null, isPostgres: false },
    };
    expect(proxyHeader('v1', arrival).toString()).toBe(line);
    const binary = proxyHeader('v2', arrival);
    expect(readProxyHeader(binary)).toEqual({
      length: binary.length,
      source: { address: client.replace('%eth0', ''), port: 1000 },
      destination: { address: local, port: 15_432 },
    });
  });
});

test('of a client that is gone already nothing is told', () => {
  const arrival = { peer: { address: '' }, local: { address: '10.0.0.1', port: 1 }, hello: null } as never;
  for (const version of ['v1', 'v2'] as const) {
    const header = proxyHeader(version, arrival);
    expect(readProxyHeader(header)).toEqual({ length: header.length, source: null, destination: null });
  }
});

describe('from balancers', () => {
  test('the client behind the balancer counts: in the log, for allow, and for the instance', async () => {
    const heard: Buffer[] = [];
    const options = { allow: ['192.0.2.0/24'], proxy: 'v1' as const };
    await begin([await instance(collecting(heard))], { ...trusted, routes: [{ ...TCP, options }] });
    const client = talk('PROXY TCP4 192.0.2.7 198.51.100.2 1000 15432\r\nfirst');
    await client.hears(/in/);
    await eventually(() =>
      expect(String(Buffer.concat(heard))).toBe('PROXY TCP4 192.0.2.7 198.51.100.2 1000 15432\r\nfirst'),
    );
    client.socket.end();
    expect(await talk('PROXY TCP4 203.0.113.7 198.51.100.2 1000 15432\r\n').ended()).toBe('reset');
    expect(await lines(2)).toContainEqual(
      expect.objectContaining({ client: '203.0.113.7', reason: 'denied' }),
    );
    expect(plane.log()).toContainEqual(expect.objectContaining({ client: '192.0.2.7', bytesIn: 5 }));
  });

  test('a balancer that looks whether we are there stands for itself', async () => {
    await begin([await instance(named('in'))], trusted);
    const local = `${SIGNATURE}\x20\0\0\0`;
    await talk(local).hears(/in/);
    await talk('PROXY UNKNOWN\r\n').hears(/in/);
  });

  test.each([
    ['spoofed by a stranger', 'PROXY TCP4 10.0.0.1 10.0.0.2 1 2\r\n', ['10.0.0.0/8']],
    ['no header', 'GET / HTTP/1.1\r\n\r\n', ['127.0.0.0/8']],
    ['a line that does not end', `PROXY TCP4 ${'1'.repeat(120)}`, ['127.0.0.0/8']],
    ['an address that is none', 'PROXY TCP4 10.0.0.256 10.0.0.2 1 2\r\n', ['127.0.0.0/8']],
    ['more than a record may hold', `${SIGNATURE}\x21\x11\xff\xff`, ['127.0.0.0/8']],
    ['another version', `${SIGNATURE}\x31\x11\0\x0c${'\0'.repeat(12)}`, ['127.0.0.0/8']],
    ['a value beyond the record', `${SIGNATURE}\x21\x11\0\x0f${'\0'.repeat(12)}\x02\0\x09`, ['127.0.0.0/8']],
  ])('%s: closed and counted', async (_what, text, trustedProxies) => {
    await begin([await instance(named('in'))], { ...trusted, trustedProxies });
    const client = talk(text);
    await client.ended();
    expect([client.text, plane.sum(Family.refused)]).toEqual(['', 1]);
  });

  test('half a header is waited for, and no longer than for a head', async () => {
    await begin([await instance(named('in'))], { ...trusted, timeouts: { headMs: 300 } });
    await talk(`${SIGNATURE}\x21\x11\0\x0c\x7f`).ended();
    expect(plane.sum(Family.refused)).toBe(1);
  });
});
