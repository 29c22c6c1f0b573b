import type net from 'node:net';

/** Text beyond this goes out at once: it is no small answer any more. */
const MAX_GATHERED = 16 * 1024;
/** Up to here head and body go out as one string; beyond, two buffers in one system call. */
export const MAX_JOINED = 4096;

/** What may only be lent, such that it can be written later. */
export function kept(bytes: Buffer): Buffer {
  return bytes.length <= MAX_JOINED ? Buffer.from(bytes) : bytes;
}

/**
 * Writes that wait for the end of the present turn of the event loop. A system call that sends wakes the receiver, which
 * is dear when it has gone to sleep since the one before: sent in a row, the writes of a turn wake it once (measured: some
 * 3 µs a request). At low load a turn has one event, and nothing waits.
 */
export class WriteBatch {
  #waiting: Outgoing[] = [];

  add(outgoing: Outgoing): void {
    if (this.#waiting.push(outgoing) === 1) setImmediate(() => this.#flush());
  }

  #flush(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const outgoing of waiting) outgoing.flush();
  }
}

/** The writing side of a socket: gathers text within a turn, keeps the order, and tells when to pause. */
export class Outgoing {
  readonly #socket: net.Socket;
  readonly #batch: WriteBatch;
  #text = '';
  #unsentBefore = 0;

  constructor(socket: net.Socket, batch: WriteBatch) {
    this.#socket = socket;
    this.#batch = batch;
  }

  /** Bytes that the system has not taken yet. */
  get unsent(): number {
    return this.#socket.writableLength + this.#text.length;
  }

  /** True when the other side has taken some of what is unsent since this was last asked. */
  hasProgressed(): boolean {
    const { unsent } = this;
    const hasProgressed = unsent > 0 && unsent !== this.#unsentBefore;
    this.#unsentBefore = unsent;
    return hasProgressed;
  }

  /** The socket's `drain` event will follow. */
  get needsDrain(): boolean {
    return this.#socket.writableNeedDrain;
  }

  /** Latin1 text. False when the sender should pause until the socket drains. */
  writeText(text: string): boolean {
    // Only what the socket itself has refused is followed by a drain, so pausing is up to the socket.
    if (this.#socket.writableNeedDrain || this.#text.length + text.length > MAX_GATHERED) {
      const all = this.#text + text;
      this.#text = '';
      return this.#socket.write(all, 'latin1');
    }
    if (this.#text === '') this.#batch.add(this);
    this.#text += text;
    return true;
  }

  /** Up to `MAX_JOINED` the bytes may be lent. False when the sender should pause until the socket drains. */
  write(bytes: Buffer): boolean {
    if (bytes.length <= MAX_JOINED) return this.writeText(bytes.toString('latin1'));
    if (this.#text === '') return this.#socket.write(bytes);
    this.#socket.cork();
    this.flush();
    const goesOn = this.#socket.write(bytes);
    this.#socket.uncork();
    return goesOn;
  }

  /** Passes on what `source` has read, which is read no further until this socket drains if it does not keep up. */
  pass(bytes: Buffer, source: net.Socket): void {
    if (this.write(bytes)) return;
    source.pause();
    // Progress is counted from here.
    this.hasProgressed();
  }

  /** What is unsent goes out, then this side ends. */
  end(): void {
    this.flush();
    this.#socket.end();
  }

  flush(): void {
    const text = this.#text;
    this.#text = '';
    if (text !== '' && this.#socket.writable) this.#socket.write(text, 'latin1');
  }
}
