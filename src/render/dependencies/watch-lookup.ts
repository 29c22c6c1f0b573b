import { promises as resolver, type SrvRecord } from 'node:dns';
import type { Clock } from '../../control/providers/clock.ts';
import { compareText } from '../template/bytes.ts';
import { integerType, pointerTo, sliceOf, stringType, structType } from '../template/kinds.ts';
import { int, List, pointer, record, strings, type Value } from '../template/values.ts';
import type { Query } from './query.ts';
import type { WatchEvents } from './watch-elsewhere.ts';

const LOOK_EVERY_MS = 10_000;
/** The server answered, and knows of none. */
const NONE: ReadonlySet<string> = new Set(['ENOTFOUND', 'ENODATA']);

const uint16Type = integerType('uint16');
const srvType = structType('net.SRV', [
  ['Target', stringType],
  ['Port', uint16Type],
  ['Priority', uint16Type],
  ['Weight', uint16Type],
]);
export const srvsType = sliceOf(pointerTo(srvType));

/** Asks the name servers again and again. A server that does not answer changes nothing. */
export async function watchLookup(
  query: Extract<Query, { kind: 'lookup' }>,
  events: WatchEvents,
  clock: Clock,
  signal: AbortSignal,
): Promise<void> {
  let trouble = '';
  while (!signal.aborted) {
    try {
      const value = await (query.type === 'address' ? addresses(query.name) : services(query.name));
      if (!signal.aborted) events.onValue(value);
      trouble = '';
    } catch (error) {
      const { message } = error as Error;
      if (message !== trouble && !signal.aborted) events.onTrouble(message);
      trouble = message;
    }
    await clock.sleep(LOOK_EVERY_MS, signal);
  }
}

async function orNone<T>(asked: Promise<readonly T[]>): Promise<readonly T[]> {
  try {
    return await asked;
  } catch (error) {
    if (NONE.has((error as NodeJS.ErrnoException).code ?? '')) return [];
    throw error;
  }
}

async function addresses(name: string): Promise<Value> {
  const found = await orNone(resolver.lookup(name, { all: true }));
  return strings([...new Set(found.map(({ address }) => address))].sort(compareText));
}

async function services(name: string): Promise<Value> {
  const found = await orNone<SrvRecord>(resolver.resolveSrv(name));
  const keyed = found.map((each) => ({
    key: `${each.name}.${each.port}${each.priority}${each.weight}`,
    value: pointer(
      record(srvType, [
        `${each.name}.`,
        int(each.port, 'uint16'),
        int(each.priority, 'uint16'),
        int(each.weight, 'uint16'),
      ]),
    ),
  }));
  keyed.sort((a, b) => compareText(a.key, b.key));
  return new List(
    srvsType,
    keyed.map(({ value }) => value),
  );
}
