import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Asked, candidatesOf } from '../../router/candidates.ts';
import { keyOf } from '../../router/members.ts';
import type { Route, Rule } from '../../router/model.ts';
import { Table } from '../../router/table.ts';

function route(host: string, path: string, more: Partial<Rule> = {}): Route {
  const rule: Rule = { host, path, match: 'segment', methods: null, listeners: null, priority: 0, ...more };
  const source = { provider: 'consul' as const, service: '', instances: [], text: '' };
  return { id: keyOf(rule), rule, pool: null, service: '', options: {}, source };
}

/** Route, whether it matched or would take it, and why. */
function told(routes: readonly Route[], asked: Partial<Asked>): string[] {
  const table = new Table();
  for (const each of routes) table.set(each);
  const whole = { host: 'a.test', path: '/api/x', method: 'GET', listener: 'web', ...asked };
  return candidatesOf(table, whole).map(
    ({ route: id, matched, takes, why }) => `${id} ${matched ? '→' : takes ? '=' : '-'} ${why}`,
  );
}

test('each route of the host says why the request did not come to it', () => {
  const routes = [
    route('a.test', '/api'),
    route('a.test', '/'),
    route('a.test', '/ap'),
    route('a.test', '/api/x', { match: 'exact', methods: ['POST'] }),
    route('a.test', '/api/x/y'),
    route('a.test', '/other', { match: 'exact' }),
    route('a.test', '/api', { listeners: ['internal'] }),
    route('*.test', '/api/x'),
    route('', '/'),
    route('b.test', '/'),
  ];
  expect(told(routes, {})).toEqual([
    'a.test/api/x exact POST - only for POST, not for GET',
    'a.test/other exact - only for the path /other itself',
    'a.test/api/x/y - the path does not begin with /api/x/y',
    'a.test/api @internal - only on listener internal, not on web',
    'a.test/api → a.test, /api and below: the first of those that take the request',
    'a.test/ap - the path goes on within a segment after /ap',
    'a.test/ = takes it too, but a.test/api comes first: its path is longer',
    '*.test/api/x = takes it too, but a.test/api comes first: a.test is closer to the host',
    '/ = takes it too, but a.test/api comes first: a.test is closer to the host',
  ]);
});

test.each<[Partial<Rule>, Partial<Rule>, string]>([
  [{ path: '/x', priority: 2 }, { path: '/x/y' }, 'its priority is 2'],
  [{ path: '/x/y', match: 'exact' }, { path: '/x/y' }, 'it is exact'],
  [{ path: '/x', match: 'segment' }, { path: '/x', match: 'text' }, 'it counts segments and not characters'],
  [{ path: '/x', methods: ['GET'] }, { path: '/x' }, 'it says more of methods or listeners'],
  [
    { path: '/x', methods: ['GET'] },
    { path: '/x', listeners: ['web'] },
    'they are equal, and its name is first',
  ],
])('%j comes before %j', (first, second, why) => {
  const routes = [route('a.test', '', second), route('a.test', '', first)];
  const lines = told(routes, { path: '/x/y' });
  expect(lines[0]).toContain('→');
  expect(lines[1]).toMatch(new RegExp(`comes first: ${why}$`));
});

test('a priority beats a closer host, and says so', () => {
  const lines = told([route('a.test', '/'), route('*.test', '/', { priority: 1 })], {});
  expect(lines).toEqual([
    expect.stringContaining('*.test/ →'),
    'a.test/ = takes it too, but *.test/ comes first: its priority is 1',
  ]);
});

test('whatever the routes: the first that takes a request is the one that the table finds', () => {
  const hosts = ['a.test', 'b.a.test', '*.test', '*.a.test', '', 'a*t', '?.test'];
  const paths = ['/', '/a', '/a/b', '/ab', '/a/'];
  const arbitrary = fc.record({
    host: fc.constantFrom(...hosts),
    path: fc.constantFrom(...paths),
    match: fc.constantFrom<Rule['match']>('segment', 'exact', 'text'),
    methods: fc.constantFrom(null, ['GET'], ['POST']),
    listeners: fc.constantFrom(null, ['web'], ['internal']),
    priority: fc.constantFrom(0, 0, 0, 1, -1),
  });
  const asked = fc.record({
    host: fc.constantFrom('a.test', 'b.a.test', 'c.test', 'other', ''),
    path: fc.constantFrom(...paths, '/abc', '/a/b/c'),
    method: fc.constantFrom('GET', 'POST'),
    listener: fc.constantFrom('web', 'internal'),
  });
  fc.assert(
    fc.property(fc.array(arbitrary, { maxLength: 12 }), asked, (rules, ask) => {
      const table = new Table();
      for (const rule of rules) table.set(route(rule.host, rule.path, rule));
      const candidates = candidatesOf(table, ask);
      const found = table.match(ask.host, ask.path, ask.method, ask.listener)?.id ?? null;
      expect(candidates.find(({ takes }) => takes)?.route ?? null).toBe(found);
      expect(candidates.filter(({ matched }) => matched).map(({ route: id }) => id)).toEqual(
        found === null ? [] : [found],
      );
    }),
    { numRuns: 500 },
  );
});
