/** Prints what a clean client notices of slow ones. `--help` says how. */
import { parseArgs } from 'node:util';
import { median } from '../../bench/stats.ts';
import { startStage } from './latency.ts';

const help = `Usage: node test/soak/slow.ts [options]

Measures a clean client beside slow ones, against one worker: windows without them and with them, in turn.

  --heads N     connections that send a head byte by byte (default: 1000)
  --bodies N    connections that send a body byte by byte (default: 1000)
  --rounds N    each 5 windows of 2 s without and 5 with them (default: 3)
  --help        this text
`;

const { values } = parseArgs({
  options: {
    heads: { type: 'string', default: '1000' },
    bodies: { type: 'string', default: '1000' },
    rounds: { type: 'string', default: '3' },
    help: { type: 'boolean', default: false },
  },
});

const say = (line: string): void => void process.stdout.write(`${line}\n`);
if (values.help) say(help.trimEnd());
else await main();

async function main(): Promise<void> {
  const alone: number[] = [];
  const crowded: number[] = [];
  const sizes = { heads: Number(values.heads), bodies: Number(values.bodies) };
  const stage = await startStage({ ...sizes, windows: 5, windowSeconds: 2, ratePerSecond: 250 });
  for (let i = 0; i < Number(values.rounds); i++) {
    const round = await stage.round();
    alone.push(...round.alone);
    crowded.push(...round.crowded);
    say(
      `alone ${figures(round.alone)} ms, beside ${round.slow} slow connections ${figures(round.crowded)} ms`,
    );
  }
  await stage.close();
  const [before, beside] = [median(alone), median(crowded)];
  say(
    `p99, median of ${alone.length} windows: ${figures([before, beside])} ms: ${(beside / before).toFixed(2)}×`,
  );
}

function figures(list: readonly number[]): string {
  return list.map((value) => value.toFixed(2)).join(' ');
}
