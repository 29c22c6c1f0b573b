/**
 * `npm run bench`: CPU time per request of fairlead and of its peers, in one run on one machine. See
 * `docs/performance.md` for what the figures mean.
 */
import { writeFileSync } from 'node:fs';
import { provision } from '../test/provision.ts';
import { startBackend } from './backend.ts';
import { makeCertificate } from './certificate-files.ts';
import type { Contestant } from './contestants/contestant.ts';
import { contestants } from './contestants/index.ts';
import { descriptorLimit, firstLine } from './field.ts';
import { CONNECTIONS, loadName } from './load/load.ts';
import { CIPHER, GROUP } from './load/tls-client.ts';
import { type Cores, takeCores } from './machine/cores.ts';
import { describeMachine } from './machine/describe.ts';
import { findProgram, packageVersion, programVersion } from './machine/programs.ts';
import { measureAll, stepsOf } from './measure.ts';
import { help, type Options, readOptions } from './options.ts';
import { Progress, say } from './progress.ts';
import { report } from './report.ts';
import type { Results } from './results.ts';

const EXIT_USAGE = 2;

let options: Options | null;
try {
  options = readOptions(process.argv.slice(2));
} catch (error) {
  say(`bench: ${firstLine(error)}`);
  process.exit(EXIT_USAGE);
}
if (options === null) process.stdout.write(help);
else await main(options);
// Idle sockets of the backend's clients need not be waited for.
process.exit(0);

async function main(chosen: Options): Promise<void> {
  await provision();
  const cores = takeCores();
  const backend = await startBackend();
  const all = contestants(backend.pid).filter(({ name }) =>
    [...chosen.only].some((wanted) => wanted === name),
  );
  const names = all.map(({ name }) => name);
  const steps = chosen.works.reduce((sum, work) => sum + stepsOf(work, names, chosen.rounds), 0);
  const progress = new Progress(steps, chosen.minutes);
  const site = { backendPort: backend.port, core: cores.proxy, descriptors: descriptorLimit() };
  const certificate = await makeCertificate();
  const works = await measureAll({ contestants: all, options: chosen, progress, site, certificate });
  const facts = [...describeMachine(), ...(await settings(chosen, cores, all))];
  const text = report({ facts, works, notes: notesOn(chosen, cores, progress) });
  await backend.stop();
  process.stdout.write(text);
  if (chosen.write) writeFileSync(new URL('./RESULTS.md', import.meta.url), text);
  say(`${progress.minutes.toFixed(1)} minutes`);
}

async function settings(
  { seconds, rounds }: Options,
  cores: Cores,
  all: readonly Contestant[],
): Promise<Results['facts']> {
  const load = loadName();
  const version = load === 'wrk' ? await programVersion('wrk') : packageVersion('autocannon');
  const versions = await Promise.all(
    all.map(async (contestant) => {
      const own = await contestant.version().catch(() => 'not available');
      return `${contestant.name} ${own}`;
    }),
  );
  return [
    ['load', `${load} ${version}, ${CONNECTIONS} connections`],
    [
      'HTTP/2 load',
      findProgram('h2load') === null ? 'h2load is missing' : `h2load ${await programVersion('h2load')}`,
    ],
    ['TLS', `TLS 1.3, ${CIPHER}, ${GROUP}, ECDSA P-256`],
    ['cores', cores.proxy === null ? 'shared' : 'one for the proxy, one for load and backend'],
    ['runs', `${rounds} rounds of ${seconds} s each`],
    ['contestants', versions.join('; ')],
  ];
}

function notesOn({ rounds }: Options, cores: Cores, { skipped }: Progress): string[] {
  const notes: string[] = [];
  if (cores.proxy === null) notes.push('Nothing was pinned: the proxies shared their core with the load.');
  if (skipped > 0) notes.push(`${skipped} runs were left out because the time was over.`);
  if (rounds < 3) notes.push('Fewer than three rounds: no figure here can be relied upon.');
  return notes;
}
