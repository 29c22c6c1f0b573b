/** A batch leaves when it is this long. */
const BATCH_BYTES = 128 * 1024;
/** Room behind it for the longest line there can be: eight values of `MAX_VALUE`, each character escaped as six. */
const HEADROOM_BYTES = 128 * 1024;
/** Longest value that a client chooses. */
const MAX_VALUE = 2048;

/** Printable ASCII without quote and backslash: what stands in a log as itself. */
const IS_PLAIN = Uint8Array.from({ length: 256 }, (_, c) =>
  Number(c >= 0x20 && c < 0x7f && c !== 0x22 && c !== 0x5c),
);

/**
 * Lines of text, written as bytes right away. A line of JSON has some forty pieces; joined as strings they cost as many
 * objects, and the time to turn them into bytes once more.
 */
export class LineBuffer {
  #bytes = new Uint8Array(BATCH_BYTES + HEADROOM_BYTES);
  #at = 0;

  get isEmpty(): boolean {
    return this.#at === 0;
  }

  get isFull(): boolean {
    return this.#at >= BATCH_BYTES;
  }

  /** What `bytesOf` made of a text of ours. */
  label(bytes: Uint8Array): this {
    this.#bytes.set(bytes, this.#at);
    this.#at += bytes.length;
    return this;
  }

  /** A text of ours, in ASCII. */
  text(text: string): this {
    const bytes = this.#bytes;
    let at = this.#at;
    for (let i = 0; i < text.length; i++) bytes[at++] = text.charCodeAt(i);
    this.#at = at;
    return this;
  }

  /** A text from outside, between quotes that the caller writes: no control character and no quote comes through. */
  value(text: string): this {
    const bytes = this.#bytes;
    let at = this.#at;
    if (text.length > MAX_VALUE) return this.text(escaped(text));
    for (let i = 0; i < text.length; i++) {
      const c = text.charCodeAt(i);
      if (c > 0xff || IS_PLAIN[c] === 0) return this.text(escaped(text));
      bytes[at++] = c;
    }
    this.#at = at;
    return this;
  }

  /** A whole number from 0. */
  integer(value: number): this {
    let divisor = 1;
    while (value >= divisor * 10) divisor *= 10;
    let rest = value;
    for (; divisor >= 1; divisor /= 10) {
      const digit = Math.floor(rest / divisor);
      rest -= digit * divisor;
      this.#bytes[this.#at++] = 0x30 + digit;
    }
    return this;
  }

  /** Milliseconds with three decimals. */
  millis(ms: number): this {
    const micros = Math.round(ms * 1000);
    const whole = Math.floor(micros / 1000);
    return this.integer(whole).text(THOUSANDTHS[micros - whole * 1000]!);
  }

  /** The lines so far; the buffer is empty afterwards. */
  take(): Uint8Array<ArrayBuffer> {
    const length = this.#at;
    this.#at = 0;
    // A large batch leaves with its memory; a copy of a small one is cheaper than new memory.
    if (length < BATCH_BYTES) return this.#bytes.slice(0, length);
    const lines = this.#bytes.subarray(0, length);
    this.#bytes = new Uint8Array(BATCH_BYTES + HEADROOM_BYTES);
    return lines;
  }
}

export function bytesOf(text: string): Uint8Array {
  return Buffer.from(text, 'latin1');
}

const THOUSANDTHS = Array.from({ length: 1000 }, (_, i) => `.${String(i).padStart(3, '0')}`);

/** With JSON's escapes, without the quotes. */
function escaped(text: string): string {
  const cut = text.length > MAX_VALUE ? `${text.slice(0, MAX_VALUE)}...` : text;
  // Beyond ASCII there are controls, too, and bidirectional overrides that would act on a terminal.
  return JSON.stringify(cut)
    .slice(1, -1)
    .replace(/[\u007f-\uffff]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
