/** As much as libuv reads at once by itself. */
const READ_BYTES = 64 * 1024;

/** All connections of a worker read into it, one after the other: what wants to keep bytes copies them. */
export function createSharedReadBuffer(): Buffer {
  return Buffer.allocUnsafeSlow(READ_BYTES);
}

/**
 * For copies of 8, 16, 32 and 64 KiB, hot in the cache when they were returned before: an allocation for each answer of
 * some size cost more than the copy. One of each will do, since a read is worked through before the next.
 */
const spares: (Buffer | null)[] = [null, null, null, null];
const SMALLEST_BITS = 13;

/**
 * Where a socket reads to (`onread` of `net.connect`). Node's own way makes a buffer of 64 KiB and shrinks it for every
 * read, which costs more than all we do with a small answer; here reads share one buffer, and only a connection whose
 * last read has filled it, so that more is waiting, has one of its own.
 */
export class ReadBuffer {
  readonly #shared: Buffer;
  #current: Buffer;
  #next: Buffer | undefined;
  /** The next read gets a buffer of this connection's. */
  #isBulk = false;
  /** What the last read was copied to. */
  #copy: Buffer | null = null;

  constructor(shared: Buffer) {
    this.#shared = shared;
    this.#current = shared;
    this.#next = shared;
  }

  /**
   * The `length` bytes that were read. Up to `maxBorrowed` they are only valid until the caller returns; more than that
   * is the caller's to keep. `settle` follows.
   */
  take(length: number, maxBorrowed: number): Buffer {
    const current = this.#current;
    const isShared = current === this.#shared;
    this.#isBulk = length === READ_BYTES;
    this.#next = isShared || this.#isBulk ? undefined : this.#shared;
    if (length <= maxBorrowed) return current.subarray(0, length);
    if (!isShared) return current.subarray(0, length);
    this.#copy = takeSpare(length);
    current.copy(this.#copy, 0, 0, length);
    return this.#copy.subarray(0, length);
  }

  /** Where nobody keeps what was taken last, the next read may write over it, while it is hot in the cache. */
  settle(isKept: boolean): void {
    const copy = this.#copy;
    this.#copy = null;
    if (isKept) return;
    if (copy !== null) spares[sizeOf(copy.length)] = copy;
    else if (this.#current !== this.#shared) this.#isBulk = false;
  }

  /**
   * The buffer for the next read; undefined for the same again. Before the first read it is the same as often as it is asked
   * for: a name with several addresses may take a socket several handles until it is connected, and one that is told of no
   * buffer reads elsewhere, so that what lies in this one would be taken for what came.
   */
  next(): Buffer | undefined {
    if (this.#isBulk) {
      this.#isBulk = false;
      this.#next = Buffer.allocUnsafeSlow(READ_BYTES);
    }
    const next = this.#next;
    if (next === undefined) return undefined;
    this.#current = next;
    return next;
  }
}

/** Position among the spares. */
function sizeOf(length: number): number {
  return Math.max(0, 32 - Math.clz32(length - 1) - SMALLEST_BITS);
}

function takeSpare(length: number): Buffer {
  const size = sizeOf(length);
  const spare = spares[size] ?? Buffer.allocUnsafeSlow(1 << (size + SMALLEST_BITS));
  spares[size] = null;
  return spare;
}
