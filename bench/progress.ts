/** What is going on, on standard error; and whether there is time for more. */
export class Progress {
  readonly #total: number;
  readonly #until: number;
  readonly #startedAt = performance.now();
  #done = 0;
  skipped = 0;

  constructor(total: number, minutes: number) {
    this.#total = total;
    this.#until = performance.now() + minutes * 60_000;
  }

  /** Names the next step. False when its time is over: it is left out. */
  next(what: string): boolean {
    this.#done++;
    if (performance.now() > this.#until) {
      this.skipped++;
      return false;
    }
    say(`[${this.#done}/${this.#total}] ${what} …`);
    return true;
  }

  get minutes(): number {
    return (performance.now() - this.#startedAt) / 60_000;
  }
}

export function say(text: string): void {
  process.stderr.write(`${text}\n`);
}
