/** What TLS adds to routing: redirects to it, HSTS, and the challenges of an ACME authority. */
import { describe, expect, test } from 'vitest';
import { createTestCa } from '../../../support/certificates.ts';
import { get } from '../../../support/client.ts';
import { failureOf, shake } from '../../../support/secure.ts';
import { backend, begin, plane } from '../stage.ts';

const PATH = '/.well-known/acme-challenge/';

describe('https=redirect', () => {
  test.each([
    [443, 'https://a.test/x?y'],
    [8443, 'https://a.test:8443/x?y'],
  ])('names the port of TLS when that is %i', async (redirectPort, location) => {
    await begin(undefined, {
      ...{ scheme: 'http', routes: [{ options: { https: 'redirect' } }] },
      tls: { redirectPort, hsts: 'max-age=1' },
    });
    const answer = await get(plane.port, { path: '/x?y', host: 'A.test:8080' });
    expect([answer.status, answer.headers.get('location')]).toEqual([308, location]);
    // RFC 6797, 7.2: never over plain HTTP.
    expect(answer.headers.has('strict-transport-security')).toBe(false);
  });

  test('is done with on a TLS listener, which says so for the future', async () => {
    await begin(undefined, {
      ...{ scheme: 'https', tls: { hsts: 'max-age=60; includeSubDomains' } },
      routes: [
        { options: { https: 'redirect' } },
        { path: '/only', options: { https: 'only' } },
        { path: '/free' },
      ],
    });
    const hstsOf = async (path: string) =>
      (await get(plane.port, { path })).headers.get('strict-transport-security');
    expect(await hstsOf('/')).toBe('max-age=60; includeSubDomains');
    expect(await hstsOf('/only')).toBe('max-age=60; includeSubDomains');
    expect(await hstsOf('/free')).toBeUndefined();
    backend.handler = (_, reply) => reply.send({ fields: [['Strict-Transport-Security', 'max-age=0']] });
    expect(await hstsOf('/')).toBe('max-age=0');
    plane.setPools({ main: [] });
    expect(await hstsOf('/')).toBe('max-age=60; includeSubDomains');
  });
});

describe('a challenge', () => {
  test('for http-01 is answered before any routing (C19)', async () => {
    await begin(undefined, { scheme: 'http', routes: [{ options: { https: 'redirect' } }] });
    plane.engine.challenges = new Map([['to-ken_1', 'to-ken_1.thumb']]);
    const answer = await get(plane.port, { path: `${PATH}to-ken_1`, host: 'any.test' });
    expect([answer.status, answer.body]).toEqual([200, 'to-ken_1.thumb']);
    expect(backend.requests).toEqual([]);
    // Another token is the application's business, and not sent to TLS either.
    expect((await get(plane.port, { path: `${PATH}unknown` })).body).toBe('b1');
    expect((await get(plane.port, { path: `${PATH}../to-ken_1` })).status).toBe(400);
    expect((await get(plane.port, { path: `${PATH}%2e%2e/x` })).status).toBe(400);
    plane.engine.challenges = new Map();
    plane.setRoutes([], ['/']);
    expect((await get(plane.port, { path: `${PATH}to-ken_1` })).status).toBe(404);
  });

  test('for tls-alpn-01 has its own certificate, for its name alone', async () => {
    const authority = await createTestCa();
    const own = await authority.certificate('a.test', 'b.test');
    await begin(undefined, { scheme: 'https', tls: { certificates: [own] } });
    const challenge = await authority.challenge('a.test');
    plane.engine.profiles.setChallenges([challenge]);
    for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
      const options = { minVersion: version, maxVersion: version, servername: 'a.test' };
      const asked = await shake(plane.securePort, { ...options, ALPNProtocols: ['acme-tls/1'] });
      expect([asked.protocol, asked.socket.getPeerX509Certificate()!.toString()]).toEqual([
        'acme-tls/1',
        challenge.certPem,
      ]);
      await new Promise((resolve) => asked.socket.resume().on('close', resolve));
      const usual = await shake(plane.securePort, { ...options, ALPNProtocols: ['http/1.1', 'acme-tls/1'] });
      expect(usual.socket.getPeerX509Certificate()!.toString()).toBe(own.certPem);
      usual.close();
    }
    const wrong = { servername: 'b.test', ALPNProtocols: ['acme-tls/1'] };
    expect(await failureOf(plane.securePort, wrong)).toMatch(/NO_APPLICATION_PROTOCOL/);
    plane.engine.profiles.setChallenges([]);
    const late = { servername: 'a.test', ALPNProtocols: ['acme-tls/1'] };
    expect(await failureOf(plane.securePort, late)).toMatch(/NO_APPLICATION_PROTOCOL/);
  });
});
