import { expect, test } from 'vitest';
import type { Route } from '../../../router/model.ts';
import { InsecureRoutes } from '../../../src/control/insecure-routes.ts';

const route = (id: string, insecure: boolean) =>
  ({ id, service: 'web', options: insecure ? { insecure } : {} }) as Route;

test('each insecure route is told once, and again when it comes back', () => {
  const told: unknown[] = [];
  const routes = new InsecureRoutes({ warn: (fields: object) => void told.push(fields) } as never);
  const apply = (set: Route[], drop: string[] = []) => routes.apply({ routes: { set, drop } });
  apply([route('a.com/', true), route('b.com/', false)]);
  apply([route('a.com/', true)]);
  expect(told).toEqual([{ route: 'a.com/', service: 'web' }]);
  apply([route('a.com/', false)]);
  apply([route('a.com/', true)]);
  apply([], ['a.com/']);
  apply([route('a.com/', true)]);
  expect(told).toHaveLength(3);
});
