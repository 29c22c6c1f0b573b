/** What a look-up costs, by how many routes there are and of which kind. */
import { Table } from '../../router/table.ts';
import type { Piece } from './clock.ts';
import { numbers, received, route } from './samples.ts';

type Ask = readonly [host: string, path: string];

interface Lookup {
  readonly name: string;
  readonly table: Table;
  readonly count: number;
  /** The request of a number from 0 to below `limit`. */
  readonly limit: number;
  readonly ask: (i: number) => Ask;
  /** Every request finds a route; otherwise none does. */
  readonly isFound?: boolean;
}

const hostName = (i: number): string => `h${i}.bench.test`;
const PATH = '/items/7';

function tableOf(size: number, make: (i: number) => ReturnType<typeof route>): Table {
  const table = new Table();
  for (let i = 0; i < size; i++) table.set(make(i));
  return table;
}

/** The first is the one that the others are compared with. */
export function lookups(count: number): Piece[] {
  const ten = tableOf(10, (i) => route(hostName(i)));
  const thousand = tableOf(1000, (i) => route(hostName(i)));
  const many = tableOf(100_000, (i) => route(hostName(i)));
  const paths = tableOf(10_000, (i) => route('one.bench.test', `/s${i}`));
  const texts = tableOf(10_000, (i) => route('one.bench.test', `/s${i}`, 'text'));
  const fewWild = tableOf(1000, (i) => route(`*.w${i}.bench.test`));
  const wild = tableOf(100_000, (i) => route(`*.w${i}.bench.test`));
  const globs = tableOf(100, (i) => route(`g${i}-*.bench.test`));
  const exact = (i: number): Ask => [hostName(i), PATH];
  const below = (i: number): Ask => [`a.b.w${i}.bench.test`, PATH];
  const inPath = (i: number): Ask => ['one.bench.test', `/s${i}${PATH}`];
  return [
    { name: 'hosts', table: ten, count, limit: 10, ask: exact },
    { name: 'hosts', table: thousand, count, limit: 1000, ask: exact },
    { name: 'hosts', table: many, count, limit: 100_000, ask: exact },
    { name: 'hosts, 10 of them asked', table: many, count, limit: 10, ask: exact },
    {
      ...{ name: 'hosts, an unknown one asked', table: many, count, limit: 100_000, isFound: false },
      ask: (i: number): Ask => [`x${i}.bench.test`, PATH],
    },
    { name: 'paths of one host', table: paths, count, limit: 10_000, ask: inPath },
    { name: 'text prefixes of one host', table: texts, count, limit: 10_000, ask: inPath },
    { name: 'wildcards, two labels above', table: fewWild, count, limit: 1000, ask: below },
    { name: 'wildcards, two labels above', table: wild, count, limit: 100_000, ask: below },
    {
      ...{ name: 'globs (tested one by one)', table: globs, count, limit: 100 },
      ask: (i: number): Ask => [`g${i}-x.bench.test`, PATH],
    },
  ].map(pieceOf);
}

function pieceOf({ name, table, count, limit, ask, isFound = true }: Lookup): Piece {
  return {
    name,
    routes: table.size,
    count,
    expected: isFound ? count : 0,
    prepare() {
      const next = numbers(limit);
      const asks = Array.from({ length: count }, () => ask(next.next().value));
      const hosts = asks.map(([host]) => received(host));
      const paths = asks.map(([, path]) => received(path));
      return () => matchAll(table, hosts, paths);
    },
  };
}

function matchAll(table: Table, hosts: readonly string[], paths: readonly string[]): number {
  let found = 0;
  for (let i = 0; i < hosts.length; i++) {
    if (table.match(hosts[i]!, paths[i]!, 'GET', 'web') !== null) found++;
  }
  return found;
}
