/** Sessions are resumed by whoever began them, with any worker, and never under another name's rules. */
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { createTestCa } from '../../../support/certificates.ts';
import { head, type Plane, startPlane } from '../../../support/engine.ts';
import { failureOf, shake } from '../../../support/secure.ts';
import { backend, begin, plane } from '../stage.ts';

const run = promisify(execFile);
const authority = await createTestCa();
const clients = await createTestCa({ name: 'Clients' });
const [a, b, client] = await Promise.all([
  authority.certificate('a.test', 'also-a.test'),
  authority.certificate('b.test', 'mtls.test'),
  clients.certificate('client'),
]);
const tls = {
  certificates: [a, b],
  clientAuth: [{ hosts: ['mtls.test'], caPem: clients.rootPem, mode: 'required' as const }],
};
const VERSIONS = ['TLSv1.2', 'TLSv1.3'] as const;

/** A session of a finished request, so that the tickets of TLS 1.3 have come. */
async function sessionOf(on: Plane, servername: string, version: (typeof VERSIONS)[number], more = {}) {
  const options = { servername, minVersion: version, maxVersion: version, ...more };
  const shaken = await shake(on.securePort, options);
  await shaken.request(head('GET / HTTP/1.1', `Host: ${servername}`));
  const session = await shaken.session();
  shaken.close();
  const resume = async (port: number, name: string, others = more): Promise<boolean> => {
    const again = await shake(port, { ...options, ...others, servername: name, session });
    await again.request(head('GET / HTTP/1.1', `Host: ${name}`));
    again.close();
    return again.isResumed;
  };
  return { session, options, resume };
}

test.each(VERSIONS)('%s: with the same name, and with no other', async (version) => {
  await begin(undefined, { scheme: 'https', tls });
  const { resume } = await sessionOf(plane, 'a.test', version);
  expect(await resume(plane.securePort, 'a.test')).toBe(true);
  expect(await resume(plane.securePort, 'also-a.test')).toBe(false);
});

test.each(VERSIONS)('%s: with another worker, which shares the key', async (version) => {
  await begin(undefined, { scheme: 'https', tls });
  const other = await startPlane({ scheme: 'https', tls });
  const { resume } = await sessionOf(plane, 'a.test', version);
  expect(await resume(other.securePort, 'a.test')).toBe(true);
  await other.close();
});

test.each(VERSIONS)('%s: never across certificates (C06)', async (version) => {
  await begin(undefined, { scheme: 'https', tls });
  const { resume } = await sessionOf(plane, 'a.test', version);
  expect(await resume(plane.securePort, 'b.test')).toBe(false);
});

test.each(VERSIONS)(
  '%s: never into a host that asks for a client certificate (C06, C07)',
  async (version) => {
    await begin(undefined, { scheme: 'https', tls });
    const shared = await sessionOf(plane, 'b.test', version);
    // The same server certificate; only the client's is asked for.
    await expect(shared.resume(plane.securePort, 'mtls.test')).rejects.toThrow();
    const own = { cert: client.certPem, key: client.keyPem };
    const known = await sessionOf(plane, 'mtls.test', version, own);
    expect(await known.resume(plane.securePort, 'mtls.test')).toBe(true);
    expect(await known.resume(plane.securePort, 'b.test')).toBe(false);
  },
);

test.each(VERSIONS)('%s: a new key leads to a full handshake, and the next one resumes', async (version) => {
  await begin(undefined, { scheme: 'https', tls });
  const { resume } = await sessionOf(plane, 'a.test', version);
  plane.engine.profiles.setTicketKey(Buffer.alloc(48, 2));
  expect(await resume(plane.securePort, 'a.test')).toBe(false);
  const fresh = await sessionOf(plane, 'a.test', version);
  expect(await fresh.resume(plane.securePort, 'a.test')).toBe(true);
});

test('nothing is taken before the handshake is done: tickets allow no early data (C17)', async () => {
  await begin(undefined, { scheme: 'https', tls });
  const folder = await mkdtemp(join(tmpdir(), 'fairlead-early-'));
  const early = join(folder, 'early');
  await writeFile(early, head('GET /early HTTP/1.1', 'Host: a.test', 'Connection: close'));
  const openssl = (...more: string[]) => {
    const address = ['-connect', `127.0.0.1:${plane.securePort}`, '-servername', 'a.test', '-tls1_3'];
    const child = run('openssl', ['s_client', ...address, ...more], { timeout: 10_000 });
    child.child.stdin!.write(head('GET / HTTP/1.1', 'Host: a.test', 'Connection: close'));
    return child;
  };
  const first = await openssl('-sess_out', join(folder, 'session'), '-ign_eof');
  expect(first.stdout).toContain('Max Early Data: 0');
  const second = await openssl('-sess_in', join(folder, 'session'), '-early_data', early, '-ign_eof');
  expect(second.stdout).toMatch(/Reused, TLSv1\.3/);
  expect(second.stdout).toContain('Early data was not sent');
  expect(backend.requests.map((request) => request.head.slice(0, 6))).toEqual(['GET / ', 'GET / ']);
  await rm(folder, { recursive: true });
});

test('other authorities for clients end the sessions of those before', async () => {
  await begin(undefined, { scheme: 'https', tls });
  const own = { cert: client.certPem, key: client.keyPem };
  const known = await sessionOf(plane, 'mtls.test', 'TLSv1.3', own);
  const strict = await startPlane({
    scheme: 'https',
    tls: { ...tls, clientAuth: [{ ...tls.clientAuth[0]!, caPem: authority.rootPem }] },
  });
  await expect(known.resume(strict.securePort, 'mtls.test')).rejects.toThrow();
  expect(await failureOf(strict.securePort, { servername: 'a.test' })).toBe('ok');
  await strict.close();
});
