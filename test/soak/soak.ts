/** The whole program under mixed load for a while, and what it holds before and after. */
import { readdir } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { type Site, startSite } from '../e2e/site.ts';
import { Random } from '../fuzz/random.ts';
import { eventually, root, tail } from '../support/process.ts';
import { type CatalogKind, startCatalog } from './catalog.ts';
import { CALM_SERVICES, Churn, DEADLY_SERVICES } from './churn.ts';
import { FleetMember } from './fleet.ts';
import { Mix } from './mix.ts';
import { compare, type Difference, type Reading, type Rest } from './reading.ts';
import { Tally } from './tally.ts';

export interface SoakOptions {
  readonly catalog: CatalogKind;
  readonly workers: number;
  /** Of load before the baseline is taken, and after it. */
  readonly warmUpSeconds: number;
  readonly seconds: number;
  /** Steps of clean clients over kept connections; a pipeline is one. */
  readonly ratePerSecond: number;
  readonly changesPerSecond: number;
  readonly seed: number;
  readonly say: (line: string) => void;
}

export interface SoakResult {
  readonly tally: Tally;
  readonly changes: number;
  readonly kills: number;
  readonly seconds: number;
  readonly differences: readonly Difference[];
}

/**
 * Short times, so that everything that runs out does so many times; a bound for the memory of services that are gone, so
 * that they are forgotten before the end.
 */
const CONFIG = `
accessLog: json
consul: { forget: 1s }
timeouts: { head: 2s, idle: 10s, upstreamIdle: 2s, drain: 10s }
limits: { connections: 2000 }
`;
/** For rest to come; seconds, where nobody else needs the machine. */
const PATIENCE_MS = 60_000;
const SAFE_MEMBERS = 6;
const MORTAL_MEMBERS = 4;

export async function soak(options: SoakOptions): Promise<SoakResult> {
  const { say, seed, workers } = options;
  const random = new Random(seed);
  const safe = await startMembers('safe', SAFE_MEMBERS);
  const mortal = await startMembers('mortal', MORTAL_MEMBERS);
  const catalog = await startCatalog(options.catalog);
  const churn = new Churn(catalog, random, safe, mortal);
  let site: Site | null = null;
  try {
    await churn.begin();
    site = await startProbed(catalog.url, workers);
    await settled(site, churn);
    const tally = new Tally();
    const run = async (seconds: number): Promise<Mix> => {
      const mix = new Mix({ ...options, seconds, port: site!.web, random, tally, churn, mortal });
      const logs = setInterval(() => forgetLogs(site!), 500);
      await mix.run(say);
      clearInterval(logs);
      await churn.settle();
      await settled(site!, churn);
      return mix;
    };
    say(`warming up for ${options.warmUpSeconds} s (seed ${seed})`);
    await run(options.warmUpSeconds);
    const before = await atRest(site, workers);
    const changesBefore = churn.changes;
    say(`load for ${options.seconds} s`);
    const startedAt = performance.now();
    const { kills } = await run(options.seconds);
    const seconds = Math.round((performance.now() - startedAt) / 1_000);
    const after = await atRest(site, workers);
    const changes = churn.changes - changesBefore;
    return { tally, changes, kills, seconds, differences: compare(before, after) };
  } catch (error) {
    say(String(error));
    if (site?.child.exit !== undefined) say(tail(site.child));
    throw error;
  } finally {
    await site?.stop();
    await catalog.stop();
    for (const member of [...safe, ...mortal]) await member.kill();
  }
}

async function startMembers(name: string, count: number): Promise<FleetMember[]> {
  const members = Array.from({ length: count }, (_, i) => new FleetMember(`${name}-${i + 1}`));
  for (const member of members) await member.start();
  return members;
}

function startProbed(consul: string, workers: number): Promise<Site> {
  return startSite({
    ...{ consul, config: CONFIG, flags: ['--workers', String(workers)] },
    env: { NODE_OPTIONS: `--import=${root}test/soak/probe.ts`, SOAK_PROBE: PROBE },
  });
}

const PROBE = `fairlead-soak-${process.pid}`;

/** Logs of a long run would fill our own memory. */
function forgetLogs({ child }: Site): void {
  child.stdout.length = 0;
  if (child.stderr.length > 1_000) child.stderr.splice(0, child.stderr.length - 100);
}

/** The catalog is as it was at the beginning, and the router has heard of it. */
async function settled(site: Site, churn: Churn): Promise<void> {
  const isSettled = async (): Promise<boolean> => {
    const pools = await site.pools();
    for (const [service, ids] of churn.settled) {
      const found = pools.find(({ name }) => name === service)?.endpoints ?? [];
      if (found.length !== ids.length) throw new Error(`${service}: ${JSON.stringify(found)}`);
    }
    const { routes } = await site.routes();
    const wanted = CALM_SERVICES.length + DEADLY_SERVICES.length + 1;
    if (routes.length !== wanted) throw new Error(`${routes.length} routes instead of ${wanted}`);
    return true;
  };
  await eventually(isSettled, { timeoutMs: PATIENCE_MS, what: 'the catalog of the beginning' });
}

/** Gauges that are zero when nobody is there. */
const ZERO = ['fairlead_connections', 'fairlead_requests_in_flight', 'fairlead_endpoint_in_flight'];

/** Waits until nothing is under way, and takes the readings. */
async function atRest(site: Site, workers: number): Promise<Rest> {
  const isIdle = async (): Promise<void> => {
    for (const name of ZERO) {
      const value = await site.metric(name);
      if (value !== 0) throw new Error(`${name} is ${value}`);
    }
    const draining = (await site.pools())
      .flatMap(({ endpoints }) => endpoints)
      .filter(({ state }) => state === 'draining');
    if (draining.length > 0) throw new Error(`draining: ${JSON.stringify(draining)}`);
  };
  await eventually(isIdle, { timeoutMs: PATIENCE_MS, what: 'rest' });
  // Connections to instances end by themselves when they have been idle for long enough.
  let threads: Reading[] = [];
  const hasLetGo = async (): Promise<void> => {
    threads = await readThreads(workers);
    for (const { thread, objects } of threads) {
      for (const name of ['client connections', 'upstream connections', 'exchanges', 'tunnels'])
        if ((objects[name] ?? 0) > 0) throw new Error(`${thread} has ${objects[name]} ${name}`);
    }
  };
  await eventually(hasLetGo, { timeoutMs: PATIENCE_MS, what: 'the end of all connections' });
  const { connections: catalogConnections } = await site.consul();
  const descriptors = (await readdir(join('/proc', String(site.child.pid), 'fd'))).length;
  const series = await site.metrics();
  const passed = series.filter(({ labels }) => labels.service?.startsWith('passing-'));
  const endpointSlots = await site.metric('fairlead_endpoints');
  return {
    threads,
    descriptors,
    catalogConnections,
    endpointSlots,
    series: series.length,
    passedSeries: passed.length,
  };
}

async function readThreads(workers: number): Promise<Reading[]> {
  const socket = connect(`\0${PROBE}`);
  socket.write(String(workers));
  const parts: Buffer[] = [];
  for await (const part of socket) parts.push(part as Buffer);
  return JSON.parse(Buffer.concat(parts).toString()) as Reading[];
}
