/** What a clean client notices of thousands of slow ones: windows without them and with them, in turn. */
import { summarise } from '../../bench/stats.ts';
import { registerBackend, type Site, startSite } from '../e2e/site.ts';
import { type Backend, startBackend } from '../support/backend.ts';
import { Client } from '../support/load.ts';
import { eventually, root, start } from '../support/process.ts';
import { startCatalog } from './catalog.ts';
import { pause } from './clean.ts';

export interface CrowdOptions {
  readonly heads: number;
  readonly bodies: number;
  /** Of each round: so many without the crowd, then as many with it. */
  readonly windows: number;
  readonly windowSeconds: number;
  readonly ratePerSecond: number;
}

export interface Round {
  /** p99 of each window, milliseconds. */
  readonly alone: readonly number[];
  readonly crowded: readonly number[];
  /** Slow connections at the end of it. */
  readonly slow: number;
}

export interface Stage {
  round(): Promise<Round>;
  close(): Promise<void>;
}

/** One worker, with the times and limits of every installation: slow clients are cut by them, and come back. */
export async function startStage(options: CrowdOptions): Promise<Stage> {
  const catalog = await startCatalog('embedded');
  const quick = await startBackend({ name: 'quick' });
  const patient = await startBackend({ name: 'patient' });
  for (const backend of [quick, patient])
    await registerBackend(catalog, backend.name, backend, [`fairlead:${backend.name}.test/`]);
  const crowded = options.heads + options.bodies;
  const site = await startSite({
    ...{ consul: catalog.url, config: `limits: { connections: ${crowded * 2} }` },
    flags: ['--workers', '1', '--access-log', 'off'],
  });
  await eventually(async () => (await site.get('quick.test')).status === 200, 'a route');
  return {
    round: () => round(site, quick, options),
    async close() {
      await site.stop();
      await catalog.stop();
      for (const backend of [quick, patient]) await backend.kill();
    },
  };
}

async function round(site: Site, quick: Backend, options: CrowdOptions): Promise<Round> {
  const { heads, bodies } = options;
  const client = new Client(site.web);
  try {
    await window(client, quick, options);
    const alone = await windows(client, quick, options);
    const command = [`${root}test/soak/crowd.ts`, site.web, 'patient.test', heads, bodies].map(String);
    const crowd = await start(process.execPath, command);
    await crowd.line(/ready/, 30_000);
    const crowded = await windows(client, quick, options);
    const slow = (await site.metric('fairlead_connections')) - 1;
    await crowd.stop('SIGKILL');
    await eventually(async () => (await site.metric('fairlead_connections')) === 1, 'the end of the crowd');
    return { alone, crowded, slow };
  } finally {
    client.close();
  }
}

async function windows(client: Client, quick: Backend, options: CrowdOptions): Promise<number[]> {
  const found: number[] = [];
  for (let i = 0; i < options.windows; i++) found.push(await window(client, quick, options));
  return found;
}

/** Requests at a rate over one kept connection; p99 from sending to the whole answer, milliseconds. */
async function window(client: Client, quick: Backend, options: CrowdOptions): Promise<number> {
  const { windowSeconds, ratePerSecond } = options;
  const times: number[] = [];
  const startedAt = performance.now();
  for (let i = 0; i < windowSeconds * ratePerSecond; i++) {
    await pause(Math.max(0, startedAt + (i * 1_000) / ratePerSecond - performance.now()));
    const sentAt = performance.now();
    const { status } = await client.request({ host: 'quick.test' });
    times.push(performance.now() - sentAt);
    if (status !== 200) throw new Error(`${status} for a clean client`);
  }
  quick.requests.length = 0;
  return summarise(times).p99;
}
