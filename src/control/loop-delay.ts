import { monitorEventLoopDelay } from 'node:perf_hooks';

const PERIOD_MS = 1_000;

/** Mean delay of the main thread's event loop over the last second, whoever asks and however often. */
export class LoopDelay {
  seconds = 0;
  readonly #monitor = monitorEventLoopDelay({ resolution: 20 });
  readonly #timer: NodeJS.Timeout;

  constructor() {
    this.#monitor.enable();
    this.#timer = setInterval(() => this.#read(), PERIOD_MS).unref();
  }

  close(): void {
    clearInterval(this.#timer);
    this.#monitor.disable();
  }

  #read(): void {
    const { mean } = this.#monitor;
    this.seconds = Number.isNaN(mean) ? 0 : mean / 1e9;
    this.#monitor.reset();
  }
}
