/** Results as text: Markdown that reads well on a terminal. Pure. */
import { goalTable } from './goals.ts';
import type { Paced } from './load/paced.ts';
import type { Results, Row, WorkResult } from './results.ts';
import { median, summarise } from './stats.ts';
import { figure, ratio, textTable, whole } from './text-table.ts';
import type { ClosedSample } from './works/closed.ts';
import type { IdleSample } from './works/idle.ts';

export function report({ facts, works, notes }: Results): string {
  const parts = [
    '# Results of `npm run bench`',
    facts.map(([what, value]) => `* ${what}: ${value}`).join('\n'),
    'Medians over the rounds, with the least and the greatest; how they are taken is told in `docs/performance.md`.',
    ...works.map(section),
  ];
  const goals = goalTable(works);
  if (goals !== null) parts.push(`## Goals\n\n${goals}`);
  if (notes.length > 0) parts.push(`## Notes\n\n${notes.map((note) => `* ${note}`).join('\n')}`);
  return `${parts.join('\n\n')}\n`;
}

function section(result: WorkResult): string {
  const { name, title } = result.work;
  const heading = `## ${name}: ${title}${result.kind === 'p99' ? ` (${whole(result.rate)} requests/s)` : ''}`;
  const faults = result.rows
    .filter(({ fault }) => fault !== null)
    .map((row) => `* ${row.name}${row.samples.length === 0 ? ' was not measured' : ''}: ${row.fault}`);
  return [heading, tableOf(result), ...(faults.length > 0 ? [faults.join('\n')] : [])].join('\n\n');
}

function tableOf(result: WorkResult): string {
  switch (result.kind) {
    case 'closed':
      return closedTable(result.rows);
    case 'p99':
      return pacedTable(result.rows);
    case 'idle':
      return idleTable(result.rows);
  }
}

/** The median of a figure over the rounds of a contestant; undefined where it was not measured. */
export function medianOf<S>(
  rows: readonly Row<S>[],
  name: string,
  pick: (sample: S) => number,
): number | undefined {
  const samples = rows.find((row) => row.name === name)?.samples ?? [];
  return samples.length === 0 ? undefined : median(samples.map(pick));
}

const measured = <S>(rows: readonly Row<S>[]): Row<S>[] => rows.filter(({ samples }) => samples.length > 0);

/** `direct` has no proxy: its CPU time is the backend's, and no ratio. */
function closedTable(rows: readonly Row<ClosedSample>[]): string {
  const cpu = (sample: ClosedSample): number => sample.cpuMicros;
  const peers = ['nginx', 'haproxy', 'fairlead'].map((name) => medianOf(rows, name, cpu));
  const head = [
    'contestant',
    'µs CPU/request',
    'min–max',
    'requests/s',
    'core',
    '÷ nginx',
    '÷ HAProxy',
    '÷ fairlead',
  ];
  const lines = measured(rows).map(({ name, samples }) => {
    const { median: own, min, max } = summarise(samples.map(cpu));
    const busy = `${Math.round(median(samples.map((sample) => sample.busy)) * 100)} %`;
    const rate = whole(median(samples.map((sample) => sample.perSecond)));
    const ratios = peers.map((peer) => (name === 'direct' ? '–' : ratio(own, peer)));
    return [name, figure(own), `${figure(min)}–${figure(max)}`, rate, busy, ...ratios];
  });
  return textTable(head, lines);
}

function pacedTable(rows: readonly Row<Paced>[]): string {
  const p99 = (sample: Paced): number => sample.p99;
  const peer = medianOf(rows, 'haproxy', p99);
  const head = ['contestant', 'p50 ms', 'p99 ms', 'min–max', 'p99.9 ms', 'unsent', 'p99 ÷ HAProxy'];
  const lines = measured(rows).map(({ name, samples }) => {
    const { median: own, min, max } = summarise(samples.map(p99));
    const of = (pick: (sample: Paced) => number): number => median(samples.map(pick));
    return [
      ...[name, figure(of((s) => s.p50)), figure(own), `${figure(min)}–${figure(max)}`],
      ...[figure(of((s) => s.p999)), whole(of((s) => s.unsent)), name === 'direct' ? '–' : ratio(own, peer)],
    ];
  });
  return textTable(head, lines);
}

function idleTable(rows: readonly Row<IdleSample>[]): string {
  const head = ['contestant', 'KiB/connection', 'connections', 'MiB before'];
  const lines = measured(rows).map(({ name, samples }) => [
    name,
    figure(median(samples.map((sample) => sample.bytesEach / 1024))),
    whole(samples[0]!.connections),
    whole(median(samples.map((sample) => sample.base / 2 ** 20))),
  ]);
  return textTable(head, lines);
}
