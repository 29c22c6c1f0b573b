/** The figures the router is meant to reach, beside those it has reached. Pure. */
import { medianOf } from './report.ts';
import type { WorkResult } from './results.ts';
import { figure, textTable } from './text-table.ts';
import type { WorkName } from './works.ts';

interface Limit {
  readonly what: string;
  readonly limit: number;
  readonly unit: string;
  /** True where more is better. */
  readonly least?: boolean;
}

interface Goal extends Limit {
  readonly value: (works: readonly WorkResult[]) => number | undefined;
}

const goals: readonly Goal[] = [
  {
    what: 'small: CPU ÷ nginx',
    limit: 1.5,
    unit: '×',
    value: (works) => cpu(works, 'small', 'fairlead', 'nginx'),
  },
  {
    what: 'small: CPU ÷ HAProxy (hoped)',
    limit: 1,
    unit: '×',
    value: (works) => cpu(works, 'small', 'fairlead', 'haproxy'),
  },
  {
    what: 'small: Caddy ÷ fairlead',
    limit: 3,
    unit: '×',
    least: true,
    value: (works) => cpu(works, 'small', 'caddy', 'fairlead'),
  },
  {
    ...{ what: 'small: http-proxy ÷ fairlead', limit: 5, unit: '×', least: true },
    value: (works) => cpu(works, 'small', 'http-proxy', 'fairlead'),
  },
  ...(
    [
      ['tcp-small', 1.4],
      ['tcp-bulk', 1.1],
      ['tcp-connect', 1.5],
    ] as const
  ).map(([name, limit]) => ({
    ...{ what: `${name}: CPU ÷ HAProxy`, limit, unit: '×' },
    value: (works: readonly WorkResult[]) => cpu(works, name, 'fairlead', 'haproxy'),
  })),
  ...(
    [
      ['tls-small', 'haproxy', 'HAProxy', 2],
      ['h2-small', 'haproxy', 'HAProxy', 3],
      ['tls-full', 'nginx', 'nginx', 1.3],
      ['tls-resumed', 'nginx', 'nginx', 1.3],
    ] as const
  ).map(([name, peer, title, limit]) => ({
    ...{ what: `${name}: CPU ÷ ${title}`, limit, unit: '×' },
    value: (works: readonly WorkResult[]) => cpu(works, name, 'fairlead', peer),
  })),
  { what: 'p99 ÷ HAProxy', limit: 1.5, unit: '×', value: p99 },
  { what: 'memory of an idle connection', limit: 10, unit: ' KiB', value: idle },
];

/** Null when nothing that has a goal was measured. */
export function goalTable(works: readonly WorkResult[]): string | null {
  return verdicts(goals.map((goal) => ({ ...goal, reached: goal.value(works) })));
}

/** Goals with what was reached; those without are left out. Null when none is left. */
export function verdicts(all: readonly (Limit & { readonly reached: number | undefined })[]): string | null {
  const rows = all.flatMap(({ what, limit, unit, least = false, reached }) => {
    if (reached === undefined || !Number.isFinite(reached)) return [];
    const isMet = least ? reached >= limit : reached <= limit;
    return [
      [what, `${least ? '≥' : '≤'} ${limit}${unit}`, `${figure(reached)}${unit}`, isMet ? 'met' : 'missed'],
    ];
  });
  return rows.length === 0 ? null : textTable(['goal', 'limit', 'reached', ''], rows);
}

function cpu(works: readonly WorkResult[], name: WorkName, above: string, below: string): number | undefined {
  const found = works.find(({ work }) => work.name === name);
  if (found?.kind !== 'closed') return undefined;
  const [a, b] = [above, below].map((each) => medianOf(found.rows, each, (sample) => sample.cpuMicros));
  return a === undefined || b === undefined ? undefined : a / b;
}

function p99(works: readonly WorkResult[]): number | undefined {
  const found = works.find(({ kind }) => kind === 'p99');
  if (found?.kind !== 'p99') return undefined;
  const [own, peer] = ['fairlead', 'haproxy'].map((name) =>
    medianOf(found.rows, name, (sample) => sample.p99),
  );
  return own === undefined || peer === undefined ? undefined : own / peer;
}

function idle(works: readonly WorkResult[]): number | undefined {
  const found = works.find(({ work }) => work.name === 'idle');
  if (found?.kind !== 'idle') return undefined;
  const bytes = medianOf(found.rows, 'fairlead', (sample) => sample.bytesEach);
  return bytes === undefined ? undefined : bytes / 1024;
}
