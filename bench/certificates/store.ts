/**
 * `node --expose-gc store.ts FILE`: what a store with the certificates of FILE costs, in a process of its own, so that
 * memory which somebody else has left free does not hide it. Prints one JSON line, see `StoreCost`.
 */
import { readFileSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { setImmediate as turn } from 'node:timers/promises';
import tls from 'node:tls';
import { deserialize } from 'node:v8';
import type { Certificate } from '../../tls/certificate.ts';
import { Certificates } from '../../tls/certificates.ts';

export interface StoreCost {
  readonly count: number;
  /** Growth of resident memory by the certificates alone. */
  readonly bytes: number;
  readonly applyMs: number;
  /** Contexts made before anybody asked. */
  readonly contexts: number;
  /** After the first names have been asked for, as many as are kept ready. */
  readonly bytesKept: number;
  readonly contextsKept: number;
  /** After all have been asked for in turn, so that contexts came and went; the collector ran when it liked. */
  readonly bytesAll: number;
  readonly contextsAll: number;
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

/** As many as a store keeps. */
const KEPT = 2_000;
/** Handshakes come over many turns of the event loop. */
const A_TURN = 20;

const [, , file = ''] = process.argv;
// What the first context needs is not the store's.
create();
const before = settledBytes();
const set = deserialize(readFileSync(file)) as Certificate[];
const store = new Certificates();
const applyMs = time(() => store.apply(set, null));
const bytes = settledBytes() - before;
const contexts = made;
const keptMs = await askFor(set.slice(0, KEPT));
const contextsKept = made;
const bytesKept = settledBytes() - before;
await askFor(set.slice(KEPT));
const cost: StoreCost = {
  ...{ count: store.size, bytes, applyMs, contexts, bytesKept, contextsKept },
  ...{ bytesAll: process.memoryUsage.rss() - before, contextsAll: made },
  firstMicros: (keptMs * 1000) / contextsKept,
};
process.stdout.write(`${JSON.stringify(cost)}\n`);

/** Milliseconds that choosing took. */
async function askFor(all: readonly Certificate[]): Promise<number> {
  let sum = 0;
  for (let i = 0; i < all.length; i += A_TURN) {
    const some = all.slice(i, i + A_TURN);
    sum += time(() => {
      for (const { names } of some) store.contextFor(names[0]!);
    });
    await turn();
  }
  return sum;
}

/** With nothing left to collect. */
function settledBytes(): number {
  for (let i = 0; i < 3; i++) globalThis.gc!();
  return process.memoryUsage.rss();
}

function time(run: () => void): number {
  const startedAt = performance.now();
  run();
  return performance.now() - startedAt;
}
