/** What https listeners and ports of routes do, as the explainer tells it. */
import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { ListenerConfig } from '../../../../src/config/config.ts';
import type { Certificate } from '../../../../tls/certificate.ts';
import { certificateFor, createTestCa, type TestCa } from '../../../support/certificates.ts';
import { instance } from '../facts.ts';
import { ask, register, stage, tagged, web } from './stage.ts';

const secure: ListenerConfig = {
  ...web,
  name: 'secure',
  protocol: 'https',
  address: { host: '', port: 443 },
};
let ca: TestCa;
let certificates: Certificate[];

beforeAll(async () => {
  ca = await createTestCa();
  certificates = [await certificateFor(ca, ['a.test']), await certificateFor(ca, ['b.test'])];
});

beforeEach(() => {
  stage.listeners = [web, secure];
  stage.certificates = certificates;
});

describe('https', () => {
  test('the name in the URL is the name of the handshake', () => {
    tagged('fairlead:a.test/ https=redirect', 'fairlead:b.test/');
    expect(ask('https://a.test/x')).toMatchObject({ decision: 'forward', request: { listener: 'secure' } });
    expect(ask('http://a.test/x')).toMatchObject({ decision: 'redirect', location: 'https://a.test:8443/x' });
    const other = { decision: 'refuse', status: 421, reason: 'misdirected' };
    expect(ask('https://a.test/x', { header: 'Host: b.test' })).toMatchObject(other);
  });

  test('without a certificate there is no handshake', () => {
    tagged('fairlead:c.test/');
    expect(ask('https://c.test/')).toMatchObject({
      ...{ decision: 'refuse', reason: null, status: null, route: null },
      why: expect.stringContaining('no certificate for c.test'),
    });
  });

  test('a name that a route takes untouched is not ended here', () => {
    tagged('fairlead:sni:a.test', 'fairlead:a.test/');
    expect(ask('https://a.test/x')).toMatchObject({ decision: 'forward', route: 'sni:a.test', target: null });
    expect(ask('http://a.test/x')).toMatchObject({ decision: 'forward', route: 'a.test/' });
  });

  test('a token of an authority is answered by the router', () => {
    stage.challenges.set('t0ken', 'answer');
    tagged('fairlead:a.test/ https=redirect');
    const known = ask('a.test/.well-known/acme-challenge/t0ken');
    expect(known).toMatchObject({ decision: 'answer', status: 200, reason: null, candidates: [] });
    expect(ask('a.test/.well-known/acme-challenge/other').decision).toBe('forward');
  });

  test("clients' certificates", () => {
    stage.clientAuth = [{ hosts: ['a.test'], caPem: ca.rootPem, mode: 'required' }];
    tagged('fairlead:a.test/');
    expect(ask('https://a.test/')).toMatchObject({
      decision: 'forward',
      why: expect.stringContaining('certificate'),
    });
    expect(ask('http://a.test/')).toMatchObject({ decision: 'redirect' });
    const proxied = ask('http://a.test/', { client: '10.9.0.1', header: 'X-Forwarded-Proto: https' });
    expect(proxied).toMatchObject({ decision: 'refuse', reason: 'misdirected', status: 421 });
  });
});

describe('tcp and tls', () => {
  test('a port of its own', () => {
    tagged('fairlead:tcp:15000 deny=192.0.2.0/24');
    expect(ask('tcp://:15000')).toMatchObject({
      ...{ decision: 'forward', route: 'tcp:15000', pool: 'a', target: null },
      candidates: [{ route: 'tcp:15000', matched: true, why: 'every connection to the port' }],
      endpoints: [{ source: 'n/a-1' }],
    });
    expect(ask('tcp://edge.test:15000', { client: '192.0.2.1' })).toMatchObject({
      reason: 'denied',
      status: 403,
    });
    expect(ask('tcp://:15001')).toMatchObject({
      reason: 'no_route',
      why: 'no route has port 15001',
      candidates: [],
    });
  });

  test('a port that could not be opened, and one whose instances fail', () => {
    register('a', instance('a', 1, { tags: ['fairlead:tcp:15000'], health: 'critical' }));
    expect(ask('tcp://:15000')).toMatchObject({
      ...{ decision: 'refuse', reason: 'no_healthy_instance', status: 503 },
      excluded: [{ instance: 'n/a-1', status: 'critical' }],
    });
    stage.openPorts = { tcp: [], udp: [15_000] };
    expect(ask('tcp://:15000')).toMatchObject({ reason: null, why: expect.stringContaining('not open') });
  });

  test('UDP has ports of its own', () => {
    tagged('fairlead:udp:15000', 'fairlead:tcp:15001');
    expect(ask('udp://:15000')).toMatchObject({
      ...{ decision: 'forward', route: 'udp:15000' },
      candidates: [{ route: 'udp:15000', matched: true, why: 'every datagram to the port' }],
    });
    expect(ask('tcp://:15000')).toMatchObject({ reason: 'no_route', candidates: [] });
    expect(ask('udp://:15001')).toMatchObject({ reason: 'no_route', why: 'no route has port 15001' });
    stage.openPorts = { tcp: [15_000, 15_001], udp: [] };
    expect(ask('udp://:15000').why).toContain('not open');
  });

  test('server names on a port', () => {
    tagged('fairlead:sni:db.test:15000', 'fairlead:sni:*.test:15000', 'fairlead:sni:other.net:15000');
    const { route, candidates } = ask('tls://db.test:15000');
    expect(route).toBe('sni:db.test:15000');
    expect(candidates.map(({ route: id, why }) => [id, why])).toEqual([
      ['sni:db.test:15000', 'TLS for db.test'],
      ['sni:*.test:15000', 'takes it too, but sni:db.test:15000 comes first: it is closer to the name'],
      ['sni:other.net:15000', 'for other.net, not for db.test'],
    ]);
    expect(ask('tls://x.test:15000').route).toBe('sni:*.test:15000');
    expect(ask('tls://othe.net:15000')).toMatchObject({ reason: 'no_route', near: ['other.net'] });
    expect(ask('tcp://:15000').why).toBe('server names decide on port 15000: ask with tls://NAME:15000');
  });

  test('server names on the https listeners', () => {
    tagged('fairlead:sni:db.test listener=secure');
    expect(ask('tls://db.test')).toMatchObject({ decision: 'forward', route: 'sni:db.test @secure' });
    expect(ask('tls://db.test:443').decision).toBe('forward');
    expect(ask('tls://a.test').why).toContain('ends TLS itself');
    stage.listeners = [web, secure, { ...secure, name: 'other', address: { host: '', port: 444 } }];
    const { reason, candidates } = ask('tls://db.test', { listener: 'other' });
    expect([reason, candidates[0]!.why]).toEqual(['no_route', 'only on listener secure, not on other']);
  });

  test('without a port a name is looked for where a route takes it', () => {
    tagged('fairlead:sni:db.test:15001', 'fairlead:sni:*.test:15000', 'fairlead:sni:x.test');
    expect(ask('tls://db.test')).toMatchObject({ decision: 'forward', route: 'sni:*.test:15000' });
    expect(ask('tls://x.test')).toMatchObject({ decision: 'forward', route: 'sni:x.test' });
    expect(ask('tls://other.net').why).toContain('ends TLS itself');
    stage.listeners = [web];
    expect(ask('tls://db.test').route).toBe('sni:*.test:15000');
  });

  test.each([
    'tcp://',
    'tcp://:0',
    'tcp://:99999',
    'tcp://:15000/x',
    'tls://',
    'tls://a_*/',
    'tls://a.test/x',
  ])('%s is no such URL', (url) => {
    expect(() => ask(url)).toThrow('is not like');
  });

  test('without a listener for TLS a name needs a port', () => {
    stage.listeners = [web];
    expect(() => ask('tls://db.test')).toThrow('no listener speaks https');
    expect(() => ask('tls://db.test', { listener: 'web' })).toThrow('speaks no TLS');
  });
});
