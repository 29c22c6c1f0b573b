/** What a change of the table costs: one route set again, or dropped and set. */
import type { Route } from '../../router/model.ts';
import { Table } from '../../router/table.ts';
import type { Piece } from './clock.ts';
import { numbers, route } from './samples.ts';

export function changes(routes: number, count: number): Piece[] {
  const inHosts = (i: number): Route => route(`h${i}.bench.test`);
  const inPaths = (i: number): Route => route('one.bench.test', `/s${i}`);
  const asText = (i: number): Route => route('one.bench.test', `/s${i}`, 'text');
  // Far fewer: should its cost grow with the number of routes, this ends all the same.
  const texts = Math.min(10_000, routes);
  const some = Math.min(200, count);
  return [
    change('set, a host each', routes, count, inHosts, (table, changed) => table.set(changed)),
    change('drop and set, a host each', routes, count, inHosts, dropAndSet),
    change('drop and set, paths of one host', routes, count, inPaths, dropAndSet),
    change('drop and set, text prefixes of one host', texts, some, asText, dropAndSet),
  ];
}

function dropAndSet(table: Table, changed: Route): void {
  table.drop(changed.id);
  table.set(changed);
}

function change(
  name: string,
  routes: number,
  count: number,
  make: (i: number) => Route,
  apply: (table: Table, changed: Route) => void,
): Piece {
  const table = new Table();
  for (let i = 0; i < routes; i++) table.set(make(i));
  return {
    ...{ name, routes, count, expected: routes },
    prepare() {
      const next = numbers(routes);
      // Another object each time, as messages bring it.
      const changed = Array.from({ length: count }, () => make(next.next().value));
      return () => {
        for (const each of changed) apply(table, each);
        return table.size;
      };
    },
  };
}
