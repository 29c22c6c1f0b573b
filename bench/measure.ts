/** Goes through the works of a run: rounds are interleaved, so that a slow minute of the machine hits everybody. */
import { whatIsWrong } from './check.ts';
import { type CertificateFiles, type Contestant, portFor, type Site } from './contestants/contestant.ts';
import { type Entrant, type Field, firstLine, rowsFor, startField } from './field.ts';
import { runLoad } from './load/load.ts';
import { type Paced, runPaced } from './load/paced.ts';
import type { Options } from './options.ts';
import type { Progress } from './progress.ts';
import type { Row, WorkResult } from './results.ts';
import { type ClosedSample, measureClosed } from './works/closed.ts';
import { type IdleSample, measureIdle } from './works/idle.ts';
import { type ClosedWork, HOST, hostsOf, type IdleWork, type PacedWork, small, type Work } from './works.ts';

const WARM_UP_SECONDS = 1;
const CALIBRATION_SECONDS = 2;

export interface Setting {
  readonly contestants: readonly Contestant[];
  readonly options: Options;
  readonly progress: Progress;
  /** The site of a contestant, but for what depends on the work. */
  readonly site: Omit<Site, 'hosts' | 'certificate'>;
  /** For works that need one. */
  readonly certificate: CertificateFiles;
}

/** Runs that a work takes, for the progress. */
export function stepsOf(work: Work, names: readonly string[], rounds: number): number {
  const part = names.filter((name) => work.among === null || work.among.includes(name)).length;
  return work.kind === 'idle' ? part : part * rounds;
}

type LoadedWork = ClosedWork | PacedWork;

/** Everything that one start of the contestants serves, in the order of the works. */
export async function measureAll(setting: Setting): Promise<WorkResult[]> {
  const { works } = setting.options;
  const loaded = works.filter((work) => work.kind !== 'idle');
  const idle = works.filter((work) => work.kind === 'idle');
  const results: WorkResult[] = [];
  const single = loaded.filter((work) => hostCount(work) === 1);
  results.push(
    ...(await onOneField(
      setting,
      single.filter((work) => !isSecured(work)),
    )),
  );
  results.push(...(await onOneField(setting, single.filter(isSecured))));
  for (const work of loaded.filter((each) => hostCount(each) > 1)) {
    results.push(...(await onOneField(setting, [work])));
  }
  for (const work of idle) results.push(await measureIdleWork(setting, work));
  return results;
}

const hostCount = (work: LoadedWork): number => (work.kind === 'closed' ? work.hosts : 1);
const isSecured = (work: LoadedWork): boolean => work.kind === 'closed' && work.door === 'https';

/** The works of a group have hosts and certificate in common. Those who take part in none of them are not started. */
async function onOneField(setting: Setting, group: readonly LoadedWork[]): Promise<WorkResult[]> {
  const [first] = group;
  if (first === undefined) return [];
  const contestants = setting.contestants.filter(({ name }) =>
    group.some(({ among }) => among === null || among.includes(name)),
  );
  const hosts = hostsOf(hostCount(first));
  const certificate = isSecured(first) ? setting.certificate : null;
  const field = await startField(contestants, { ...setting.site, hosts, certificate });
  const results: WorkResult[] = [];
  for (const work of group) {
    if (work.kind === 'closed') results.push(await closedWork(setting, field, work, hosts));
    else results.push(await pacedWork(setting, field, work));
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
    if (round === 0) await runLoad(portFor(proxy, work.door), work, WARM_UP_SECONDS);
    const sample = await measureClosed(proxy, work, setting.options.seconds, idle);
    if (sample.errors > 0) throw new Error(`${sample.errors} of ${sample.requests} requests failed`);
    return sample;
  });
  return { kind: 'closed', work, rows };
}

/** The same rate for all: half of what the slowest of those compared can do. */
async function pacedWork(setting: Setting, field: Field, work: PacedWork): Promise<WorkResult> {
  const rows = await rowsFor<Paced>(field, work, [HOST]);
  const maxima: number[] = [];
  for (const { name } of rows.filter(({ fault }) => fault === null)) {
    const port = portFor(field.entrants.find((entrant) => entrant.name === name)!.proxy, 'http');
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
    const sample = await runPaced(portFor(proxy, 'http'), rate, setting.options.seconds + 1);
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
async function measureIdleWork(setting: Setting, work: IdleWork): Promise<WorkResult> {
  const { contestants, progress } = setting;
  const certificate = work.like.door === 'https' ? setting.certificate : null;
  const site = { ...setting.site, hosts: [HOST], certificate };
  // HAProxy reserves two descriptors for a connection, and we hold the other ends.
  const count = Math.min(work.connections, Math.floor((site.descriptors - 1000) / 2));
  const rows: Row<IdleSample>[] = [];
  for (const contestant of contestants.filter(({ name }) => work.among?.includes(name))) {
    const row: Row<IdleSample> = { name: contestant.name, samples: [], fault: null };
    rows.push(row);
    if (!progress.next(`${contestant.name} ${work.name}`)) continue;
    const proxy = await contestant.start(site).catch((error: unknown) => {
      row.fault = firstLine(error);
    });
    if (!proxy) continue;
    try {
      const wrong = await whatIsWrong(proxy, work, site.hosts);
      if (wrong === null) row.samples.push(await measureIdle(proxy, work.like, count));
      else row.fault = `wrong answers: ${wrong}`;
    } catch (error) {
      row.fault = firstLine(error);
    }
    await proxy.stop();
  }
  return { kind: 'idle', work, rows };
}
