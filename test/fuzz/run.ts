/**
 * The parsers against the reference, for as long as one likes:
 *
 *   node test/fuzz/run.ts --cases 1000000 --seed 7
 *   node test/fuzz/run.ts --seed 7 --case 4711      # one case again
 *
 * Exit 1 at the first disagreement, with the shortest input that shows it.
 */
import { inspect, parseArgs } from 'node:util';
import { check, type Disagreement } from './compare.ts';
import { type Case, generate } from './generator.ts';
import { Random } from './random.ts';
import { dump, shrink } from './shrink.ts';

const { values } = parseArgs({
  options: {
    cases: { type: 'string', default: '100000' },
    seed: { type: 'string', default: String(Date.now() % 0x1_0000_0000) },
    case: { type: 'string' },
  },
});
const seed = Number(values.seed);
const counts = new Map<string, number>();

process.exitCode = values.case === undefined ? runAll(Number(values.cases)) : replay(Number(values.case));

function replay(number: number): number {
  const exit = runOne(number);
  for (const label of counts.keys()) say(label);
  return exit;
}

function runAll(cases: number): number {
  say(`${cases} cases of seed ${seed}`);
  const started = performance.now();
  let told = started;
  for (let number = 0; number < cases; number++) {
    if (runOne(number) !== 0) return 1;
    if (number % 1000 !== 0 || performance.now() - told < 5000) continue;
    told = performance.now();
    say(`${number} cases, ${rate(number, started)} a second`);
  }
  for (const [label, count] of [...counts].sort()) say(`${String(count).padStart(9)}  ${label}`);
  say(`${cases} cases, no disagreement, ${rate(cases, started)} a second`);
  return 0;
}

function rate(cases: number, started: number): number {
  return Math.round((cases * 1000) / (performance.now() - started));
}

/** Exit code. */
function runOne(number: number): number {
  const { input, random } = generate(seed, number);
  const { label, disagreement } = check(input, random);
  counts.set(label, (counts.get(label) ?? 0) + 1);
  if (disagreement === null) return 0;
  say(`\nDisagreement, replay with --seed ${seed} --case ${number}`);
  report(input, disagreement);
  if (disagreement.what.startsWith('time')) return 1;
  const shortest = shrink(input.bytes, (bytes) => recheck({ ...input, bytes })?.what === disagreement.what);
  const again = recheck({ ...input, bytes: shortest });
  if (again !== null) {
    say('\nShortest:');
    report({ ...input, bytes: shortest }, again);
  }
  return 1;
}

/** Fed in several ways, always the same ones. */
function recheck(input: Case): Disagreement | null {
  for (let number = 0; number < 20; number++) {
    const { disagreement } = check(input, Random.ofCase(seed, number));
    if (disagreement !== null) return disagreement;
  }
  return null;
}

function report({ kind, bytes, limits, method }: Case, { how, what, ours, reference }: Disagreement): void {
  say(`${kind} (${what} differs; fed ${how}; limits ${JSON.stringify(limits)}; request method ${method})`);
  say(`  ${dump(bytes)}`);
  say(`  ours:      ${inspect(ours, { depth: 5, breakLength: 200 })}`);
  say(`  reference: ${inspect(reference, { depth: 5, breakLength: 200 })}`);
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}
