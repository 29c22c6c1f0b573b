/** Prints what a clean client notices of slow ones. `--help` says how. */
import { parseArgs } from 'node:util';
import { median } from '../../bench/stats.ts';
import { startStage, type Window } from './latency.ts';

const help = `Usage: node test/soak/slow.ts [options]

Measures a clean client beside slow ones: two routers of one worker, the slow clients with one of them, requests to both
in turn. Prints p99 of each window and the ratio of their medians.

  --heads N     connections that send a head byte by byte (default: 1000)
  --bodies N    connections that send a body byte by byte (default: 1000)
  --windows N   of 2 s (default: 15)
  --rate N      requests a second to each router (default: 250)
  --help        this text
`;

const { values } = parseArgs({
  options: {
    heads: { type: 'string', default: '1000' },
    bodies: { type: 'string', default: '1000' },
    windows: { type: 'string', default: '15' },
    rate: { type: 'string', default: '250' },
    help: { type: 'boolean', default: false },
  },
});

const say = (line: string): void => void process.stdout.write(`${line}\n`);
if (values.help) say(help.trimEnd());
else await main();

async function main(): Promise<void> {
  const found: Window[] = [];
  const { heads, bodies, rate } = values;
  const stage = await startStage({
    heads: Number(heads),
    bodies: Number(bodies),
    ratePerSecond: Number(rate),
  });
  for (let i = 0; i < Number(values.windows); i++) {
    const window = await stage.window(2);
    found.push(window);
    const slow = await stage.slow();
    say(
      `p99 ${window.alone.toFixed(2)} ms alone, ${window.crowded.toFixed(2)} ms beside ${slow} slow clients`,
    );
  }
  await stage.close();
  const alone = median(found.map((window) => window.alone));
  const crowded = median(found.map((window) => window.crowded));
  const times = (crowded / alone).toFixed(2);
  say(`median of ${found.length} windows: ${alone.toFixed(2)} ms and ${crowded.toFixed(2)} ms, ${times}×`);
}
