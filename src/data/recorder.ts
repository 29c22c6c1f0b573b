import { detailOf, Family, METHODS, NO_ROUTE, type Series } from '../shared/counters.ts';
import { ENDING_NAMES, type Ending } from '../shared/endings.ts';
import { REASONS, type Reason } from '../shared/reasons.ts';

const METHOD_NUMBER = new Map<string, number>(METHODS.map((method, number) => [method, number]));

/**
 * Counts what happened to requests. A series is looked up once per route and kept in a map of small integers; from then
 * on a request costs a few additions to shared memory.
 */
export class Recorder {
  readonly #series: Series;
  readonly #routes = new Map<number, RouteCells>();
  readonly #gauges = new Map<number, number>();
  #bytesIn = 0;
  #bytesOut = 0;

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
    const cells = this.#cellsOf(slot);
    const detail = detailOf(listener, METHOD_NUMBER.get(method) ?? 0, status);
    let counter = cells.counters.get(detail);
    if (counter === undefined) {
      counter = this.#series.open(Family.requests, slot, detail);
      cells.counters.set(detail, counter);
    }
    this.#series.cells[counter]!++;
    this.#series.observe(this.#histogram(cells, Family.requestSeconds, slot, listener), seconds);
    if (upstreamSeconds >= 0) {
      this.#series.observe(this.#histogram(cells, Family.upstreamSeconds, slot, listener), upstreamSeconds);
    }
  }

  retry(slot: number): void {
    const cells = this.#cellsOf(slot);
    if (cells.retries < 0) cells.retries = this.#series.open(Family.retries, slot, 0);
    this.#series.cells[cells.retries]!++;
  }

  /** One stream that is over. */
  stream(slot: number, ending: Ending): void {
    const { streams } = this.#cellsOf(slot);
    const detail = ENDING_NAMES.indexOf(ending);
    let cell = streams.get(detail);
    if (cell === undefined) {
      cell = this.#series.open(Family.streams, slot, detail);
      streams.set(detail, cell);
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
  forgetPort(port: number): void {
    for (const family of [Family.connections, Family.accepted, Family.refused]) {
      const key = (family * 65_536 + port) * 256;
      this.#series.close(this.#gauges.get(key) ?? 0);
      this.#gauges.delete(key);
    }
  }

  /** The route is gone: so are its series. Requests that still run count as having no route. */
  forget(slot: number): void {
    const cells = this.#routes.get(slot);
    if (!cells || slot === NO_ROUTE) return;
    this.#routes.delete(slot);
    for (const cell of [...cells.counters.values(), ...cells.streams.values()]) this.#series.close(cell);
    for (const cell of cells.histograms.values()) this.#series.close(cell);
    if (cells.retries > 0) this.#series.close(cells.retries);
  }

  #cellsOf(slot: number): RouteCells {
    let cells = this.#routes.get(slot);
    if (!cells) {
      cells = { counters: new Map(), histograms: new Map(), streams: new Map(), retries: -1 };
      this.#routes.set(slot, cells);
    }
    return cells;
  }

  #histogram(cells: RouteCells, family: number, slot: number, listener: number): number {
    const key = (family << 8) | listener;
    let cell = cells.histograms.get(key);
    if (cell === undefined) {
      cell = this.#series.open(family, slot, detailOf(listener));
      cells.histograms.set(key, cell);
    }
    return cell;
  }
}

interface RouteCells {
  readonly counters: Map<number, number>;
  readonly histograms: Map<number, number>;
  readonly streams: Map<number, number>;
  retries: number;
}
