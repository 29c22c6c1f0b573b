import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { compileGlob } from '../../router/hosts.ts';
import { keyOf } from '../../router/members.ts';
import type { Route, Rule } from '../../router/model.ts';
import { isGlob, Table } from '../../router/table.ts';

function route(host: string, path: string, more: Partial<Rule> = {}): Route {
  const rule: Rule = { host, path, match: 'segment', methods: null, listeners: null, priority: 0, ...more };
  return {
    id: keyOf(rule),
    rule,
    pool: null,
    service: '',
    options: {},
    source: { provider: 'consul', service: '', instances: [], text: '' },
  };
}

function tableOf(...routes: readonly Route[]): Table {
  const table = new Table();
  for (const each of routes) table.set(each);
  return table;
}

/** Id of the winner, the same whatever the order in which the routes came. */
function winner(
  routes: readonly Route[],
  url: string,
  { method = 'GET', listener = 'web' } = {},
): string | null {
  const slash = url.indexOf('/');
  const ask = (table: Table): string | null =>
    table.match(url.slice(0, slash), url.slice(slash), method, listener)?.id ?? null;
  const found = ask(tableOf(...routes));
  expect(ask(tableOf(...[...routes].reverse()))).toBe(found);
  return found;
}

describe('hosts', () => {
  const routes = [
    route('', '/'),
    route('a.example.com', '/'),
    route('*.example.com', '/'),
    route('*.b.example.com', '/'),
    route('x*.com', '/'),
    route('?.com', '/'),
  ];

  test.each([
    ['a.example.com/', 'a.example.com/'],
    ['c.example.com/', '*.example.com/'],
    ['c.d.example.com/', '*.example.com/'],
    ['c.b.example.com/', '*.b.example.com/'],
    ['b.example.com/', '*.example.com/'],
    ['x.a.example.com/', '*.example.com/'],
    ['example.com/', '/'],
    ['xyz.com/', 'x*.com/'],
    ['x.com/', '?.com/'],
    ['y.com/', '?.com/'],
    ['aexample.com/', '/'],
    ['/', '/'],
    ['[2001:db8::1]/', '/'],
  ])('%s goes to %s', (url, id) => {
    expect(winner(routes, url)).toBe(id);
  });

  test('without a route for any host there may be none', () => {
    expect(winner([route('a.com', '/')], 'b.com/')).toBeNull();
    expect(new Table().match('a.com', '/', 'GET', 'web')).toBeNull();
  });

  test('a host none of whose paths takes the request leaves it to the next', () => {
    const some = [route('a.b.com', '/x'), route('*.b.com', '/y'), route('*b*', '/z'), route('', '/')];
    expect(winner(some, 'a.b.com/x')).toBe('a.b.com/x');
    expect(winner(some, 'a.b.com/y')).toBe('*.b.com/y');
    expect(winner(some, 'a.b.com/z')).toBe('*b*/z');
    expect(winner(some, 'a.b.com/w')).toBe('/');
  });

  test('globs come by their reversed text, descending, as in Fabio', () => {
    const globs = [
      route('a*.b.com', '/'),
      route('*a*.b.com', '/'),
      route('*', '/'),
      route('{a,c}1.b.com', '/'),
    ];
    expect(winner(globs, 'a1.b.com/')).toBe('{a,c}1.b.com/');
    expect(winner(globs, 'a2.b.com/')).toBe('*a*.b.com/');
    expect(winner(globs, 'xa1.b.com/')).toBe('*a*.b.com/');
    expect(winner(globs, 'other/')).toBe('*/');
  });

  test('a glob that does not compile takes nothing', () => {
    expect(winner([route('[z-a].com', '/')], '[z-a].com/')).toBeNull();
  });

  test.each([
    ['a.com', false],
    ['*.a.com', false],
    ['', false],
    ['[2001:db8::1]', false],
    ['*', true],
    ['*.a*.com', true],
    ['a?.com', true],
    ['{a,b}.com', true],
    ['[ab].com', true],
  ])('is %j a glob? %s', (host, expected) => {
    expect(isGlob(host)).toBe(expected);
  });
});

describe('paths', () => {
  const routes = [
    route('', '/'),
    route('', '/api'),
    route('', '/api/v2'),
    route('', '/api', { match: 'exact' }),
    route('', '/api/v2/', { match: 'exact' }),
    route('', '/text/', { match: 'text' }),
    route('', '/te', { match: 'text' }),
  ];

  test.each([
    ['/', '/'],
    ['/api', '/api exact'],
    ['/api/', '/api'],
    ['/api/x', '/api'],
    ['/apix', '/'],
    ['/api/v2', '/api/v2'],
    ['/api/v2/', '/api/v2/ exact'],
    ['/api/v2/x/y/', '/api/v2'],
    ['/api/v22', '/api'],
    ['/text/x', '/text/ prefix'],
    ['/text', '/te prefix'],
    ['/test', '/te prefix'],
    ['/t', '/'],
    ['/API', '/'],
  ])('%s goes to %s', (path, id) => {
    expect(winner(routes, path)).toBe(id);
  });

  test('of one length, segments come before plain text, exact before both', () => {
    const same = [route('', '/a', { match: 'text' }), route('', '/a'), route('', '/a', { match: 'exact' })];
    expect(winner(same, '/a')).toBe('/a exact');
    expect(winner(same, '/a/b')).toBe('/a');
    expect(winner(same, '/ab')).toBe('/a prefix');
    const named = [route('', '/a', { match: 'text', methods: ['GET'] }), route('', '/a')];
    expect(winner(named, '/a')).toBe('/a');
  });

  test('the longer prefix wins, whichever way it matches', () => {
    const both = [
      route('', '/a/b'),
      route('', '/a/', { match: 'text' }),
      route('', '/a/bc', { match: 'text' }),
    ];
    expect(winner(both, '/a/b/c')).toBe('/a/b');
    expect(winner(both, '/a/bcd')).toBe('/a/bc prefix');
    expect(winner(both, '/a/x')).toBe('/a/ prefix');
  });

  test('a path without a leading slash belongs to nobody', () => {
    expect(tableOf(route('', '/')).match('a.com', '', 'GET', 'web')).toBeNull();
  });

  test('a very deep path costs no more than the prefixes there are', () => {
    const deep = `/${'a/'.repeat(100_000)}`;
    const table = tableOf(route('', '/'), route('', '/b'), route('', deep.slice(0, 4001), { match: 'text' }));
    for (let i = 0; i < 2_000; i++) expect(table.match('', deep, 'GET', 'web')!.id).toHaveLength(4008);
    table.drop(table.match('', deep, 'GET', 'web')!.id);
    for (let i = 0; i < 20_000; i++) table.match('', deep, 'GET', 'web');
    expect(table.match('', deep, 'GET', 'web')!.id).toBe('/');
  });
});

describe('methods and listeners', () => {
  const routes = [
    route('', '/'),
    route('', '/a', { methods: ['POST'] }),
    route('', '/a/b', { listeners: ['internal'] }),
    route('', '/a/b', { methods: ['GET'], listeners: ['internal'] }),
  ];

  test.each([
    ['/a/b', 'GET', 'internal', '/a/b GET @internal'],
    ['/a/b', 'PUT', 'internal', '/a/b @internal'],
    ['/a/b', 'POST', 'web', '/a POST'],
    ['/a/b', 'GET', 'web', '/'],
    ['/a', 'GET', 'internal', '/'],
  ])('%s by %s on %s goes to %s', (path, method, listener, id) => {
    expect(winner(routes, path, { method, listener })).toBe(id);
  });

  test('methods are told apart by case', () => {
    expect(winner([route('', '/', { methods: ['GET'] })], '/', { method: 'get' })).toBeNull();
  });

  test('ties are decided by the id', () => {
    const tied = [route('', '/', { methods: ['GET', 'PUT'] }), route('', '/', { methods: ['GET', 'POST'] })];
    expect(winner(tied, '/')).toBe('/ GET,POST');
    expect(winner(tied, '/', { method: 'PUT' })).toBe('/ GET,PUT');
  });
});

describe('priorities', () => {
  test('a higher one beats host and path', () => {
    const routes = [
      route('a.com', '/x', { match: 'exact' }),
      route('*.com', '/', { priority: 1 }),
      route('', '/x/y', { priority: 2, methods: ['POST'] }),
    ];
    expect(winner(routes, 'a.com/x')).toBe('*.com/');
    expect(winner(routes, 'b.com/x')).toBe('*.com/');
    expect(winner(routes, 'a.com/x/y', { method: 'POST' })).toBe('/x/y POST');
  });

  test('a negative one stands back behind everything', () => {
    const routes = [route('a.com', '/', { priority: -1 }), route('', '/', { priority: -2 })];
    expect(winner(routes, 'a.com/')).toBe('a.com/');
    expect(winner(routes, 'b.com/')).toBe('/');
    expect(winner([...routes, route('*', '/')], 'a.com/')).toBe('*/');
    expect(winner([route('', '/a', { priority: -1 }), route('', '/')], '/a')).toBe('/');
  });

  test('equal ones are compared as usual', () => {
    const routes = [route('', '/', { priority: 5 }), route('', '/a', { priority: 5 }), route('a.com', '/')];
    expect(winner(routes, 'a.com/a')).toBe('/a');
    expect(winner(routes, 'a.com/b')).toBe('/');
  });

  test('one among methods of the same path', () => {
    const routes = [route('', '/', { methods: ['GET'] }), route('', '/', { priority: 1 })];
    expect(winner(routes, '/')).toBe('/');
  });
});

describe('changes', () => {
  test('set replaces, drop returns what was there', () => {
    const table = new Table();
    const first = route('a.com', '/');
    const second = { ...first, service: 'second' };
    table.set(first);
    table.set(second);
    expect(table.size).toBe(1);
    expect(table.get('a.com/')).toBe(second);
    expect(table.match('a.com', '/', 'GET', 'web')).toBe(second);
    expect([...table.routes()]).toEqual([second]);
    expect(table.drop('a.com/')).toBe(second);
    expect(table.drop('a.com/')).toBeUndefined();
    expect(table.match('a.com', '/', 'GET', 'web')).toBeNull();
  });

  test('a route may change its host, path and priority under its id', () => {
    const table = tableOf(route('a.com', '/'));
    table.set({ ...route('b.com', '/x', { priority: 3 }), id: 'a.com/' });
    expect(table.match('a.com', '/x', 'GET', 'web')).toBeNull();
    expect(table.match('b.com', '/x', 'GET', 'web')!.rule.priority).toBe(3);
  });

  test('clear leaves nothing', () => {
    const table = tableOf(
      route('a.com', '/'),
      route('*.com', '/', { priority: 1 }),
      route('*', '/'),
      route('', '/'),
    );
    table.clear();
    expect(table.size).toBe(0);
    expect(table.match('a.com', '/', 'GET', 'web')).toBeNull();
    expect(table.candidates('a.com')).toEqual([]);
  });

  test('many plain prefixes without a host are set in linear time', () => {
    const table = new Table();
    for (let i = 0; i < 20_000; i++) table.set(route('', `/service-${i}`, { match: 'text' }));
    expect(table.match('', '/service-12345', 'GET', 'web')!.id).toBe('/service-12345 prefix');
    for (let i = 0; i < 20_000; i++) table.drop(`/service-${i} prefix`);
    expect(table.size).toBe(0);
  });
});

test('candidates are listed in the order of precedence', () => {
  const table = tableOf(
    route('', '/'),
    route('', '/a', { priority: 1 }),
    route('a.b.com', '/'),
    route('a.b.com', '/x'),
    route('a.b.com', '/x', { methods: ['GET'] }),
    route('a.b.com', '/', { match: 'exact' }),
    route('*.b.com', '/'),
    route('*.com', '/', { priority: -1 }),
    route('a*', '/'),
    route('c.com', '/'),
  );
  expect(table.candidates('a.b.com').map(({ id }) => id)).toEqual([
    '/a',
    'a.b.com/ exact',
    'a.b.com/x GET',
    'a.b.com/x',
    'a.b.com/',
    '*.b.com/',
    'a*/',
    '/',
    '*.com/',
  ]);
});

/** The documented rules, taken literally: everything that matches, best first. */
function reference(
  routes: readonly Route[],
  host: string,
  path: string,
  method: string,
  listener: string,
): Route[] {
  const taken = routes.filter(
    ({ rule }) =>
      takesHost(rule.host, host) &&
      takesPath(rule, path) &&
      (rule.methods?.includes(method) ?? true) &&
      (rule.listeners?.includes(listener) ?? true),
  );
  return taken.sort((a, b) => {
    const [x, y] = [preference(a), preference(b)];
    const at = x.findIndex((value, i) => value !== y[i]);
    return at < 0 ? 0 : x[at]! > y[at]! ? -1 : 1;
  });
}

function takesHost(wanted: string, host: string): boolean {
  if (wanted === '' || wanted === host) return true;
  if (!isGlob(wanted)) return wanted.startsWith('*.') && host.endsWith(wanted.slice(1));
  const glob = compileGlob(wanted);
  return glob.ok && glob.test(host);
}

function takesPath({ path: wanted, match }: Rule, path: string): boolean {
  if (match === 'exact') return path === wanted;
  if (match === 'text') return path.startsWith(wanted);
  return path === wanted || path.startsWith(wanted === '/' ? '/' : `${wanted}/`);
}

/** Greater is better, from left to right. */
function preference({ id, rule }: Route): (number | string)[] {
  const { host, path, match, methods, listeners, priority } = rule;
  const kind = host === '' ? 0 : isGlob(host) ? 1 : host.startsWith('*.') ? 2 : 3;
  return [
    priority,
    kind,
    kind === 1 ? [...host].reverse().join('') : kind === 2 ? host.length : 0,
    match === 'exact' ? 1 : 0,
    path.length,
    match === 'segment' ? 1 : 0,
    (methods ? 1 : 0) + (listeners ? 1 : 0),
    // The smaller id wins: turned round, character by character.
    `${[...id].map((char) => String.fromCharCode(0xffff - char.charCodeAt(0))).join('')}\uffff`,
  ];
}

describe('against the rules taken literally', () => {
  const host = fc.constantFrom(
    '',
    'a.com',
    'b.com',
    '*.com',
    '*.a.com',
    'x.a.com',
    '*',
    'a*',
    '?.com',
    '{a,b}.com',
  );
  const path = fc.constantFrom('/', '/a', '/a/b', '/a/b/c', '/ab', '/a/', '/a/b/', '/b');
  const some = (...names: string[]) => fc.option(fc.subarray(names, { minLength: 1 }), { nil: null });
  const anyRoute = fc
    .record({
      host,
      path,
      match: fc.constantFrom<Rule['match']>('segment', 'segment', 'exact', 'text'),
      methods: some('GET', 'POST'),
      listeners: some('web', 'internal'),
      priority: fc.oneof(
        { weight: 6, arbitrary: fc.constant(0) },
        { weight: 1, arbitrary: fc.integer({ min: -2, max: 2 }) },
      ),
    })
    .map((rule) =>
      rule.match === 'segment' && rule.path !== '/' ? { ...rule, path: rule.path.replace(/\/$/, '') } : rule,
    )
    .map((rule) => route(rule.host, rule.path, rule));
  const step = fc.oneof(
    { weight: 3, arbitrary: anyRoute.map((each) => ({ set: each, drop: null })) },
    { weight: 1, arbitrary: fc.nat().map((drop) => ({ set: null, drop })) },
  );
  const request = fc.record({
    host: fc.constantFrom('', 'a.com', 'b.com', 'c.com', 'x.a.com', 'y.x.a.com', 'aa', 'com'),
    path: fc.constantFrom(
      '/',
      '/a',
      '/a/',
      '/ab',
      '/a/b',
      '/a/b/',
      '/a/bc',
      '/a/b/c',
      '/a/b/c/d/e',
      '/b/a',
      '/c',
    ),
    method: fc.constantFrom('GET', 'POST', 'PUT'),
    listener: fc.constantFrom('web', 'internal', 'other'),
  });

  test('any sequence of changes gives the table built afresh, and both find the reference’s winner', () => {
    fc.assert(
      fc.property(
        fc.array(step, { maxLength: 25 }),
        fc.array(request, { minLength: 5, maxLength: 15 }),
        (steps, asks) => {
          const table = new Table();
          const known = new Map<string, Route>();
          for (const { set, drop } of steps) {
            if (set !== null) {
              known.set(set.id, set);
              table.set(set);
            } else {
              const id = [...known.keys()][drop % Math.max(1, known.size)];
              if (id === undefined) continue;
              known.delete(id);
              table.drop(id);
            }
          }
          const fresh = tableOf(...[...known.values()].sort((a, b) => (a.id < b.id ? 1 : -1)));
          expect(table.size).toBe(known.size);
          for (const { host: asked, path: at, method, listener } of asks) {
            const ranked = reference([...known.values()], asked, at, method, listener);
            expect(table.match(asked, at, method, listener)).toBe(ranked[0] ?? null);
            expect(fresh.match(asked, at, method, listener)).toBe(ranked[0] ?? null);
            const candidates = table.candidates(asked);
            expect(candidates.filter((each) => ranked.includes(each))).toEqual(ranked);
            expect(new Set(candidates)).toEqual(
              new Set([...known.values()].filter(({ rule }) => takesHost(rule.host, asked))),
            );
          }
        },
      ),
      { seed: 7, numRuns: 3_000 },
    );
  });
});
