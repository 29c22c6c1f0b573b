/** Hosts that ask their clients for a certificate, and the hosts beside them. */

import { X509Certificate } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { Family } from '../../../../src/shared/counters.ts';
import { HANDSHAKES } from '../../../../src/shared/handshakes.ts';
import { createTestCa } from '../../../support/certificates.ts';
import { get } from '../../../support/client.ts';
import { head } from '../../../support/engine.ts';
import { h2Client } from '../../../support/http2.ts';
import { eventually } from '../../../support/process.ts';
import { shake } from '../../../support/secure.ts';
import { backend, begin, plane } from '../stage.ts';

const authority = await createTestCa();
const clients = await createTestCa({ name: 'Clients' });
const others = await createTestCa({ name: 'Others' });
const [server, known, stranger] = await Promise.all([
  authority.certificate('open.test', '*.closed.test', 'closed.test', 'may.test'),
  clients.certificate('client.one'),
  others.certificate('client.one'),
]);
const KNOWN = { cert: known.certPem, key: known.keyPem };
const STRANGER = { cert: stranger.certPem, key: stranger.keyPem };
const VERSIONS = ['TLSv1.2', 'TLSv1.3'] as const;
const tls = {
  certificates: [server],
  clientAuth: [
    { hosts: ['closed.test', '*.closed.test'], caPem: clients.rootPem, mode: 'required' as const },
    { hosts: ['may.test'], caPem: clients.rootPem, mode: 'optional' as const },
  ],
};

/** The status of a request with this server name and Host; the error's code where there is no answer. */
async function ask(servername: string, host: string, options = {}): Promise<number | string> {
  try {
    const client = await shake(plane.securePort, { servername, ...options });
    const { status } = await client.request(head('GET / HTTP/1.1', `Host: ${host}`));
    client.close();
    return status;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? 'closed';
  }
}

describe.each(VERSIONS)('%s', (version) => {
  const with_ = (more = {}) => ({ minVersion: version, maxVersion: version, ...more });

  test('a required certificate is required, and from the right authority', async () => {
    await begin(undefined, { scheme: 'https', tls });
    expect(await ask('closed.test', 'closed.test', with_(KNOWN))).toBe(200);
    expect(await ask('A.Closed.test.', 'a.closed.test', with_(KNOWN))).toBe(200);
    for (const name of ['closed.test', 'CLOSED.test', 'closed.test.', 'a.closed.test']) {
      expect(await ask(name, name, with_())).not.toBe(200);
      expect(await ask(name, name, with_(STRANGER))).not.toBe(200);
    }
    expect(backend.requests.length).toBe(2);
    await eventually(() =>
      expect(plane.sum(Family.handshakes, HANDSHAKES.indexOf('client_certificate'))).toBe(8),
    );
  });

  test('an optional one may be missing, but not wrong', async () => {
    await begin(undefined, { scheme: 'https', tls });
    expect(await ask('may.test', 'may.test', with_())).toBe(200);
    expect(await ask('may.test', 'may.test', with_(KNOWN))).toBe(200);
    expect(await ask('may.test', 'may.test', with_(STRANGER))).not.toBe(200);
    const field = 'x-forwarded-tls-client-cert';
    expect(backend.requests.map((request) => request.header(field) !== undefined)).toEqual([false, true]);
  });
});

test('the upstream learns the certificate, and only from us (D01)', async () => {
  await begin(undefined, { scheme: 'https', tls, trustedProxies: ['127.0.0.1'] });
  const spoofed = [
    'X-Forwarded-Tls-Client-Cert: evil',
    'x_forwarded_tls_client_cert: evil',
    'X-Forwarded-Tls-Client-Cert-Info: evil',
    'Client-Cert: :evil:',
    'Client-Cert-Chain: :evil:',
    'Connection: X-Forwarded-Tls-Client-Cert',
  ];
  for (const [name, options] of [
    ['closed.test', KNOWN],
    ['open.test', {}],
  ] as const) {
    const client = await shake(plane.securePort, { servername: name, ...options });
    await client.request(head('GET / HTTP/1.1', `Host: ${name}`, ...spoofed));
    client.close();
  }
  const [closed, open] = backend.requests;
  const pem = decodeURIComponent(closed!.header('x-forwarded-tls-client-cert')!);
  expect(Buffer.from(pem, 'base64').equals(new X509Certificate(known.certPem).raw)).toBe(true);
  expect(decodeURIComponent(closed!.header('x-forwarded-tls-client-cert-info')!)).toMatch(
    /^Subject="CN=client\.one";Issuer="CN=Clients";NB="\d+";NA="\d+";SAN="DNS:client\.one";SerialNumber="\w+"$/,
  );
  for (const request of [closed, open]) expect(request!.head).not.toContain('evil');
  expect(open!.head).not.toMatch(/client.cert/i);
});

describe('a request for another host than the connection is for (C05)', () => {
  test('is misdirected where the rules for client certificates differ', async () => {
    await begin(undefined, { scheme: 'https', tls });
    expect(await ask('open.test', 'closed.test')).toBe(421);
    expect(await ask('open.test', 'a.closed.test')).toBe(421);
    expect(await ask('closed.test', 'open.test', KNOWN)).toBe(421);
    expect(await ask('closed.test', 'a.closed.test', KNOWN)).toBe(200);
    // No name at all: the default certificate, but not its rules.
    expect(await ask('', 'closed.test')).toBe(421);
    expect(await ask('', 'open.test')).toBe(200);
    expect(backend.requests.length).toBe(2);
  });

  test('is misdirected stream by stream on a connection of HTTP/2 that clients share between hosts', async () => {
    await begin(undefined, { scheme: 'https', tls });
    const statuses = async (options: object, ...hosts: string[]) => {
      const client = await h2Client(plane.securePort, 'https', options);
      const answers = await Promise.all(hosts.map((host) => client.request({ ':authority': host })));
      client.close();
      return answers.map(({ status }) => status);
    };
    const hosts = ['open.test', 'closed.test', 'open.test', 'a.closed.test'];
    expect(await statuses({ servername: 'open.test' }, ...hosts)).toEqual([200, 421, 200, 421]);
    expect(await statuses({ servername: 'closed.test', ...KNOWN }, ...hosts)).toEqual([421, 200, 421, 200]);
    expect(backend.requests.length).toBe(4);
  });

  test('is misdirected where the certificate differs, and only there', async () => {
    const second = await authority.certificate('second.test');
    await begin(undefined, { scheme: 'https', tls: { certificates: [server, second], defaultId: null } });
    expect(await ask('open.test', 'second.test')).toBe(421);
    expect(await ask('open.test', 'nobody.test')).toBe(421);
    expect(await ask('open.test', 'may.test')).toBe(200);
    expect(await ask('OPEN.test.', 'open.test:8443')).toBe(200);
  });
});

test('a host with required certificates is not served without TLS', async () => {
  await begin(undefined, { scheme: 'http', tls, trustedProxies: ['127.0.0.1'] });
  const answer = await get(plane.port, { host: 'closed.test', path: '/x' });
  expect([answer.status, answer.headers.get('location')]).toEqual([308, 'https://closed.test/x']);
  const headers = { 'X-Forwarded-Proto': 'https' };
  expect((await get(plane.port, { host: 'closed.test', headers })).status).toBe(421);
  expect((await get(plane.port, { host: 'may.test' })).status).toBe(200);
});
