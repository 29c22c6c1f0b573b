import { type HeadKind, type HeadLimits, HeadParser } from './head-parser.ts';

/** Where the parser for heads that arrive whole is found: one serves all connections of a worker. */
export interface SharedParser {
  parser: HeadParser;
  readonly limits: HeadLimits;
}

/** Puts heads together from as many reads as they take. One per connection and direction. */
export class HeadReader {
  /** The parser of the latest head, complete or refused. Belongs to others too: read it at once. */
  parser: HeadParser;
  /** The latest complete head in latin1. */
  text = '';
  /** The refused head was a HEAD request as far as could be seen: its answer has no body. */
  isRefusedHead = false;
  readonly #shared: SharedParser;
  readonly #kind: HeadKind;
  /** While a head is incomplete: a parser of its own and the bytes so far. */
  #own: HeadParser | null = null;
  #pending: Buffer | null = null;

  constructor(kind: HeadKind, shared: SharedParser) {
    this.#kind = kind;
    this.#shared = shared;
    this.parser = shared.parser;
  }

  /** Part of a head has arrived. */
  get isMidHead(): boolean {
    return this.#own !== null;
  }

  /** Reads from `chunk[at..]`. Returns where the head ended; 0 when it goes on with the next chunk; -1 when refused. */
  read(chunk: Buffer, at: number): number {
    const shared = this.#shared;
    let bytes = chunk;
    let base = at;
    let before = 0;
    let parser = this.#own;
    if (parser === null) {
      parser = shared.parser;
      parser.reset(this.#kind);
    } else {
      before = this.#pending!.length;
      bytes = Buffer.concat([this.#pending!, at === 0 ? chunk : chunk.subarray(at)]);
      base = 0;
    }
    const length = parser.parse(bytes, base, bytes.length);
    if (length === 0) {
      if (this.#own === null) {
        this.#own = parser;
        shared.parser = new HeadParser(shared.limits);
      }
      // The chunk is only lent.
      this.#pending = bytes === chunk ? Buffer.from(bytes.subarray(base)) : bytes;
      return 0;
    }
    this.parser = parser;
    this.forget();
    if (length < 0) {
      const start = base + parser.lineStart;
      this.isRefusedHead = bytes.toString('latin1', start, start + 5) === 'HEAD ';
      return -1;
    }
    this.text = bytes.toString('latin1', base, base + length);
    return at + length - before;
  }

  /** Lets go of an incomplete head. */
  forget(): void {
    this.#own = null;
    this.#pending = null;
  }
}
