import { Worker } from 'node:worker_threads';
import { type CountersLayout, EndpointCounters, Family, Series } from '../shared/counters.ts';
import type { FromWorker, ToWorker, Transport, WorkerSetup } from '../shared/messages.ts';
import { QueueCounters } from '../shared/queue-counters.ts';
import type { Log } from './log.ts';

type TableMessage = Extract<ToWorker, { type: 'table' }>;

/** A worker that dies at once is not started again in a tight circle. */
const RESPAWN_FIRST_MS = 50;
const RESPAWN_MAX_MS = 5_000;
/** Alive this long, a worker's next death is a first one again. */
const STABLE_MS = 10_000;

export interface WorkersOptions {
  readonly setup: Omit<WorkerSetup, 'index'>;
  readonly count: number;
  readonly counters: CountersLayout;
  readonly log: Log;
  /** The whole table, for a fresh worker; null before the first complete one. */
  readonly table: () => TableMessage | null;
  /** What a fresh worker is told before anything else. */
  readonly greeting: () => readonly ToWorker[];
  /** Ports that routes want open, for a fresh worker. */
  readonly ports: (transport: Transport) => readonly number[];
  readonly onMessage: (worker: number, message: FromWorker) => void;
  readonly onDeath: (worker: number) => void;
}

/** A request's garbage dies young: fewer, larger collections cost less (measured: 2 % of a request). */
const YOUNG_GENERATION_MB = 48;

interface Seat {
  worker: Worker | null;
  isReady: boolean;
  spawnedAt: number;
  deaths: number;
  timer: NodeJS.Timeout | null;
}

/**
 * The data-plane threads: started together, each respawned by itself when it dies. A fresh worker gets the whole table
 * and the listeners; the others notice nothing.
 */
export class Workers {
  readonly #options: WorkersOptions;
  readonly #seats: Seat[];
  #isListening = false;
  #isClosing = false;
  respawns = 0;

  constructor(options: WorkersOptions) {
    this.#options = options;
    this.#seats = Array.from({ length: options.count }, () => ({
      worker: null,
      isReady: false,
      spawnedAt: 0,
      deaths: 0,
      timer: null,
    }));
    for (const index of this.#seats.keys()) this.#spawn(index);
  }

  get alive(): number {
    return this.#seats.filter((seat) => seat.isReady).length;
  }

  get count(): number {
    return this.#seats.length;
  }

  broadcast(message: ToWorker): number {
    let sent = 0;
    for (const seat of this.#seats) {
      if (!seat.isReady) continue;
      seat.worker!.postMessage(message);
      sent++;
    }
    return sent;
  }

  /** Binds the listeners, here and in workers that are started later. */
  listen(): void {
    if (this.#isListening) return;
    this.#isListening = true;
    this.broadcast({ type: 'listen' });
  }

  /** No more respawning; every worker drains. One that is only starting has nothing to finish and ends. */
  drain(deadlineMs: number): void {
    this.#isClosing = true;
    for (const [index, seat] of this.#seats.entries()) {
      if (seat.timer) clearTimeout(seat.timer);
      if (seat.worker === null) this.#options.onDeath(index);
      else if (!seat.isReady) void seat.worker.terminate();
    }
    this.broadcast({ type: 'drain', deadlineMs });
  }

  /** Ends one worker; the next takes its place after the usual delay. */
  restart(index: number): void {
    void this.#seats[index]!.worker?.terminate();
  }

  async terminate(): Promise<void> {
    this.#isClosing = true;
    for (const seat of this.#seats) if (seat.timer) clearTimeout(seat.timer);
    await Promise.all(this.#seats.map((seat) => seat.worker?.terminate()));
  }

  #spawn(index: number): void {
    const seat = this.#seats[index]!;
    seat.timer = null;
    seat.spawnedAt = performance.now();
    const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
    const worker = new Worker(new URL(`../data/worker.${extension}`, import.meta.url), {
      workerData: { ...this.#options.setup, index } satisfies WorkerSetup,
      name: `fairlead-data-${index}`,
      resourceLimits: { maxYoungGenerationSizeMb: YOUNG_GENERATION_MB },
    });
    seat.worker = worker;
    worker.on('message', (message: FromWorker) => this.#onMessage(index, message));
    worker.on('error', (error) => this.#options.log.error({ worker: index, err: error }, 'worker failed'));
    worker.on('exit', (code) => this.#onExit(index, code));
  }

  #onMessage(index: number, message: FromWorker): void {
    const seat = this.#seats[index]!;
    if (message.type === 'ready') {
      seat.isReady = true;
      for (const said of this.#options.greeting()) seat.worker!.postMessage(said);
      const table = this.#options.table();
      if (table) seat.worker!.postMessage(table);
      if (this.#isListening) seat.worker!.postMessage({ type: 'listen' } satisfies ToWorker);
      for (const transport of ['tcp', 'udp'] as const) {
        const ports = this.#options.ports(transport);
        seat.worker!.postMessage({ type: 'ports', transport, ports } satisfies ToWorker);
      }
    }
    this.#options.onMessage(index, message);
  }

  #onExit(index: number, code: number): void {
    const seat = this.#seats[index]!;
    seat.worker = null;
    seat.isReady = false;
    clearColumn(this.#options.counters, index);
    if (this.#isClosing) return this.#options.onDeath(index);
    if (performance.now() - seat.spawnedAt > STABLE_MS) seat.deaths = 0;
    const delayMs = Math.min(RESPAWN_MAX_MS, RESPAWN_FIRST_MS * 2 ** Math.min(seat.deaths++, 10));
    this.#options.log.error({ worker: index, code, delayMs }, 'worker died and is started again');
    this.respawns++;
    seat.timer = setTimeout(() => this.#spawn(index), delayMs);
    this.#options.onDeath(index);
  }
}

const GAUGES: ReadonlySet<number> = new Set([
  Family.connections,
  Family.requestsInFlight,
  Family.udpSessions,
]);

/** A dead worker holds no requests and no connections; what it has counted stays. */
function clearColumn(layout: CountersLayout, worker: number): void {
  new EndpointCounters(layout).clearColumn(worker);
  new QueueCounters(layout.queues).clearColumn(worker);
  const series = new Series(layout.series[worker]!);
  series.read((family, _slot, _detail, cell) => {
    if (GAUGES.has(family)) series.cells[cell] = 0;
  });
}
