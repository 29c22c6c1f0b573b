/**
 * `npm run bench:convergence`: from a flip in a real Consul to the last and the first request of an instance. See
 * `docs/performance.md` for what the figures mean.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { startConsul } from '../test/support/consul.ts';
import { type LoadResult, startLoad } from '../test/support/load.ts';
import { type Flipping, flippingInstances, registerFlipping, registerOthers } from './convergence/catalog.ts';
import { ConsulApi } from './convergence/consul-api.ts';
import { flipAll } from './convergence/flips.ts';
import { Floor } from './convergence/floor.ts';
import { type ConvergenceOptions, help, readOptions } from './convergence/options.ts';
import { Probes } from './convergence/probes.ts';
import { type ConvergenceResult, convergenceJson, convergenceText } from './convergence/result.ts';
import { type RunningRouter, startRouter } from './convergence/router.ts';
import { launch } from './machine/launch.ts';
import { rssBytes } from './machine/proc.ts';
import { scratch } from './machine/scratch.ts';
import { say } from './progress.ts';

const EXIT_USAGE = 2;
const SERVICES = 3;
const INSTANCES = 2;
const WARM_UP_MS = 2000;

let options: ConvergenceOptions | null;
try {
  options = readOptions(process.argv.slice(2));
} catch (error) {
  say(`bench: ${(error as Error).message}`);
  process.exit(EXIT_USAGE);
}
if (options === null) process.stdout.write(help);
else process.exit(await main(options));

async function main(chosen: ConvergenceOptions): Promise<number> {
  say('starting Consul …');
  // What it would leave behind after an interruption goes with our own folder.
  process.env.TMPDIR = scratch('consul');
  const consul = await startConsul();
  const api = new ConsulApi(consul.url, 32);
  const instances = await startInstances();
  await registerFlipping(api, instances);
  if (chosen.services > SERVICES) say(`registering ${chosen.services - SERVICES} more services …`);
  await registerOthers(api, chosen.services - SERVICES);
  say('starting fairlead …');
  const router = await startRouter(consul.url, chosen.workers);
  const result = await measure(chosen, consul.url, api, instances, router);
  await router.stop();
  api.close();
  await consul.stop();
  process.stdout.write(chosen.json ? convergenceJson(result) : convergenceText(result));
  return result.failed === 0 ? 0 : 1;
}

async function startInstances(): Promise<Flipping[]> {
  const named = flippingInstances(SERVICES, INSTANCES);
  const file = new URL('./convergence/instances.ts', import.meta.url).pathname;
  const child = await launch(process.execPath, [file, ...named.map(({ id }) => id)]);
  const ports = JSON.parse(await child.line(/^\[/)) as number[];
  return named.map((instance, i) => ({ ...instance, port: ports[i]! }));
}

async function measure(
  chosen: ConvergenceOptions,
  consulUrl: string,
  api: ConsulApi,
  instances: readonly Flipping[],
  router: RunningRouter,
): Promise<ConvergenceResult> {
  const hosts = [...new Set(instances.map(({ host }) => host))];
  const floor = new Floor(consulUrl, [...new Set(instances.map(({ service }) => service))]);
  const probes = new Probes(router.port, hosts[0]!, chosen.probes);
  const ratePerSecond = chosen.load / hosts.length;
  const loads = hosts.map((host) => startLoad({ port: router.port, host, connections: 4, ratePerSecond }));
  probes.start();
  await sleep(WARM_UP_MS);
  const before = await router.applied();
  const flipping = instances.filter((_, i) => i % INSTANCES === INSTANCES - 1);
  const { out, back } = await flipAll({ api, floor, probes }, flipping, chosen.flips, (done) => {
    if (done % 10 === 0) say(`[${done}/${chosen.flips}] flips`);
  });
  const after = await router.applied();
  const mode = await router.mode();
  probes.stop();
  floor.close();
  const judged = await Promise.all(loads.map((load) => load.stop()));
  return {
    ...{ services: chosen.services, workers: chosen.workers, mode, out, back },
    ...{ loadPerSecond: chosen.load, probesPerSecond: chosen.probes },
    ...judge(judged, probes),
    rssBytes: rssBytes(router.child.pid),
    appliedMs: ((after.sum - before.sum) / (after.count - before.count)) * 1000,
  };
}

/** Every request of load and probes counts. */
function judge(
  loads: readonly LoadResult[],
  probes: Probes,
): Pick<ConvergenceResult, 'requests' | 'failed' | 'failures'> {
  const failures: Record<string, number> = {};
  const count = (why: string, times: number): void => {
    failures[why] = (failures[why] ?? 0) + times;
  };
  for (const { failed } of loads) for (const { error, count: times } of failed) count(error, times);
  for (const [why, times] of probes.failures) count(why, times);
  return {
    requests: loads.reduce((sum, { sent }) => sum + sent, probes.sent),
    failed: Object.values(failures).reduce((sum, times) => sum + times, 0),
    failures,
  };
}
