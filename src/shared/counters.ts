import { createQueuesLayout, type QueuesLayout } from './queue-counters.ts';

/**
 * The shared-memory layout: every number that the request path writes and the main thread or another worker reads.
 * Each cell has one writer, so nothing is locked; a reader adds up the columns.
 *
 *  - endpoint cells: in flight, served, failures and so on, one row per endpoint slot, one column per worker;
 *  - series: a worker's own counters and histograms, found by a key of (family, slot, detail) that lies beside them, so
 *    that the main thread can read them without a message and a dead worker's numbers survive it.
 */

/** Rows for endpoints. Untouched rows cost address space only. */
const ENDPOINT_SLOTS = 65_536;
/** Cells for series per worker; when they run out, further series count into one overflow series. */
const SERIES_CELLS = 262_144;

export interface CountersLayout {
  readonly workers: number;
  readonly inFlight: SharedArrayBuffer;
  readonly endpointTotals: SharedArrayBuffer;
  readonly endpointStates: SharedArrayBuffer;
  readonly series: readonly SeriesLayout[];
  readonly queues: QueuesLayout;
}

export interface SeriesLayout {
  readonly keys: SharedArrayBuffer;
  readonly cells: SharedArrayBuffer;
}

export function createCountersLayout(workers: number): CountersLayout {
  return {
    workers,
    inFlight: new SharedArrayBuffer(ENDPOINT_SLOTS * workers * 4),
    endpointTotals: new SharedArrayBuffer(ENDPOINT_SLOTS * workers * EndpointTotal.count * 8),
    endpointStates: new SharedArrayBuffer(ENDPOINT_SLOTS * workers),
    series: Array.from({ length: workers }, () => ({
      keys: new SharedArrayBuffer(SERIES_CELLS * 8),
      cells: new SharedArrayBuffer(SERIES_CELLS * 8),
    })),
    queues: createQueuesLayout(workers),
  };
}

/** Monotonic numbers of one endpoint. */
export const EndpointTotal = { served: 0, failures: 1, ejections: 2, count: 3 } as const;

/** How a worker sees an endpoint; the worst of all workers is shown. */
export const EndpointState = { active: 0, slowStart: 1, ejected: 2 } as const;

/** In-flight counts and totals of endpoints. */
export class EndpointCounters {
  readonly #workers: number;
  readonly #inFlight: Int32Array;
  readonly #totals: Float64Array;
  readonly #states: Uint8Array;

  constructor(layout: CountersLayout) {
    this.#workers = layout.workers;
    this.#states = new Uint8Array(layout.endpointStates);
    this.#inFlight = new Int32Array(layout.inFlight);
    this.#totals = new Float64Array(layout.endpointTotals);
  }

  get slots(): number {
    return ENDPOINT_SLOTS;
  }

  /** Requests and connections in flight on an endpoint, over all workers. */
  inFlight(slot: number): number {
    const at = slot * this.#workers;
    let sum = 0;
    for (let i = 0; i < this.#workers; i++) sum += Atomics.load(this.#inFlight, at + i);
    return sum;
  }

  /** In flight on one worker. */
  ownInFlight(slot: number, worker: number): number {
    return this.#inFlight[slot * this.#workers + worker]!;
  }

  addInFlight(slot: number, worker: number, by: 1 | -1): void {
    Atomics.add(this.#inFlight, slot * this.#workers + worker, by);
  }

  add(slot: number, worker: number, total: number): void {
    this.#totals[(slot * this.#workers + worker) * EndpointTotal.count + total]!++;
  }

  total(slot: number, total: number): number {
    let sum = 0;
    for (let i = 0; i < this.#workers; i++) {
      sum += this.#totals[(slot * this.#workers + i) * EndpointTotal.count + total]!;
    }
    return sum;
  }

  setState(slot: number, worker: number, state: number): void {
    this.#states[slot * this.#workers + worker] = state;
  }

  state(slot: number): number {
    let worst = 0;
    for (let i = 0; i < this.#workers; i++) worst = Math.max(worst, this.#states[slot * this.#workers + i]!);
    return worst;
  }

  /** A dead worker holds nothing. Its totals stay. */
  clearColumn(worker: number): void {
    for (let slot = 0; slot < ENDPOINT_SLOTS; slot++) {
      const at = slot * this.#workers + worker;
      if (this.#inFlight[at] !== 0) Atomics.store(this.#inFlight, at, 0);
      this.#states[at] = 0;
    }
  }

  /** Before a slot is given to another endpoint. */
  clearSlot(slot: number): void {
    const at = slot * this.#workers;
    this.#inFlight.fill(0, at, at + this.#workers);
    this.#states.fill(0, at, at + this.#workers);
    this.#totals.fill(0, at * EndpointTotal.count, (at + this.#workers) * EndpointTotal.count);
  }
}

/** What a series counts. A histogram takes `HISTOGRAM_CELLS` cells: the sum, beside the buckets of quick answers, then the buckets. */
export const Family = {
  /** slot = route, detail = listener, method, status. */
  requests: 1,
  /** slot = route, detail = listener. Histogram. */
  requestSeconds: 2,
  /** slot = route, detail = listener. Histogram. */
  upstreamSeconds: 3,
  /** detail = listener; a gauge. */
  requestsInFlight: 4,
  /** slot = port that routes have opened, or 0 and detail = listener; a gauge. */
  connections: 5,
  /** slot = reason number, detail = listener: answers the router invented. */
  invented: 6,
  /** slot = route. */
  retries: 7,
  /** Connections accepted; as `connections`. */
  accepted: 8,
  /** slot = worker; a gauge, in seconds. */
  eventLoopDelay: 9,
  /** Connections closed without an answer; as `connections`. */
  refused: 10,
  /** slot = route, detail = number of the ending: streams that are over. */
  streams: 11,
  /** slot = direction (0 in, 1 out): bytes of streams. */
  streamBytes: 12,
  /** slot = direction (0 in, 1 out): datagrams of clients. */
  udpDatagrams: 13,
  /** slot = number of the reason: datagrams that were not passed on. */
  udpDropped: 14,
  /** slot = port that routes have opened; a gauge. */
  udpSessions: 15,
  /** slot = route, detail = number of the ending: UDP sessions that are over. */
  udpEndings: 16,
  /** slot = result number, detail = listener: how connections to TLS listeners began. */
  handshakes: 20,
  /** slot = kind number, detail = listener: HTTP/2 connections ended for what they sent. */
  http2Floods: 21,
  /** slot = fault number: TLS handshakes with instances that failed. */
  upstreamTlsFaults: 22,
} as const;

/** Upper bounds in seconds: OpenTelemetry's HTTP duration advice with two finer ones in front. */
export const BUCKETS = [
  0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10,
] as const;
export const HISTOGRAM_CELLS = BUCKETS.length + 2;

function widthOf(family: number): number {
  return family === Family.requestSeconds || family === Family.upstreamSeconds ? HISTOGRAM_CELLS : 1;
}

/** Methods that get a label of their own; anything else is `other`, so that clients cannot invent series. */
export const METHODS = [
  'other',
  'GET',
  'HEAD',
  'POST',
  'PUT',
  'DELETE',
  'PATCH',
  'OPTIONS',
  'TRACE',
  'CONNECT',
] as const;

/** Route slot of requests that belong to no route. */
export const NO_ROUTE = 0;

const FAMILY_BITS = 6;
const DETAIL_BITS = 26;

/** Packs what distinguishes series of one slot; listener < 64, method < 64, status < 1024. */
export function detailOf(listener: number, method = 0, status = 0): number {
  return (listener << 16) | (method << 10) | status;
}

export function unpackDetail(detail: number): { listener: number; method: number; status: number } {
  return { listener: detail >>> 16, method: (detail >>> 10) & 63, status: detail & 1023 };
}

/** One worker's series: written by it, read by the main thread. */
export class Series {
  readonly cells: Float64Array;
  readonly #keys: Uint32Array;
  #used = 1;
  /** Cells of series that ended, by width. */
  readonly #free = new Map<number, number[]>();

  constructor(layout: SeriesLayout) {
    this.cells = new Float64Array(layout.cells);
    this.#keys = new Uint32Array(layout.keys);
    // A respawned worker goes on where the one before it stopped.
    while (this.#used < SERIES_CELLS && this.#keys[this.#used * 2]! !== 0) {
      this.#used += widthOf(familyOf(this.#keys[this.#used * 2]!));
    }
  }

  /**
   * The first cell of a new series. The caller keeps it: there is no look-up by key on the request path. When the space
   * is used up the answer is cell 0, which collects what could not be told apart.
   */
  open(family: number, slot: number, detail: number): number {
    const width = widthOf(family);
    const cell = this.#free.get(width)?.pop() ?? this.#grow(width);
    if (cell === 0) return 0;
    this.#keys[cell * 2 + 1] = slot;
    Atomics.store(this.#keys, cell * 2, (family << DETAIL_BITS) | detail | 0);
    return cell;
  }

  /** Ends a series: its cells become free and it is no longer reported. */
  close(cell: number): void {
    if (cell === 0) return;
    const key = this.#keys[cell * 2]!;
    const width = widthOf(familyOf(key));
    // The family stays (it tells the width); slot 2^32-1 marks the cells as free.
    this.#keys[cell * 2 + 1] = FREE;
    this.cells.fill(0, cell, cell + width);
    const list = this.#free.get(width);
    if (list) list.push(cell);
    else this.#free.set(width, [cell]);
  }

  observe(cell: number, seconds: number): void {
    if (cell === 0) return;
    let bucket = 0;
    while (bucket < BUCKETS.length && seconds > BUCKETS[bucket]!) bucket++;
    this.cells[cell]! += seconds;
    this.cells[cell + 1 + bucket]!++;
  }

  /** Calls back for every live series. */
  read(each: (family: number, slot: number, detail: number, cell: number) => void): void {
    for (let cell = 1; cell < SERIES_CELLS; ) {
      const key = Atomics.load(this.#keys, cell * 2);
      if (key === 0) return;
      const family = familyOf(key);
      const slot = this.#keys[cell * 2 + 1]!;
      if (slot !== FREE) each(family, slot, key & ((1 << DETAIL_BITS) - 1), cell);
      cell += widthOf(family);
    }
  }

  #grow(width: number): number {
    if (this.#used + width > SERIES_CELLS) return 0;
    const cell = this.#used;
    this.#used += width;
    return cell;
  }
}

const FREE = 0xffffffff;

function familyOf(key: number): number {
  return (key >>> DETAIL_BITS) & ((1 << FAMILY_BITS) - 1);
}
