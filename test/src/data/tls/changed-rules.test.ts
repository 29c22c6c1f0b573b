/** Rules of TLS that change while connections are open. */
import { describe, expect, test } from 'vitest';
import { createTestCa } from '../../../support/certificates.ts';
import { get } from '../../../support/client.ts';
import { head } from '../../../support/engine.ts';
import { h2Client } from '../../../support/http2.ts';
import { failureOf, type Shaken, shake } from '../../../support/secure.ts';
import { begin, plane } from '../stage.ts';

const authority = await createTestCa();
const clients = await createTestCa({ name: 'Clients' });
const [server, known] = await Promise.all([
  authority.certificate('a.test', 'b.test', 'c.test'),
  clients.certificate('client.one'),
]);
const KNOWN = { cert: known.certPem, key: known.keyPem };
const rule = (...hosts: string[]) => ({ hosts, caPem: clients.rootPem, mode: 'required' as const });

const start = (...hosts: string[]) =>
  begin(undefined, {
    scheme: 'https',
    tls: { certificates: [server], clientAuth: hosts.map((host) => rule(host)) },
  });

function change(more: Partial<typeof plane.engine.setup.tls>): void {
  plane.engine.setTls({ ...plane.engine.setup.tls, ...more });
}

const statusOf = async (client: Shaken, host: string): Promise<number> =>
  (await client.request(head('GET / HTTP/1.1', `Host: ${host}`))).status;

describe('client certificates', () => {
  test('that are asked for from now on are asked of open connections, too', async () => {
    await start('c.test');
    const opened = (servername: string, more = {}) => shake(plane.securePort, { servername, ...more });
    const [a, b, c, nameless] = await Promise.all([
      opened('a.test'),
      opened('b.test'),
      opened('c.test', KNOWN),
      opened(''),
    ]);
    const h2 = await h2Client(plane.securePort, 'https', { servername: 'a.test' });
    expect(await Promise.all([statusOf(a, 'a.test'), statusOf(nameless, 'a.test')])).toEqual([200, 200]);
    const session = await a.session();
    change({ clientAuth: [rule('a.test'), rule('c.test')] });
    expect(await statusOf(a, 'a.test')).toBe(421);
    expect(await statusOf(nameless, 'a.test')).toBe(421);
    expect((await h2.request({ ':authority': 'a.test' })).status).toBe(421);
    // What is ruled as before is served as before.
    expect(await statusOf(b, 'b.test')).toBe(200);
    expect(await statusOf(c, 'c.test')).toBe(200);
    for (const each of [a, b, c, nameless, h2]) each.close();

    const anew = async (more = {}): Promise<number | string> => {
      const client = await opened('a.test', more).catch(() => null);
      const status = client && (await statusOf(client, 'a.test').catch(() => 'refused'));
      client?.close();
      return status ?? 'refused';
    };
    expect([await anew(), await anew({ session }), await anew(KNOWN)]).toEqual(['refused', 'refused', 200]);
  });

  test('that are not asked for any more are no matter to those who come', async () => {
    await start('a.test');
    expect((await get(plane.port, { host: 'a.test' }).catch(() => ({ status: 0 }))).status).not.toBe(200);
    change({ clientAuth: [] });
    const client = await shake(plane.securePort, { servername: 'a.test' });
    expect(await statusOf(client, 'a.test')).toBe(200);
    client.close();
    expect(await failureOf(plane.securePort, { servername: 'a.test' })).toBe('ok');
  });
});

test('HSTS and the port that clients are redirected to are those of the moment', async () => {
  await begin(undefined, { scheme: 'http', routes: [{ options: { https: 'redirect' } }] });
  const location = async () => (await get(plane.port, { host: 'a.test' })).headers.get('location');
  expect(await location()).toBe('https://a.test/');
  change({ redirectPort: 8443 });
  expect(await location()).toBe('https://a.test:8443/');
});

test('HSTS is said as it is ruled, on connections that are open', async () => {
  await begin(undefined, {
    ...{ scheme: 'https', tls: { certificates: [server], hsts: 'max-age=1' } },
    routes: [{ options: { https: 'only' } }],
  });
  const client = await shake(plane.securePort, { servername: 'a.test' });
  const hsts = async () =>
    (await client.request(head('GET / HTTP/1.1', 'Host: a.test'))).headers.get('strict-transport-security');
  expect(await hsts()).toBe('max-age=1');
  change({ hsts: 'max-age=2' });
  expect(await hsts()).toBe('max-age=2');
  client.close();
});
