/**
 * `node bench/certificates.ts`: what the certificate store of one thread costs with 10 and with 10,000 certificates,
 * in memory and for each handshake. One thread, nothing but `tls/`.
 */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { certificateFor, createTestCa } from '../test/support/certificates.ts';
import type { Certificate } from '../tls/certificate.ts';
import { Certificates } from '../tls/certificates.ts';
import { figure, textTable, whole } from './text-table.ts';

/** Certificates that are made and read; chains of a leaf and an intermediate, as public authorities give. */
const COUNT = Number(process.argv[2] ?? 10_000);
const LOOKUPS = 200_000;

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

interface Measured {
  readonly count: number;
  readonly heapMb: number;
  readonly residentMb: number;
  readonly applyMs: number;
  readonly coldMicros: number;
  readonly lookupNanos: number;
}

const ca = await createTestCa({ intermediate: true });
const all: Certificate[] = [];
for (let i = 0; i < COUNT; i++) all.push(await certificateFor(ca, [`host-${i}.example.com`]));

const results = [measure(all.slice(0, 10)), measure(all)];
const rows = results.map((each) => [
  ...[whole(each.count), figure(each.heapMb), figure(each.residentMb), figure(each.applyMs)],
  ...[figure(each.coldMicros), figure(each.lookupNanos)],
]);
const titles = ['certificates', 'heap MB', 'resident MB', 'apply ms', 'first µs', 'look-up ns'];
process.stdout.write(`${textTable(titles, rows)}\n`);

/** As a worker has it: a copy of its own, with as many contexts as are kept. */
function measure(given: readonly Certificate[]): Measured {
  collect();
  const before = process.memoryUsage();
  const set = structuredClone(given);
  const store = new Certificates();
  const applyMs = time(() => store.apply(set, null));
  const names = set.map(({ names: [name] }) => name!);
  const first = names.slice(0, 2_000);
  const coldMicros = (time(() => askFor(store, first)) * 1_000) / first.length;
  collect();
  const after = process.memoryUsage();
  // Those that have a context: a handshake for another one makes it first.
  const rounds = Math.ceil(LOOKUPS / first.length);
  const lookup = (): void => {
    for (let i = 0; i < rounds; i++) askFor(store, first);
  };
  lookup();
  return {
    count: set.length,
    heapMb: (after.heapUsed - before.heapUsed) / 2 ** 20,
    residentMb: (after.rss - before.rss) / 2 ** 20,
    applyMs,
    coldMicros,
    lookupNanos: (time(lookup) * 1e6) / (rounds * first.length),
  };
}

function askFor(store: Certificates, names: readonly string[]): void {
  for (const name of names) store.contextFor(name);
}

function time(run: () => void): number {
  const startedAt = performance.now();
  run();
  return performance.now() - startedAt;
}
