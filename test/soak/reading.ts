/** What a thread has when nothing runs. */
export interface Reading {
  readonly thread: string;
  /** Live bytes of its heap. */
  readonly heap: number;
  /** Bytes of buffers outside of the heap. */
  readonly buffers: number;
  /** Of the whole process. */
  readonly rss: number;
  /** Living objects by what they are. */
  readonly objects: Readonly<Record<string, number>>;
}

/** The whole program at rest. */
export interface Rest {
  readonly threads: readonly Reading[];
  readonly descriptors: number;
  /** Kept connections to the catalog: as many as there were reads at once, and they stay for a minute. */
  readonly catalogConnections: number;
  /** Rows for endpoints, those that still drain included. */
  readonly endpointSlots: number;
  /** Samples in `/metrics`. */
  readonly series: number;
  /** Samples of services that have passed by. */
  readonly passedSeries: number;
}

export interface Difference {
  readonly what: string;
  readonly before: number;
  readonly after: number;
  /** How much more is borne; none for what is for information. */
  readonly allowed: number | null;
  readonly unit: 'bytes' | 'count';
}

/**
 * Live heap and buffers of a thread may grow by this. What settles late is in it: code that is optimised only now, tables
 * that have doubled once (measured: up to 1 MiB on the main thread, less in workers, after one minute as after twenty).
 * What is kept of each request or each change is not: in the short run it comes to 130 bytes a request of a worker and 2 KiB
 * a change, in the long run to 15 and 200.
 */
const MORE_BYTES = 2 * 1024 * 1024;
/** A request of ours to the admin listener may not be quite over. */
const MORE_DESCRIPTORS = 3;
/** What a connection to the catalog is made of. */
const OF_CATALOG = ['timers', 'sockets'];
/** Of what is not named here nothing more may be there. */
const MORE_OF: Readonly<Record<string, number>> = {
  timers: MORE_DESCRIPTORS,
  sockets: MORE_DESCRIPTORS,
  // A pool may remember the members of its last turn until the next one: up to four in each of eight pools.
  'endpoint objects': 32,
};

export function compare(before: Rest, after: Rest): Difference[] {
  const differences: Difference[] = [];
  const add = (what: string, from: number, to: number, allowed: number | null, unit: Difference['unit']) =>
    differences.push({ what, before: from, after: to, allowed, unit });
  for (const [at, { thread, heap, buffers, objects }] of before.threads.entries()) {
    const now = after.threads[at]!;
    add(`${thread}: live heap`, heap, now.heap, MORE_BYTES, 'bytes');
    add(`${thread}: buffers`, buffers, now.buffers, MORE_BYTES, 'bytes');
    for (const [name, many] of Object.entries(objects)) {
      const isOfCatalog = thread === 'main' && OF_CATALOG.includes(name);
      const [first, last] = isOfCatalog ? [before.catalogConnections, after.catalogConnections] : [0, 0];
      add(`${thread}: ${name}`, many - first, now.objects[name]! - last, MORE_OF[name] ?? 0, 'count');
    }
  }
  const descriptors = ({ descriptors, catalogConnections }: Rest): number => descriptors - catalogConnections;
  add('descriptors', descriptors(before), descriptors(after), MORE_DESCRIPTORS, 'count');
  add('kept connections to the catalog', before.catalogConnections, after.catalogConnections, null, 'count');
  add('endpoint slots', before.endpointSlots, after.endpointSlots, 0, 'count');
  add('series of services that are gone', before.passedSeries, after.passedSeries, 0, 'count');
  // Seldom answers of routes that stay come in with time.
  add('series', before.series, after.series, null, 'count');
  add('resident memory', before.threads[0]!.rss, after.threads[0]!.rss, null, 'bytes');
  return differences;
}

export function isExcess({ before, after, allowed }: Difference): boolean {
  return allowed !== null && after - before > allowed;
}
