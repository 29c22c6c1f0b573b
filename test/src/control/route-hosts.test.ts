import { expect, test } from 'vitest';
import type { Route } from '../../../router/model.ts';
import { RouteHosts } from '../../../src/control/route-hosts.ts';

const route = (id: string, host: string, more: object = {}): Route =>
  ({ id, rule: { host, ...more }, options: {} }) as unknown as Route;

function follow() {
  const told: string[][] = [];
  const hosts = new RouteHosts(
    ({ id }) => !id.startsWith('plain'),
    (all) => told.push([...all].sort()),
  );
  return { told, apply: (set: Route[], drop: string[] = []) => hosts.apply({ routes: { set, drop } }) };
}

test('a host is there from its first route to its last', () => {
  const { told, apply } = follow();
  apply([route('1', 'a.test'), route('2', 'a.test'), route('3', 'b.test')]);
  apply([], ['1', '3']);
  apply([], ['2']);
  expect(told).toEqual([['a.test', 'b.test'], ['a.test'], []]);
});

test('nobody is told while the set of hosts stays', () => {
  const { told, apply } = follow();
  apply([route('1', 'a.test')]);
  apply([route('1', 'a.test'), route('2', 'a.test')]);
  apply([], ['1', 'unknown']);
  apply([route('plain', 'c.test'), route('any', ''), route('tcp', 'd.test', { stream: { kind: 'sni' } })]);
  expect(told).toEqual([['a.test']]);
});

test('a route that gets another host takes the first one away', () => {
  const { told, apply } = follow();
  apply([route('1', 'a.test'), route('2', 'b.test')]);
  apply([route('1', 'b.test')]);
  apply([route('1', 'c.test')]);
  expect(told).toEqual([['a.test', 'b.test'], ['b.test'], ['b.test', 'c.test']]);
});
