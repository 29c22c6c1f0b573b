/** As much as libuv reads at once by itself. */
const READ_BYTES = 64 * 1024;
/** A read of this size is a large body under way: its buffer is handed on, and a new one is cheaper than a copy. */
const BULK_BYTES = 32 * 1024;

/** All connections of a worker read into it, one after the other: what wants to keep bytes copies them. */
export function createSharedReadBuffer(): Buffer {
  return Buffer.allocUnsafeSlow(READ_BYTES);
}

/**
 * Where a socket reads to (`onread` of `net.connect`). Node's own way makes a buffer of 64 KiB and shrinks it for every
 * read, which costs more than all we do with a small answer; here reads share one buffer, and only a connection in the
 * midst of a large body has buffers of its own.
 */
export class ReadBuffer {
  readonly #shared: Buffer;
  #current: Buffer;
  #next: Buffer | undefined;

  constructor(shared: Buffer) {
    this.#shared = shared;
    this.#current = shared;
    this.#next = shared;
  }

  /**
   * The `length` bytes that were read. Up to `maxBorrowed` they are only valid until the caller returns; more than that
   * is the caller's to keep.
   */
  take(length: number, maxBorrowed: number): Buffer {
    if (length <= maxBorrowed) return this.#current.subarray(0, length);
    if (length < BULK_BYTES) return copyOf(this.#current, length);
    const bytes =
      this.#current === this.#shared ? copyOf(this.#current, length) : this.#current.subarray(0, length);
    this.#next = Buffer.allocUnsafeSlow(READ_BYTES);
    return bytes;
  }

  /** The large body is over. */
  rest(): void {
    this.#next = this.#current === this.#shared ? undefined : this.#shared;
  }

  /** The buffer for the next read; undefined for the same again. */
  next(): Buffer | undefined {
    const next = this.#next;
    if (next === undefined) return undefined;
    this.#current = next;
    this.#next = undefined;
    return next;
  }
}

function copyOf(bytes: Buffer, length: number): Buffer {
  const copy = Buffer.allocUnsafeSlow(length);
  bytes.copy(copy, 0, 0, length);
  return copy;
}
