/** What the upstream is told, and what routes do to a request. */
import { describe, expect, test } from 'vitest';
import type { BackendRequest } from '../../support/backend.ts';
import { get, rawRequest } from '../../support/client.ts';
import { head, type PlaneOptions } from '../../support/engine.ts';
import { backend, begin, plane } from './stage.ts';

const TRUSTED: PlaneOptions = { trustedProxies: ['127.0.0.0/8', '10.0.0.0/8'] };

/** Sends one request with these fields and returns it as the backend saw it. */
async function seen(fields: string[], options: PlaneOptions = {}, start = 'GET / HTTP/1.1') {
  await begin(undefined, options);
  const { responses } = await rawRequest(plane.port, head(start, ...fields), { until: 1 });
  expect(responses.map((one) => one.status)).toEqual([200]);
  return backend.requests[0]!;
}

/** All values of a field, in any case. */
function all(request: BackendRequest, name: string): string[] {
  return request.fields.filter(([given]) => given.toLowerCase() === name).map(([, value]) => value);
}

const IDENTITY = [
  'X-Forwarded-For: 6.6.6.6',
  'x-forwarded-for: 7.7.7.7',
  'X-Forwarded-Proto: https',
  'X-Forwarded-Host: evil',
  'X-Forwarded-Port: 1',
  'X-Forwarded-Prefix: /evil',
  'X-Real-IP: 6.6.6.6',
  'Forwarded: for=6.6.6.6',
  'X-Request-ID: mine',
];

describe('who the client is', () => {
  test('what an untrusted client says of itself is replaced (D01)', async () => {
    const request = await seen(['Host: A.test:81', ...IDENTITY]);
    expect(request.head).not.toMatch(/6\.6\.6\.6|7\.7\.7\.7|evil|mine/);
    expect(all(request, 'x-forwarded-for')).toEqual(['127.0.0.1']);
    expect(all(request, 'x-forwarded-proto')).toEqual(['http']);
    expect(all(request, 'x-forwarded-host')).toEqual(['A.test:81']);
    expect(all(request, 'x-forwarded-port')).toEqual(['8080']);
    expect(all(request, 'x-real-ip')).toEqual(['127.0.0.1']);
    expect(all(request, 'x-request-id')[0]).toMatch(/^[0-9a-f]{32}$/);
    expect(all(request, 'x-forwarded-prefix')).toEqual([]);
    expect(all(request, 'forwarded')).toEqual([]);
  });

  test('what a trusted proxy says is kept and continued (D02)', async () => {
    const request = await seen(['Host: a', ...IDENTITY], TRUSTED);
    expect(all(request, 'x-forwarded-for')).toEqual(['6.6.6.6, 7.7.7.7, 127.0.0.1']);
    expect(all(request, 'x-forwarded-proto')).toEqual(['https']);
    expect(all(request, 'x-forwarded-host')).toEqual(['evil']);
    expect(all(request, 'x-forwarded-port')).toEqual(['1']);
    expect(all(request, 'x-real-ip')).toEqual(['7.7.7.7']);
    expect(all(request, 'x-request-id')).toEqual(['mine']);
    expect(all(request, 'forwarded')).toEqual(['for=6.6.6.6']);
  });

  test.each([
    ['1.1.1.1, 10.0.0.2', '1.1.1.1', '1.1.1.1, 10.0.0.2, 127.0.0.1'],
    ['1.1.1.1, 2.2.2.2, 10.0.0.2', '2.2.2.2', '1.1.1.1, 2.2.2.2, 10.0.0.2, 127.0.0.1'],
    ['10.0.0.3', '10.0.0.3', '10.0.0.3, 127.0.0.1'],
    ['1.1.1.1, unknown, 10.0.0.2', '10.0.0.2', '1.1.1.1, 10.0.0.2, 127.0.0.1'],
    ['_hidden', '127.0.0.1', '127.0.0.1'],
    ['::ffff:1.2.3.4', '1.2.3.4', '::ffff:1.2.3.4, 127.0.0.1'],
    ['1.2.3.4:5678', '1.2.3.4', '1.2.3.4:5678, 127.0.0.1'],
    ['[2001:db8::1]:80', '2001:db8::1', '[2001:db8::1]:80, 127.0.0.1'],
    ['<script>', '127.0.0.1', '127.0.0.1'],
  ])('behind a trusted proxy, %j is %s (D02)', async (chain, client, forwarded) => {
    const request = await seen(['Host: a', `X-Forwarded-For: ${chain}`], TRUSTED);
    expect(all(request, 'x-real-ip')).toEqual([client]);
    expect(all(request, 'x-forwarded-for')).toEqual([forwarded]);
  });

  test('a request id that is not sane is replaced, also from a trusted proxy', async () => {
    const request = await seen(['Host: a', `X-Request-ID: ${'a'.repeat(129)}`], TRUSTED);
    expect(all(request, 'x-request-id')[0]).toMatch(/^[0-9a-f]{32}$/);
  });

  test('our fields cannot be nominated away (D03)', async () => {
    const nominated = 'Connection: close, X-Forwarded-For, x-real-ip, X-REQUEST-ID, X-Secret, Host';
    const request = await seen(['Host: a', nominated, 'X-Secret: 1', 'X-Real-IP: 6.6.6.6']);
    expect(all(request, 'x-forwarded-for')).toEqual(['127.0.0.1']);
    expect(all(request, 'x-real-ip')).toEqual(['127.0.0.1']);
    expect(all(request, 'x-request-id').length).toBe(1);
    expect(all(request, 'host')).toEqual(['a']);
    expect(all(request, 'x-secret')).toEqual([]);
    expect(all(request, 'connection')).toEqual([]);
  });

  test('spellings that some servers read as ours are dropped (D05)', async () => {
    const request = await seen([
      'Host: a',
      'X_Forwarded_For: 6.6.6.6',
      'X.Real.IP: 6.6.6.6',
      'X-Forwarded_Proto: https',
      'Content_Length: 9',
      'Transfer_Encoding: chunked',
      'X_Other: stays',
    ]);
    expect(request.fields.map(([name]) => name).filter((name) => /[_.]/.test(name))).toEqual(['X_Other']);
  });

  test('hop-by-hop fields and the httpoxy field are removed (D06, D07)', async () => {
    const request = await seen([
      'Host: a',
      'Keep-Alive: timeout=5',
      'Proxy-Connection: keep-alive',
      'Proxy-Authorization: Basic x',
      'TE: gzip',
      'Proxy: http://evil',
      'Trailer: X',
      'X-HTTP-Method-Override: DELETE',
    ]);
    const names = request.fields.map(([name]) => name.toLowerCase());
    expect(names).toEqual([
      ...['host', 'x-http-method-override', 'x-forwarded-for', 'x-forwarded-proto', 'x-forwarded-host'],
      ...['x-forwarded-port', 'x-real-ip', 'x-request-id'],
    ]);
  });

  test('everything else arrives byte for byte, in order (D20)', async () => {
    const fields = ['Host: a', 'accept-ENCODING: br, gzip', 'Range: bytes=0-1', 'If-None-Match: "x"'];
    const request = await seen([...fields, 'X-A: 1', 'X-B: \xe9', 'X-A: 2', 'Cookie: a=b; c=d']);
    const rest = '\r\naccept-ENCODING: br, gzip\r\nRange: bytes=0-1\r\nIf-None-Match: "x"\r\nX-A: 1\r\n';
    expect(request.head).toContain(`GET / HTTP/1.1\r\nHost: a${rest}`);
    expect(all(request, 'x-a')).toEqual(['1', '2']);
    expect(all(request, 'cookie')).toEqual(['a=b; c=d']);
  });
});

describe('the address of a request', () => {
  test.each(['Exa_mple.COM.', 'example.com:443', '[::1]:80', 'xn--bcher-kva.example', '1.2.3.4'])(
    'Host %s is passed on byte for byte (D14)',
    async (host) => {
      expect((await seen([`Host: ${host}`])).header('host')).toBe(host);
    },
  );

  test.each(['/a%2Fb%3Fc%23d%25e%5Cf?%2f&a=b?c', '//a///b', '/%61', '/a;b=c/d,e', '/\\a', '/"<>^`{|}'])(
    'the target %s is passed on byte for byte',
    async (target) => {
      expect((await seen(['Host: a'], {}, `GET ${target} HTTP/1.1`)).target).toBe(target);
    },
  );

  test.each([
    [{ strip: '/api' }, '/api/x?y=%2F', '/x?y=%2F', '/api'],
    [{ strip: '/api' }, '/api', '/', '/api'],
    [{ strip: '/api' }, '/api?q', '/?q', '/api'],
    [{ strip: '/api' }, '/api/a%2Fb', '/a%2Fb', '/api'],
    [{ strip: '/api', prefix: '/v2' }, '/api/x', '/v2/x', '/api'],
    [{ prefix: '/v2' }, '/api/x?q', '/v2/api/x?q', undefined],
    [{ prefix: '/v2' }, '//api//x', '/v2/api/x', undefined],
  ])('%j makes of %s %s', async (options, target, expected, prefix) => {
    const request = await seen(
      ['Host: a'],
      { routes: [{ path: '/api', options }] },
      `GET ${target} HTTP/1.1`,
    );
    expect(request.target).toBe(expected);
    expect(request.header('x-forwarded-prefix')).toBe(prefix);
  });

  test('host=instance and a fixed name set Host and keep the received one beside it', async () => {
    await begin();
    plane.setRoutes([
      { path: '/i', options: { host: { kind: 'instance' } } },
      { path: '/n', options: { host: { kind: 'name', name: 'fixed.test' } } },
    ]);
    for (const path of ['/i', '/n']) await get(plane.port, { path, host: 'A.test' });
    expect(backend.requests.map((request) => request.header('host'))).toEqual([
      `127.0.0.1:${backend.port}`,
      'fixed.test',
    ]);
    expect(backend.requests.map((request) => request.header('x-forwarded-host'))).toEqual([
      'A.test',
      'A.test',
    ]);
  });
});

describe('routes that answer by themselves', () => {
  test('redirects name the status, the path and the query', async () => {
    await begin(undefined, {
      routes: [
        {
          path: '/old',
          pool: null,
          options: { redirect: { status: 301, location: 'https://$host/new$path' } },
        },
        { path: '/fix', pool: null, options: { redirect: { status: 302, location: 'https://b/?x' } } },
      ],
    });
    const moved = await get(plane.port, { path: '/old/a?b=c', host: 'A.test:80' });
    expect([moved.status, moved.headers.get('location')]).toEqual([301, 'https://a.test/new/old/a?b=c']);
    const fixed = await get(plane.port, { path: '/fix?q' });
    expect([fixed.status, fixed.headers.get('location')]).toEqual([302, 'https://b/?x']);
    expect(backend.requests).toEqual([]);
  });

  test('https=redirect sends to the same address, https=only does not exist on plain listeners', async () => {
    await begin(undefined, {
      ...TRUSTED,
      routes: [
        { path: '/r', options: { https: 'redirect' } },
        { path: '/o', options: { https: 'only' } },
      ],
    });
    const moved = await get(plane.port, { path: '/r/%2F?a=b', host: 'x.test:8080' });
    expect([moved.status, moved.headers.get('location')]).toEqual([308, 'https://x.test/r/%2F?a=b']);
    expect((await get(plane.port, { path: '/o' })).status).toBe(404);
    const headers = { 'X-Forwarded-Proto': 'https' };
    expect((await get(plane.port, { path: '/r', headers })).status).toBe(200);
    expect((await get(plane.port, { path: '/o', headers })).status).toBe(200);
    const nameless = await rawRequest(plane.port, head('GET /r HTTP/1.0'));
    expect(nameless.responses[0]!.status).toBe(400);
  });

  test('an untrusted client cannot claim https', async () => {
    await begin(undefined, { routes: [{ options: { https: 'redirect' } }] });
    expect((await get(plane.port, { headers: { 'X-Forwarded-Proto': 'https' } })).status).toBe(308);
  });

  test('allow and deny are about the client behind trusted proxies', async () => {
    await begin(undefined, {
      ...TRUSTED,
      routes: [
        { path: '/allow', options: { allow: ['1.2.3.0/24', '2001:db8::/32'] } },
        { path: '/deny', options: { deny: ['1.2.3.4'] } },
      ],
    });
    const ask = async (path: string, client: string) =>
      (await get(plane.port, { path, headers: { 'X-Forwarded-For': client } })).status;
    expect(await ask('/allow', '1.2.3.9')).toBe(200);
    expect(await ask('/allow', '2001:db8::7')).toBe(200);
    expect(await ask('/allow', '1.2.4.9')).toBe(403);
    expect(await ask('/allow', '1.2.3.9, 9.9.9.9')).toBe(403);
    expect(await ask('/deny', '1.2.3.4')).toBe(403);
    expect(await ask('/deny', '::ffff:1.2.3.4')).toBe(403);
    expect(await ask('/deny', '1.2.3.5')).toBe(200);
  });

  test('methods, hosts and segments decide who answers (D11, D14)', async () => {
    await begin(undefined, {
      routes: [
        { host: 'a.test', path: '/adm' },
        { host: '*.example.com', path: '/' },
        { host: 'm.test', methods: ['GET', 'HEAD'] },
      ],
    });
    const ask = async (host: string, path: string, method = 'GET') =>
      (await get(plane.port, { host, path, method })).status;
    expect(await ask('A.TEST.:99', '/adm/x')).toBe(200);
    expect(await ask('a.test', '/admin')).toBe(404);
    expect(await ask('a.test', '//%61dm')).toBe(200);
    expect(await ask('x.y.example.com', '/')).toBe(200);
    expect(await ask('evil-example.com', '/')).toBe(404);
    expect(await ask('example.com', '/')).toBe(404);
    expect(await ask('m.test', '/', 'POST')).toBe(404);
  });
});
