/**
 * The same catalogs in the router itself, in HAProxy and in nginx, and the same requests to all three. The catalogs live
 * side by side below names of their own, so that three processes serve all of them.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Balance, Pool, Route, RouteOptions } from '../../../../router/model.ts';
import { skipExternal } from '../../../provision.ts';
import { type Backend, type BackendRequest, startBackend } from '../../../support/backend.ts';
import { Client } from '../../../support/client.ts';
import { type Plane, startPlane } from '../../../support/engine.ts';
import { freePorts } from '../../../support/ports.ts';
import { pool, type Running, route, startHaproxy, startRenderedNginx, state } from './stage.ts';

const CATALOGS = 200;
const REQUESTS_EACH = 4;

/** Mulberry32: the same catalogs on every run. */
function seeded(seed: number): () => number {
  let a = seed;
  return () => {
    a = (a + 0x6d2b79f5) | 0;
    let t = Math.imul(a ^ (a >>> 15), 1 | a);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

const random = seeded(20_15);
const oneOf = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)]!;
const maybe = <T>(share: number, value: T): T | undefined => (random() < share ? value : undefined);

const PATHS = [
  '/',
  '/api',
  '/api/v1',
  '/a',
  '/a%20b',
  '/x~y',
  '/a.b',
  '/api/',
  '/%C3%A4',
  "/o'x(1)",
  '/$x;y',
];
const TARGETS = [
  ...[
    '/',
    '/api',
    '/api/',
    '/apix',
    '/api/v1',
    '/api/v1/x?q=1',
    '/%61pi/z',
    '/a',
    '/a/b',
    '/a%20b',
    '/a%20b/c',
  ],
  ...['/x~y/1', '/x%7ey', '/%78%7Ey?z', '/a.b', '/a%2eb/k', '/aXb', '/api%2Fv1', '//api//v1', '/%c3%a4/1'],
  ...[
    "/o'x(1)/q",
    '/$x;y/r',
    '/a/../b',
    '/a/%2e%2e/b',
    '/.',
    '/bad%zz',
    '/nul%00',
    '/api?x=/../y',
    '/api./x',
    '/a..',
  ],
];

function optionsOf(path: string): RouteOptions {
  const strip = path === '/' ? undefined : (maybe(0.3, path) ?? maybe(0.05, '/a'));
  const prefix = maybe(0.2, oneOf(['/p', '/p%20q', '/$p/r']));
  const redirect = maybe(0.1, {
    status: oneOf([301, 302, 303, 307, 308]),
    location: oneOf(['https://n.test/x%20y', 'https://$host$path', 'https://n.test/z$path?k=1', '/there']),
  });
  const https = maybe(0.08, oneOf(['redirect', 'only'] as const));
  const [allow, deny] = [
    maybe(0.12, oneOf([['127.0.0.0/8'], ['10.0.0.0/8', '192.168.0.0/16'], ['10.0.0.0/8', '127.0.0.1/32']])),
    maybe(0.08, oneOf([['127.0.0.1/32'], ['10.0.0.0/8']])),
  ];
  const host = maybe(0.1, { kind: 'name' as const, name: 'inner.test' });
  const timeoutMs = maybe(0.05, 4000);
  const retry = maybe(0.05, 1);
  const all = { strip, prefix, redirect, https, allow, deny, host, timeoutMs, retry };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
}

function catalog(n: number): Route[] {
  const base = `c${n}.test`;
  const hosts = [base, `a.${base}`, `*.${base}`, `*.b.${base}`];
  const routes = Array.from({ length: 1 + Math.floor(random() * 6) }, () => {
    const match = oneOf(['segment', 'segment', 'segment', 'exact', 'text'] as const);
    const raw = oneOf(PATHS);
    const path = match === 'segment' && raw !== '/' ? raw.replace(/\/$/, '') : raw;
    const methods = maybe(0.2, oneOf([['GET'], ['POST'], ['GET', 'POST'], ['PURGE']])) ?? null;
    const priority = maybe(0.15, oneOf([5, -3])) ?? 0;
    return route(
      { host: oneOf(hosts), path, match, methods, priority },
      optionsOf(path),
      oneOf(['one', 'two', 'both', 'none']),
    );
  });
  return [...new Map(routes.map((each) => [each.id, each])).values()];
}

interface Ask {
  readonly host: string;
  readonly path: string;
  readonly method: string;
}

function asksFor(n: number): Ask[] {
  return Array.from({ length: REQUESTS_EACH }, () => ({
    host: `${oneOf(['', 'a.', 'z.', 'b.', 'y.b.', 'A.'])}${oneOf(['c', 'C'])}${n}.test${oneOf(['', ':80', ''])}`,
    path: oneOf(TARGETS),
    method: oneOf(['GET', 'GET', 'POST', 'PURGE']),
  }));
}

const routes = Array.from({ length: CATALOGS }, (_, n) => catalog(n)).flat();
// Some that take any host, of paths that nobody else has.
routes.push(route({ path: '/any' }, {}, 'one'), route({ path: '/any/more' }, { strip: '/any' }, 'two'));
const asks = Array.from({ length: CATALOGS }, (_, n) => asksFor(n)).flat();
asks.push(
  { host: 'else.test', path: '/any/x', method: 'GET' },
  { host: 'c1.test', path: '/any/more/y', method: 'GET' },
);
asks.push({ host: 'else.test', path: '/nothing', method: 'GET' });

describe.skipIf(skipExternal)(`${CATALOGS} catalogs`, () => {
  const backends: Backend[] = [];
  let plane: Plane;
  let programs: Running[] = [];
  let ports: number[] = [];

  beforeAll(async () => {
    for (const name of ['one', 'two']) {
      const handler = (request: BackendRequest, reply: { send(m: object): unknown }) =>
        reply.send({ body: seen(request) });
      backends.push(await startBackend({ name, handler }));
    }
    const [one, two] = backends.map(({ port }) => port) as [number, number];
    const balance: Balance = { kind: 'rr' };
    const pools: Record<string, number[]> = { one: [one], two: [two], both: [one, two], none: [] };
    const facts: Pool[] = Object.entries(pools).map(([name, each]) => pool(name, each, { balance }));
    const [a, b] = (await freePorts(2)) as [number, number];
    plane = await startPlane({
      routes: routes.map(({ rule, options, pool }) => ({ ...rule, options, pool })),
      pools,
      balance,
      tls: { redirectPort: 8443 },
    });
    programs = await Promise.all([
      startHaproxy(state({ port: a, routes, pools: facts }), a),
      startRenderedNginx(state({ port: b, routes, pools: facts }), b),
    ]);
    ports = [plane.port, a, b];
  }, 60_000);
  afterAll(async () => {
    await Promise.all([
      plane?.close(),
      ...programs.map((each) => each.stop()),
      ...backends.map((each) => each.close()),
    ]);
  });

  it('get the same answers from the router, HAProxy and nginx', async () => {
    const [router, haproxy, nginx] = await Promise.all(ports.map((port) => answers(port)));
    const counts = Map.groupBy(router!, ({ status }) => status);
    // The catalogs must be worth the comparison.
    for (const status of [200, 308, 400, 403, 404, 503])
      expect(counts.get(status)?.length ?? 0).toBeGreaterThan(2);
    for (const [name, others] of [
      ['HAProxy', haproxy!],
      ['nginx', nginx!],
    ] as const) {
      const differing = asks.flatMap((ask, at) =>
        JSON.stringify(others[at]) === JSON.stringify(router![at])
          ? []
          : [{ name, ask, got: others[at], want: router![at] }],
      );
      expect(differing.slice(0, 5), `${differing.length} differ`).toEqual([]);
    }
  }, 60_000);
});

interface Seen {
  readonly status: number;
  readonly reason: string | undefined;
  readonly retryAfter: string | undefined;
  readonly location: string | undefined;
  readonly body: string;
}

/** What the instance is told, as far as it is the same whoever tells it. */
function seen(request: BackendRequest): string {
  const { target, method } = request;
  const names = [
    'host',
    'x-forwarded-for',
    'x-forwarded-proto',
    'x-forwarded-host',
    'x-forwarded-prefix',
    'x-real-ip',
  ];
  const fields = Object.fromEntries(names.map((name) => [name, request.header(name)]));
  const hasId = request.header('x-request-id') !== undefined && request.header('x-request-id') !== 'mine';
  return JSON.stringify({
    target: normal(target),
    method,
    ...fields,
    hasId,
    forwarded: request.header('forwarded'),
  });
}

/** Where a path is rewritten the router sends the rest of it in normal form, the others as it came: equal by RFC 3986, 6.2.2. */
function normal(target: string): string {
  const [path = '', ...query] = target.split('?');
  const text = path
    .replace(/%[0-9a-f]{2}/gi, (triplet) => {
      const char = String.fromCharCode(Number.parseInt(triplet.slice(1), 16));
      return /[A-Za-z0-9._~-]/.test(char) ? char : triplet.toUpperCase();
    })
    .replace(/\/+/g, '/');
  return [text, ...query].join('?');
}

async function answers(port: number): Promise<Seen[]> {
  const client = new Client(port);
  const all: Seen[] = [];
  for (const { host, path, method } of asks) {
    const headers = {
      'X-Forwarded-For': '9.9.9.9',
      'X-Real-IP': '9.9.9.9',
      Forwarded: 'for=9',
      'X-Request-ID': 'mine',
    };
    const answer = await client.request({ host, path, method, headers });
    const { status, headers: fields } = answer;
    const location = fields.get('location');
    // Both programs refuse some malformed paths themselves, with an answer of their own.
    const reason = status === 400 ? 'bad_request' : fields.get('x-fairlead-reason');
    const where = location?.replace(
      /^(https?:\/\/[^/]*)?(.*)$/,
      (_, origin = '', rest: string) => origin + normal(rest),
    );
    all.push({
      status,
      reason,
      retryAfter: fields.get('retry-after'),
      location: where,
      body: status === 200 ? answer.body : '',
    });
  }
  client.close();
  return all;
}
