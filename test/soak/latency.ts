/**
 * What a clean client notices of thousands of slow ones. Two routers of one worker each: the slow ones are with one of
 * them, the clean client asks both in turn, so that whatever else this machine does meets both alike.
 */
import { summarise } from '../../bench/stats.ts';
import { registerBackend, type Site, startSite } from '../e2e/site.ts';
import { startBackend } from '../support/backend.ts';
import { Client } from '../support/load.ts';
import { eventually, root, start } from '../support/process.ts';
import { startCatalog } from './catalog.ts';
import { pause } from './clean.ts';

export interface CrowdOptions {
  /** Connections that send a head, and a body, byte by byte. */
  readonly heads: number;
  readonly bodies: number;
  /** Of requests to each router. */
  readonly ratePerSecond: number;
}

/** p99 from sending to the whole answer, milliseconds. */
export interface Window {
  readonly alone: number;
  readonly crowded: number;
}

export interface Stage {
  window(seconds: number): Promise<Window>;
  /** Slow connections that are there now. */
  slow(): Promise<number>;
  close(): Promise<void>;
}

/** With the times of every installation: slow clients are cut by them, and come back. */
export async function startStage(options: CrowdOptions): Promise<Stage> {
  const { heads, bodies, ratePerSecond } = options;
  const catalog = await startCatalog('embedded');
  const quick = await startBackend({ name: 'quick' });
  const patient = await startBackend({ name: 'patient' });
  for (const backend of [quick, patient])
    await registerBackend(catalog, backend.name, backend, [`fairlead:${backend.name}.test/`]);
  const sites: Site[] = [];
  for (let i = 0; i < 2; i++)
    sites.push(
      await startSite({
        ...{ consul: catalog.url, config: `limits: { connections: ${2 * (heads + bodies)} }` },
        flags: ['--workers', '1', '--access-log', 'off'],
      }),
    );
  const [crowded, alone] = sites.map(({ web }) => new Client(web));
  const command = [`${root}test/soak/crowd.ts`, sites[0]!.web, 'patient.test', heads, bodies].map(String);
  const crowd = await start(process.execPath, command);
  const stage: Stage = {
    async window(seconds) {
      const times = { alone: [] as number[], crowded: [] as number[] };
      const startedAt = performance.now();
      for (let i = 0; i < seconds * ratePerSecond; i++) {
        await pause(Math.max(0, startedAt + (i * 1_000) / ratePerSecond - performance.now()));
        times.alone.push(await timed(alone!));
        times.crowded.push(await timed(crowded!));
      }
      quick.requests.length = 0;
      return { alone: summarise(times.alone).p99, crowded: summarise(times.crowded).p99 };
    },
    // One is the clean client's.
    slow: async () => (await sites[0]!.metric('fairlead_connections')) - 1,
    async close() {
      alone!.close();
      crowded!.close();
      if (crowd.exit === undefined) await crowd.stop('SIGKILL');
      for (const site of sites) await site.stop();
      await catalog.stop();
      for (const backend of [quick, patient]) await backend.kill();
    },
  };
  for (const site of sites)
    await eventually(async () => (await site.get('quick.test')).status === 200, 'a route');
  await crowd.line(/ready/, 60_000);
  // What is compiled only now is nobody's fault.
  await stage.window(1);
  return stage;
}

async function timed(client: Client): Promise<number> {
  const sentAt = performance.now();
  const { status } = await client.request({ host: 'quick.test', timeoutMs: 20_000 });
  if (status !== 200) throw new Error(`${status} for a clean client`);
  return performance.now() - sentAt;
}
