/** As much as libuv reads at once by itself. */
const READ_BYTES = 64 * 1024;

/** All connections of a worker read into it, one after the other: what wants to keep bytes copies them. */
export function createSharedReadBuffer(): Buffer {
  return Buffer.allocUnsafeSlow(READ_BYTES);
}

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

  constructor(shared: Buffer) {
    this.#shared = shared;
    this.#current = shared;
    this.#next = shared;
  }

  /**
   * The `length` bytes that were read. Up to `maxBorrowed` they are only valid until the caller returns; more than that
   * is the caller's to keep, unless it says `returned`.
   */
  take(length: number, maxBorrowed: number): Buffer {
    const current = this.#current;
    const isShared = current === this.#shared;
    this.#isBulk = length === READ_BYTES;
    this.#next = isShared || this.#isBulk ? undefined : this.#shared;
    if (length <= maxBorrowed) return current.subarray(0, length);
    return isShared ? copyOf(current, length) : current.subarray(0, length);
  }

  /** Nobody keeps what was taken last: the next read may write over it, while it is hot in the cache. */
  returned(): void {
    if (this.#current !== this.#shared) this.#isBulk = false;
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

function copyOf(bytes: Buffer, length: number): Buffer {
  const copy = Buffer.allocUnsafeSlow(length);
  bytes.copy(copy, 0, 0, length);
  return copy;
}
