import { lastChunk } from '../head-writer.ts';
import { MAX_JOINED } from '../outgoing.ts';
import type { BodySink } from '../upstream-stream.ts';

/** What a body is written to: the writing side of a connection. */
interface Writer {
  writeText(text: string): boolean;
  write(bytes: Buffer): boolean;
}

/** A request body in the framing of HTTP/1.1, with its head in front so that both leave in one write. */
export class BodyWriter implements BodySink {
  readonly #writer: Writer;
  readonly #isChunked: boolean;
  /** Text that waits for the body bytes of the same read. */
  #text: string;
  #goesOn = true;

  constructor(writer: Writer, head: string, isChunked: boolean) {
    this.#writer = writer;
    this.#text = head;
    this.#isChunked = isChunked;
  }

  write(bytes: Buffer, start: number, end: number): void {
    if (this.#isChunked) this.#text += `${(end - start).toString(16)}\r\n`;
    if (end - start <= MAX_JOINED) {
      this.#text += bytes.toString('latin1', start, end);
      if (this.#text.length > 2 * MAX_JOINED) this.#flush();
    } else {
      this.#flush();
      const isWhole = start === 0 && end === bytes.length;
      this.#goesOn = this.#writer.write(isWhole ? bytes : bytes.subarray(start, end));
    }
    if (this.#isChunked) this.#text += '\r\n';
  }

  end(trailers: readonly string[], kinds: readonly number[]): void {
    if (this.#isChunked) this.#text += lastChunk(trailers, kinds);
  }

  flush(): boolean {
    this.#flush();
    const goesOn = this.#goesOn;
    this.#goesOn = true;
    return goesOn;
  }

  #flush(): void {
    if (this.#text === '') return;
    const text = this.#text;
    this.#text = '';
    this.#goesOn = this.#writer.writeText(text);
  }
}
