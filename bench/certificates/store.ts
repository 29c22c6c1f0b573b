/**
 * `node --expose-gc store.ts FILE COUNT`: what a store with the first COUNT certificates of FILE costs, in a process of
 * its own, so that memory which somebody else has left free does not hide it. Prints one JSON line, see `StoreCost`.
 */
import { readFileSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import tls from 'node:tls';
import { deserialize } from 'node:v8';
import type { Certificate } from '../../tls/certificate.ts';
import { Certificates } from '../../tls/certificates.ts';

export interface StoreCost {
  readonly count: number;
  /** Growth of resident memory: by the certificates alone, then after each name was asked for once. */
  readonly bytes: number;
  readonly bytesAsked: number;
  readonly applyMs: number;
  /** Contexts that were made: by then, and by asking for each name once. */
  readonly contexts: number;
  readonly contextsAsked: number;
  /** For a name's first handshake, which makes its context. */
  readonly firstMicros: number;
}

let made = 0;
const create = tls.createSecureContext;
tls.createSecureContext = (options) => {
  made++;
  return create(options);
};
// What was imported by name follows.
syncBuiltinESMExports();

const [, , file = '', count = ''] = process.argv;
// What the first context needs is not the store's.
create();
const before = residentBytes();
const set = read(file, Number(count));
const store = new Certificates();
const applyMs = time(() => store.apply(set, null));
const bytes = residentBytes() - before;
const contexts = made;
const askedMs = time(() => {
  for (const { names } of set) store.contextFor(names[0]!);
});
const cost: StoreCost = {
  ...{ count: store.size, bytes, bytesAsked: residentBytes() - before, applyMs },
  ...{ contexts, contextsAsked: made, firstMicros: (askedMs * 1000) / set.length },
};
process.stdout.write(`${JSON.stringify(cost)}\n`);

/** In a function, so that the file's bytes are free after it. */
function read(from: string, size: number): readonly Certificate[] {
  return (deserialize(readFileSync(from)) as Certificate[]).slice(0, size);
}

function residentBytes(): number {
  for (let i = 0; i < 3; i++) globalThis.gc!();
  return process.memoryUsage.rss();
}

function time(run: () => void): number {
  const startedAt = performance.now();
  run();
  return performance.now() - startedAt;
}
