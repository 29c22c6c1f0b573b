/** The contestants that run at present. */
import { readFileSync } from 'node:fs';
import { whatIsWrong } from './check.ts';
import type { Contestant, RunningProxy, Site } from './contestants/contestant.ts';
import { say } from './progress.ts';
import type { Row } from './results.ts';
import { idleCost } from './works/closed.ts';
import type { Work } from './works.ts';

export interface Entrant {
  readonly name: string;
  readonly proxy: RunningProxy;
  /** CPU seconds a second with nothing to do. */
  readonly idle: number;
}

export interface Field {
  readonly entrants: readonly Entrant[];
  /** Those that did not start. */
  readonly absent: readonly Row<never>[];
  stop(): Promise<void>;
}

/** Starts them one after the other; one that does not start does not keep the others from it. */
export async function startField(contestants: readonly Contestant[], site: Site): Promise<Field> {
  const entrants: Entrant[] = [];
  const absent: Row<never>[] = [];
  for (const contestant of contestants) {
    const { name } = contestant;
    say(`starting ${name} …`);
    try {
      const proxy = await contestant.start(site);
      entrants.push({ name, proxy, idle: await idleCost(proxy, 1) });
    } catch (error) {
      absent.push({ name, samples: [], fault: `it did not start: ${firstLine(error)}` });
    }
  }
  const stop = async (): Promise<void> => {
    await Promise.all(entrants.map(({ proxy }) => proxy.stop()));
  };
  return { entrants, absent, stop };
}

/** Rows of a work for every contestant of the field that takes part; those that answer wrongly have their fault. */
export async function rowsFor<S>(field: Field, work: Work, hosts: readonly string[]): Promise<Row<S>[]> {
  const takesPart = ({ name }: { name: string }): boolean => work.among === null || work.among.includes(name);
  const rows: Row<S>[] = [];
  for (const { name, proxy } of field.entrants.filter(takesPart)) {
    const wrong = await whatIsWrong(proxy, work, hosts);
    rows.push({ name, samples: [], fault: wrong === null ? null : `wrong answers: ${wrong}` });
  }
  return [...rows, ...field.absent.filter(takesPart).map((row) => ({ ...row, samples: [] }))];
}

/** Descriptors a process may have; what is beyond 40,000 nobody here needs. */
export function descriptorLimit(): number {
  const limits = readFileSync('/proc/self/limits', 'utf8');
  const hard = /^Max open files\s+\S+\s+(\S+)/m.exec(limits)?.[1];
  return Math.min(40_000, Number(hard) || 40_000);
}

export function firstLine(error: unknown): string {
  return String((error as Error).message ?? error).split('\n')[0]!;
}
