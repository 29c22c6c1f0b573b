import { detailOf, Family, METHODS, NO_ROUTE, type Series } from '../shared/counters.ts';
import { ENDING_NAMES, type Ending } from '../shared/endings.ts';
import type { Transport } from '../shared/messages.ts';
import { REASONS, type Reason } from '../shared/reasons.ts';

/** What is counted by port. */
const PORT_FAMILIES = {
  tcp: [Family.connections, Family.accepted, Family.refused],
  udp: [Family.udpSessions],
} as const;

const METHOD_NUMBER = new Map<string, number>(METHODS.map((method, number) => [method, number]));

/**
 * Counts what happened to requests. A series is looked up once and its cell kept, so that a request costs a few additions
 * to shared memory. Routes are found by their slot, a small number, and what a request touches of one lies close together:
 * among many routes it is cache misses that cost.
 */
export class Recorder {
  readonly #series: Series;
  readonly #routes: (RouteCells | undefined)[] = [];
  readonly #gauges = new Map<number, number>();
  #bytesIn = 0;
  #bytesOut = 0;
  #datagramsIn = 0;
  #datagramsOut = 0;

  constructor(series: Series) {
    this.#series = series;
  }

  /** One finished request. `upstreamSeconds` is negative when no upstream answered. */
  request(
    slot: number,
    listener: number,
    method: string,
    status: number,
    seconds: number,
    upstreamSeconds: number,
  ): void {
    const series = this.#series;
    const cells = this.#cellsOf(slot);
    const detail = detailOf(listener, METHOD_NUMBER.get(method) ?? 0, status);
    if (detail !== cells.latestDetail) {
      cells.latestDetail = detail;
      cells.latestCounter = this.#counter(cells, detail);
    }
    series.cells[cells.latestCounter]!++;
    const own = cells.listeners[listener] ?? this.#histograms(cells, listener);
    series.observe(own.request, seconds);
    if (upstreamSeconds < 0) return;
    if (own.upstream < 0) own.upstream = series.open(Family.upstreamSeconds, cells.slot, detailOf(listener));
    series.observe(own.upstream, upstreamSeconds);
  }

  retry(slot: number): void {
    const cells = this.#cellsOf(slot);
    if (cells.retries < 0) cells.retries = this.#series.open(Family.retries, cells.slot, 0);
    this.#series.cells[cells.retries]!++;
  }

  /** One stream, or session of datagrams, that is over. */
  stream(slot: number, ending: Ending, family: typeof Family.streams | typeof Family.udpEndings): void {
    const { streams, slot: kept } = this.#cellsOf(slot);
    const detail = ENDING_NAMES.indexOf(ending);
    // Connections without a route and such sessions have one row.
    const key = family * 64 + detail;
    let cell = streams.get(key);
    if (cell === undefined) {
      cell = this.#series.open(family, kept, detail);
      streams.set(key, cell);
    }
    this.#series.cells[cell]!++;
  }

  /** Bytes that clients of streams have sent, and received. */
  streamBytes(received: number, sent: number): void {
    if (this.#bytesIn === 0) this.#bytesIn = this.#series.open(Family.streamBytes, 0, 0);
    if (this.#bytesOut === 0) this.#bytesOut = this.#series.open(Family.streamBytes, 1, 0);
    this.#series.cells[this.#bytesIn]! += received;
    this.#series.cells[this.#bytesOut]! += sent;
  }

  /** One datagram that a client has sent, or is sent. */
  datagram(direction: 'in' | 'out'): void {
    if (this.#datagramsIn === 0) this.#datagramsIn = this.#series.open(Family.udpDatagrams, 0, 0);
    if (this.#datagramsOut === 0) this.#datagramsOut = this.#series.open(Family.udpDatagrams, 1, 0);
    this.#series.cells[direction === 'in' ? this.#datagramsIn : this.#datagramsOut]!++;
  }

  invented(reason: Reason, listener: number): void {
    this.add(Family.invented, REASONS.indexOf(reason), listener, 1);
  }

  /** Moves a gauge or counter that belongs to no route. */
  add(family: number, slot: number, listener: number, by: number): void {
    this.#series.cells[this.#gauge(family, slot, listener)]! += by;
  }

  /** Sets a gauge. */
  put(family: number, slot: number, value: number): void {
    this.#series.cells[this.#gauge(family, slot, 0)] = value;
  }

  #gauge(family: number, slot: number, listener: number): number {
    // Ports are slots as well, so both take 16 bits.
    const key = (family * 65_536 + slot) * 256 + listener;
    let cell = this.#gauges.get(key);
    if (cell === undefined) {
      cell = this.#series.open(family, slot, detailOf(listener));
      this.#gauges.set(key, cell);
    }
    return cell;
  }

  /** Nobody listens on this port any more, so its series end. */
  forgetPort(transport: Transport, port: number): void {
    for (const family of PORT_FAMILIES[transport]) {
      const key = (family * 65_536 + port) * 256;
      this.#series.close(this.#gauges.get(key) ?? 0);
      this.#gauges.delete(key);
    }
  }

  /** The route is gone: so are its series. Requests that still run count as having no route. */
  forget(slot: number): void {
    const cells = this.#routes[slot];
    const none = this.#cellsOf(NO_ROUTE);
    // Its number is not used again, so nobody would close series that were opened after this.
    this.#keep(slot, none);
    if (cells === undefined || cells === none) return;
    for (const cell of [...cells.counters.values(), ...cells.streams.values()]) this.#series.close(cell);
    for (const own of cells.listeners) {
      if (own === undefined) continue;
      this.#series.close(own.request);
      if (own.upstream >= 0) this.#series.close(own.upstream);
    }
    if (cells.retries > 0) this.#series.close(cells.retries);
  }

  #cellsOf(slot: number): RouteCells {
    let cells = this.#routes[slot];
    if (cells === undefined) {
      cells = {
        slot,
        counters: new Map(),
        listeners: [],
        streams: new Map(),
        retries: -1,
        latestDetail: -1,
        latestCounter: 0,
      };
      this.#keep(slot, cells);
    }
    return cells;
  }

  #keep(slot: number, cells: RouteCells): void {
    // Without gaps, or the array becomes a dictionary.
    while (this.#routes.length < slot) this.#routes.push(undefined);
    this.#routes[slot] = cells;
  }

  #counter(cells: RouteCells, detail: number): number {
    let counter = cells.counters.get(detail);
    if (counter === undefined) {
      counter = this.#series.open(Family.requests, cells.slot, detail);
      cells.counters.set(detail, counter);
    }
    return counter;
  }

  #histograms(cells: RouteCells, listener: number): Histograms {
    const own = {
      request: this.#series.open(Family.requestSeconds, cells.slot, detailOf(listener)),
      upstream: -1,
    };
    while (cells.listeners.length < listener) cells.listeners.push(undefined);
    cells.listeners[listener] = own;
    return own;
  }
}

interface RouteCells {
  /** Of the route, or of none once it is gone. */
  readonly slot: number;
  /** By detail: listener, method and status. */
  readonly counters: Map<number, number>;
  readonly listeners: (Histograms | undefined)[];
  /** By family and how they ended. */
  readonly streams: Map<number, number>;
  retries: number;
  /** Of the request before this one: most requests of a route end alike. */
  latestDetail: number;
  latestCounter: number;
}

interface Histograms {
  readonly request: number;
  /** Negative until an upstream has answered. */
  upstream: number;
}
