/**
 * `npm run bench:certificates`: what the certificates of one thread cost in memory and for each handshake, by how many
 * there are. Nothing but `tls/`. See `docs/performance.md`.
 */
import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs, promisify } from 'node:util';
import { serialize } from 'node:v8';
import { certificateFor, createTestCa } from '../test/support/certificates.ts';
import type { Certificate } from '../tls/certificate.ts';
import { lookup } from './certificates/lookups.ts';
import type { StoreCost } from './certificates/store.ts';
import { verdicts } from './goals.ts';
import { scratch } from './machine/scratch.ts';
import { type Timing, timeAll } from './table/clock.ts';
import { figure, ratio, textTable, whole } from './text-table.ts';

const help = `Usage: node bench/certificates.ts [options]

Measures memory and look-ups of 10, 1,000 and 10,000 certificates.

  --quick   at most 100 certificates and few look-ups: shows that it works
  --help    this text
`;

/** Certificates, and look-ups a round. The first size is the one that the others are compared with. */
const FULL = { sizes: [10, 1_000, 10_000], lookups: 50_000, warmUp: 4, counted: 11 };
const QUICK = { sizes: [10, 50, 100], lookups: 1_000, warmUp: 1, counted: 3 };
/** Names in turn: so few that memory is not what is measured, and as many as there may be contexts. */
const ASKED = [10, 2_000];

const storeProgram = fileURLToPath(new URL('./certificates/store.ts', import.meta.url));

try {
  const { values } = parseArgs({
    options: {
      quick: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  process.stdout.write(values.help ? help : await report(values.quick ? QUICK : FULL));
} catch (error) {
  process.stderr.write(`bench: ${(error as Error).message}\n`);
  process.exitCode = 2;
}

async function report(size: typeof FULL): Promise<string> {
  const all = await makeCertificates(size.sizes.at(-1)!);
  const costs: StoreCost[] = [];
  for (const count of size.sizes) costs.push(await costOf(all.slice(0, count)));
  const pieces = ASKED.flatMap((asked) =>
    size.sizes.map((count) => lookup(all.slice(0, count), asked, size.lookups)),
  );
  const timings = timeAll(pieces, size);
  return `${[storeTable(costs), lookupTable(timings), goalsOf(costs, timings)].join('\n\n')}\n`;
}

/** Chains of a leaf and an intermediate with P-256, as public authorities give. */
async function makeCertificates(count: number): Promise<Certificate[]> {
  const ca = await createTestCa({ intermediate: true });
  const all: Certificate[] = [];
  for (let i = 0; i < count; i++) all.push(await certificateFor(ca, [`host-${i}.example.com`]));
  return all;
}

async function costOf(all: readonly Certificate[]): Promise<StoreCost> {
  const file = join(scratch('certificates'), 'all');
  writeFileSync(file, serialize(all), { mode: 0o600 });
  const { stdout } = await promisify(execFile)(process.execPath, ['--expose-gc', storeProgram, file]);
  return JSON.parse(stdout) as StoreCost;
}

function megabytes(bytes: number): number {
  return bytes / 1e6;
}

function storeTable(costs: readonly StoreCost[]): string {
  const rows = costs.map((cost) => [
    ...[whole(cost.count), figure(cost.applyMs), figure(cost.firstMicros)],
    ...[withContexts(cost.bytes, cost.contexts), withContexts(cost.bytesKept, cost.contextsKept)],
    withContexts(cost.bytesAll, cost.contextsAll),
  ]);
  const head = ['certificates', 'apply ms', 'first µs'];
  return textTable([...head, 'MB (contexts made)', 'first 2 000 asked', 'all asked'], rows);
}

function withContexts(bytes: number, contexts: number): string {
  return `${figure(megabytes(bytes))} (${whole(contexts)})`;
}

function lookupTable(timings: readonly Timing[]): string {
  const first = timings[0]!.nanos.median;
  const rows = timings.map(({ piece: { name, routes }, nanos: { median, min, max } }) => [
    ...[name, whole(routes), figure(median), `${figure(min)}–${figure(max)}`, ratio(median, first)],
  ]);
  return textTable(['look-up', 'certificates', 'ns', 'min–max', '÷ the first'], rows);
}

function goalsOf(costs: readonly StoreCost[], timings: readonly Timing[]): string {
  const most = costs.at(-1)!;
  const among = (count: number): number => timings.find(({ piece }) => piece.routes === count)!.nanos.median;
  const title = `${whole(most.count)} certificates`;
  const goals = verdicts([
    ...[
      { what: `${title}, 2 000 asked`, limit: 150, unit: ' MB', reached: megabytes(most.bytesKept) },
      { what: `${title}, all asked`, limit: 150, unit: ' MB', reached: megabytes(most.bytesAll) },
    ],
    { what: 'contexts made before a handshake', limit: 0, unit: '', reached: most.contexts },
    {
      ...{ what: `look-up among ${title} ÷ among ${costs[0]!.count}`, limit: 1.1, unit: '×' },
      reached: among(most.count) / among(costs[0]!.count),
    },
  ]);
  return `## Goals\n\n${goals}`;
}
