/** Hands out small numbers to names, for rows in shared memory, and takes them back. */
export class Slots {
  readonly #limit: number;
  readonly #byName = new Map<string, number>();
  readonly #names = new Map<number, string>();
  #free: number[] = [];
  #next: number;

  /** Numbers from `first` up to, not including, `limit`. */
  constructor(first: number, limit: number) {
    this.#next = first;
    this.#limit = limit;
  }

  get size(): number {
    return this.#byName.size;
  }

  get(name: string): number | undefined {
    return this.#byName.get(name);
  }

  nameOf(slot: number): string | undefined {
    return this.#names.get(slot);
  }

  entries(): IterableIterator<[string, number]> {
    return this.#byName.entries();
  }

  /** The name's number, a new one if it has none; null when there are no more. */
  take(name: string): number | null {
    const known = this.#byName.get(name);
    if (known !== undefined) return known;
    const slot = this.#free.pop() ?? (this.#next < this.#limit ? this.#next++ : null);
    if (slot === null) return null;
    this.#byName.set(name, slot);
    this.#names.set(slot, name);
    return slot;
  }

  /** Separates the name from its number, which stays in use until `free`. */
  detach(name: string): number | undefined {
    const slot = this.#byName.get(name);
    if (slot === undefined) return undefined;
    this.#byName.delete(name);
    this.#names.delete(slot);
    return slot;
  }

  free(slot: number): void {
    this.#free.push(slot);
  }
}
