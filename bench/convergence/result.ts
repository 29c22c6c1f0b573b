/** What the flips have shown, as a table or as JSON. Pure. */
import { type Summary, summarise } from '../stats.ts';
import { figure, textTable } from '../text-table.ts';
import type { Flip } from './flips.ts';

export interface ConvergenceResult {
  readonly services: number;
  readonly workers: number;
  /** How fairlead follows the catalog: `per-service` or `aggregate`. */
  readonly mode: string;
  readonly loadPerSecond: number;
  readonly probesPerSecond: number;
  readonly requests: number;
  readonly failed: number;
  readonly failures: Readonly<Record<string, number>>;
  /** Resident memory of fairlead, bytes. */
  readonly rssBytes: number;
  /** The router's own mean, catalog answer received to live in every worker, milliseconds. */
  readonly appliedMs: number;
  readonly out: readonly Flip[];
  readonly back: readonly Flip[];
}

const rows: readonly (readonly [name: string, pick: (result: ConvergenceResult) => number[]])[] = [
  ['out: blocking query (floor)', ({ out }) => out.map(({ floor }) => floor)],
  ['out: last request sent to it', ({ out }) => out.map(({ sent }) => sent)],
  ['out: last answer from it', ({ out }) => out.map(({ answered }) => answered)],
  ['out: last answer − floor', ({ out }) => out.map(({ answered, floor }) => answered - floor)],
  ['back: blocking query (floor)', ({ back }) => back.map(({ floor }) => floor)],
  ['back: first request sent to it', ({ back }) => back.map(({ sent }) => sent)],
  ['back: first answer from it', ({ back }) => back.map(({ answered }) => answered)],
  ['back: first answer − floor', ({ back }) => back.map(({ answered, floor }) => answered - floor)],
];

export function convergenceText(result: ConvergenceResult): string {
  const table = textTable(
    ['ms after Consul acknowledged', 'median', 'p90', 'p99', 'min', 'max'],
    rows.map(([name, pick]) => {
      const { median, p90, p99, min, max } = summarise(pick(result));
      return [name, ...[median, p90, p99, min, max].map(figure)];
    }),
  );
  const { services, workers, mode, loadPerSecond, probesPerSecond, requests, failed, failures } = result;
  const why = Object.entries(failures).map(([text, count]) => `${count} × ${text}`);
  return `${services} services (${mode} watches), ${workers} workers, ${result.out.length} flips out and back
load ${loadPerSecond} + probes ${probesPerSecond} requests/s

${table}

catalog answer received to live in every worker, by the router's own account: ${figure(result.appliedMs)} ms (mean)
memory of fairlead: ${Math.round(result.rssBytes / 2 ** 20)} MiB
failed requests: ${failed} of ${requests}${failed > 0 ? ` (${why.join(', ')})` : ''}
`;
}

export function convergenceJson(result: ConvergenceResult): string {
  const summaries: Record<string, Summary> = {};
  for (const [name, pick] of rows) summaries[name] = summarise(pick(result));
  return `${JSON.stringify({ ...result, summaries }, null, 2)}\n`;
}
