/** Goes through the works of a run: rounds are interleaved, so that a slow minute of the machine hits everybody. */
import { type Contestant, portFor, type Site } from './contestants/contestant.ts';
import { type Entrant, type Field, firstLine, rowsFor, startField } from './field.ts';
import { runLoad } from './load/load.ts';
import { type Paced, runPaced } from './load/paced.ts';
import type { Options } from './options.ts';
import type { Progress } from './progress.ts';
import type { Row, WorkResult } from './results.ts';
import { type ClosedSample, measureClosed } from './works/closed.ts';
import { type IdleSample, measureIdle } from './works/idle.ts';
import { type ClosedWork, HOST, hostsOf, type SpecialWork, type Work, works } from './works.ts';

const IDLE_CONNECTIONS = 10_000;
const WARM_UP_SECONDS = 1;
const CALIBRATION_SECONDS = 2;

export interface Setting {
  readonly contestants: readonly Contestant[];
  readonly options: Options;
  readonly progress: Progress;
  /** The site of a contestant, but for its hosts. */
  readonly site: Omit<Site, 'hosts'>;
}

const small = works.find(({ name }) => name === 'small') as ClosedWork;

/** Runs that a work takes, for the progress. */
export function stepsOf(work: Work, names: readonly string[], rounds: number): number {
  const part = names.filter((name) => work.among === null || work.among.includes(name)).length;
  return work.kind === 'idle' ? part : part * rounds;
}

/** Everything that one start of the contestants serves, in the order of the works. */
export async function measureAll(setting: Setting): Promise<WorkResult[]> {
  const { options } = setting;
  const single = options.works.filter((work) => work.kind !== 'idle' && hostCount(work) === 1);
  const many = options.works.filter((work) => hostCount(work) > 1);
  const idle = options.works.filter((work) => work.kind === 'idle');
  const results: WorkResult[] = [];
  if (single.length > 0) results.push(...(await onOneField(setting, setting.contestants, single)));
  for (const work of many) {
    const part = setting.contestants.filter(({ name }) => work.among?.includes(name));
    results.push(...(await onOneField(setting, part, [work])));
  }
  for (const work of idle) results.push(await measureIdleWork(setting, work as SpecialWork));
  return results;
}

const hostCount = (work: Work): number => (work.kind === 'closed' ? work.hosts : 1);

async function onOneField(
  setting: Setting,
  contestants: readonly Contestant[],
  group: readonly Work[],
): Promise<WorkResult[]> {
  const hosts = hostsOf(hostCount(group[0]!));
  const field = await startField(contestants, { ...setting.site, hosts });
  const results: WorkResult[] = [];
  for (const work of group) {
    if (work.kind === 'closed') results.push(await closedWork(setting, field, work, hosts));
    else results.push(await pacedWork(setting, field, work as SpecialWork));
  }
  await field.stop();
  return results;
}

async function closedWork(
  setting: Setting,
  field: Field,
  work: ClosedWork,
  hosts: readonly string[],
): Promise<WorkResult> {
  const rows = await rowsFor<ClosedSample>(field, work, hosts);
  await inRounds(setting, field, work, rows, async ({ proxy, idle }, round) => {
    if (round === 0) await runLoad(portFor(proxy, work.isStream), work, WARM_UP_SECONDS);
    const sample = await measureClosed(proxy, work, setting.options.seconds, idle);
    if (sample.errors > 0) throw new Error(`${sample.errors} of ${sample.requests} requests failed`);
    return sample;
  });
  return { kind: 'closed', work, rows };
}

/** The same rate for all: half of what the slowest of those compared can do. */
async function pacedWork(setting: Setting, field: Field, work: SpecialWork): Promise<WorkResult> {
  const rows = await rowsFor<Paced>(field, work, [HOST]);
  const maxima: number[] = [];
  for (const { name } of rows.filter(({ fault }) => fault === null)) {
    const { port } = field.entrants.find((entrant) => entrant.name === name)!.proxy;
    await runLoad(port, small, WARM_UP_SECONDS);
    // The better of two: a disturbance only ever makes it less.
    const tries = [
      await runLoad(port, small, CALIBRATION_SECONDS),
      await runLoad(port, small, CALIBRATION_SECONDS),
    ];
    maxima.push(Math.max(...tries.map(({ requests, seconds }) => requests / seconds)));
  }
  const rate = Math.floor(Math.min(...maxima) / 2);
  await inRounds(setting, field, work, rows, async ({ proxy }) => {
    const sample = await runPaced(proxy.port, rate, setting.options.seconds + 1);
    if (sample.errors > 0) throw new Error(`${sample.errors} requests failed`);
    if (sample.requests === 0) throw new Error('no request was answered in time');
    return sample;
  });
  return { kind: 'p99', work, rows, rate };
}

/** A B C A B C …; a contestant that fails is left out from then on. */
async function inRounds<S>(
  { options, progress }: Setting,
  field: Field,
  work: Work,
  rows: readonly Row<S>[],
  run: (entrant: Entrant, round: number) => Promise<S>,
): Promise<void> {
  for (let round = 0; round < options.rounds; round++) {
    for (const row of rows) {
      if (!progress.next(`${row.name} ${work.name}`) || row.fault !== null) continue;
      const entrant = field.entrants.find(({ name }) => name === row.name)!;
      try {
        row.samples.push(await run(entrant, round));
      } catch (error) {
        row.fault = firstLine(error);
      }
    }
  }
}

/** Each contestant alone and fresh: what it used for other work would hide what connections cost. */
async function measureIdleWork(setting: Setting, work: SpecialWork): Promise<WorkResult> {
  const { contestants, site, progress } = setting;
  // HAProxy reserves two descriptors for a connection, and we hold the other ends.
  const count = Math.min(IDLE_CONNECTIONS, Math.floor((site.descriptors - 1000) / 2));
  const rows: Row<IdleSample>[] = [];
  for (const contestant of contestants.filter(({ name }) => work.among?.includes(name))) {
    const row: Row<IdleSample> = { name: contestant.name, samples: [], fault: null };
    rows.push(row);
    if (!progress.next(`${contestant.name} ${work.name}`)) continue;
    const proxy = await contestant.start({ ...site, hosts: [HOST] }).catch((error: unknown) => {
      row.fault = firstLine(error);
    });
    if (!proxy) continue;
    try {
      row.samples.push(await measureIdle(proxy, small, count));
    } catch (error) {
      row.fault = firstLine(error);
    }
    await proxy.stop();
  }
  return { kind: 'idle', work, rows };
}
