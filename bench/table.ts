/**
 * `npm run bench:table`: what a look-up, a change of the table and a commit of the planner cost, by the number of
 * routes. One thread, nothing but `router/`. See `docs/performance.md`.
 */
import { parseArgs } from 'node:util';
import { changes } from './table/changes.ts';
import { type Timing, timeAll } from './table/clock.ts';
import { lookups } from './table/lookups.ts';
import { plans } from './table/plans.ts';
import { figure, ratio, textTable, whole } from './text-table.ts';

const help = `Usage: node bench/table.ts [options]

Measures look-ups among 10 to 100,000 routes, changes of the table and commits of the planner.

  --quick   fewer operations, rounds and routes: shows that it works
  --help    this text
`;

/** Operations a round, rounds, and routes of the changes and plans. */
const FULL = { lookups: 50_000, changes: 2_000, plans: 200, routes: 60_000, warmUp: 4, counted: 11 };
const QUICK = { lookups: 2_000, changes: 100, plans: 20, routes: 3_000, warmUp: 1, counted: 3 };

try {
  const { values } = parseArgs({
    options: {
      quick: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  process.stdout.write(values.help ? help : report(values.quick ? QUICK : FULL));
} catch (error) {
  process.stderr.write(`bench: ${(error as Error).message}\n`);
  process.exitCode = 2;
}

function report(size: typeof FULL): string {
  const found = timeAll(lookups(size.lookups), size);
  const changed = timeAll(changes(size.routes, size.changes), size);
  const planned = timeAll(plans(size.routes, size.plans), size);
  return `${lookupTable(found)}\n\n${costTable('change of the table', changed)}\n\n${costTable('planner, news and commit', planned)}\n`;
}

function lookupTable(timings: readonly Timing[]): string {
  const first = timings[0]!.nanos.median;
  const rows = timings.map(({ piece: { name, routes }, nanos: { median, min, max } }) => [
    ...[name, whole(routes), figure(median), `${figure(min)}–${figure(max)}`, ratio(median, first)],
  ]);
  return textTable(['look-up', 'routes', 'ns', 'min–max', '÷ 10 hosts'], rows);
}

function costTable(title: string, timings: readonly Timing[]): string {
  const rows = timings.map(({ piece: { name, routes }, nanos: { median, min, max } }) => [
    ...[name, whole(routes), figure(median / 1000), `${figure(min / 1000)}–${figure(max / 1000)}`],
  ]);
  return textTable([title, 'routes', 'µs', 'min–max'], rows);
}
