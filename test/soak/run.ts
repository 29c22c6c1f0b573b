/** The soak, for as long as one likes. `--help` says how. */
import { parseArgs } from 'node:util';
import { isExcess } from './reading.ts';
import { report } from './report.ts';
import { soak } from './soak.ts';

/** The changes of a minute of the long run: 10,000 in 20 minutes. */
const CHANGES_PER_MINUTE = 500;

const help = `Usage: node test/soak/run.ts [options]

Runs the router under mixed load (aborts, slow clients, upgrades, instances that die, a busy catalog), then compares
what it holds with what it held at first. Ends by itself; exit status 1 when a clean request failed or something grew.

  --minutes N      of load after the warm-up (default: 20)
  --warm-up N      seconds of the same load before the baseline (default: 30)
  --rate N         steps of clean clients a second (default: 300)
  --changes N      catalog changes in all (default: 500 a minute); it goes on until they are made, up to three times as long
  --workers N      of the router (default: 2)
  --catalog NAME   embedded, or consul: the real one, as a program of its own (default: embedded)
  --seed N         of what clients and catalog choose (default: the time)
  --help           this text
`;

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '20' },
    'warm-up': { type: 'string', default: '30' },
    rate: { type: 'string', default: '300' },
    changes: { type: 'string' },
    workers: { type: 'string', default: '2' },
    catalog: { type: 'string', default: 'embedded' },
    seed: { type: 'string', default: String(Date.now() % 0x1_0000_0000) },
    help: { type: 'boolean', default: false },
  },
});

const say = (line: string): void => void process.stdout.write(`${line}\n`);
process.exitCode = values.help ? usage() : await main();

function usage(): number {
  say(help.trimEnd());
  return 0;
}

function positive(flag: string, text: string): number {
  const value = Number(text);
  if (!(value > 0)) throw new Error(`--${flag}: ${text} is not a number above 0`);
  return value;
}

async function main(): Promise<number> {
  const { catalog } = values;
  if (catalog !== 'embedded' && catalog !== 'consul')
    throw new Error(`--catalog: ${catalog} is neither of the two`);
  const minutes = positive('minutes', values.minutes);
  const changes = positive('changes', values.changes ?? String(CHANGES_PER_MINUTE * minutes));
  const result = await soak({
    ...{ catalog, say, seconds: minutes * 60, changesPerSecond: changes / (minutes * 60) },
    warmUpSeconds: positive('warm-up', values['warm-up']),
    ratePerSecond: positive('rate', values.rate),
    workers: positive('workers', values.workers),
    seed: Number(values.seed),
  });
  say(report(result));
  return result.tally.failed > 0 || result.differences.some(isExcess) ? 1 : 0;
}
