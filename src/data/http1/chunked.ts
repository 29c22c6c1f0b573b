import { type HeadLimits, HeadParser } from './head-parser.ts';

/** Receives the payload of a body as ranges of the buffer it arrived in: nothing is copied. */
export type BodySink = (bytes: Buffer, start: number, end: number) => void;

const State = {
  size: 0,
  extension: 1,
  sizeLf: 2,
  data: 3,
  dataCr: 4,
  dataLf: 5,
  trailers: 6,
  done: 7,
} as const;

const CR = 0x0d;
const LF = 0x0a;
const SEMICOLON = 0x3b;
/** 2^52 bytes in one chunk is more than anybody sends; more digits would lose precision. */
const MAX_SIZE_DIGITS = 13;
/** Extensions carry nothing for us (RFC 9112 §7.1.1), so all of a body's together get one small allowance. */
const MAX_EXTENSION_BYTES = 16_384;

/**
 * Strict decoder of the chunked coding (RFC 9112 §7.1): CRLF only, hexadecimal digits only. Trailers are parsed with the
 * head parser and kept until the end.
 */
export class ChunkedDecoder {
  /** Trailer fields, name then value; empty until `isDone`. */
  trailers: readonly string[] = [];
  trailerKinds: readonly number[] = NO_KINDS;
  #state: number = State.size;
  #size = 0;
  #digits = 0;
  #extensionBytes = 0;
  #parser: HeadParser | null = null;
  #pending: Buffer | null = null;
  readonly #limits: HeadLimits;

  constructor(limits: HeadLimits) {
    this.#limits = limits;
  }

  get isDone(): boolean {
    return this.#state === State.done;
  }

  /** Decodes `bytes[start..end)`. Returns where the body ended or `end` when it goes on; -1 when it is malformed. */
  decode(bytes: Buffer, start: number, end: number, sink: BodySink): number {
    let i = start;
    while (i < end) {
      const c = bytes[i]!;
      switch (this.#state) {
        case State.size: {
          const digit = hexDigit(c);
          if (digit >= 0) {
            if (++this.#digits > MAX_SIZE_DIGITS) return -1;
            this.#size = this.#size * 16 + digit;
          } else if (this.#digits === 0) {
            return -1;
          } else if (c === CR) {
            this.#state = State.sizeLf;
          } else if (c === SEMICOLON) {
            this.#state = State.extension;
          } else {
            return -1;
          }
          i++;
          break;
        }

        case State.extension:
          if (c === CR) this.#state = State.sizeLf;
          else if (c === LF || ++this.#extensionBytes > MAX_EXTENSION_BYTES || isControl(c)) return -1;
          i++;
          break;

        case State.sizeLf:
          if (c !== LF) return -1;
          i++;
          this.#digits = 0;
          this.#state = this.#size === 0 ? State.trailers : State.data;
          break;

        case State.data: {
          const to = Math.min(end, i + this.#size);
          sink(bytes, i, to);
          this.#size -= to - i;
          i = to;
          if (this.#size === 0) this.#state = State.dataCr;
          break;
        }

        case State.dataCr:
          if (c !== CR) return -1;
          this.#state = State.dataLf;
          i++;
          break;

        case State.dataLf:
          if (c !== LF) return -1;
          this.#state = State.size;
          i++;
          break;

        case State.trailers:
          return this.#readTrailers(bytes, i, end);

        default:
          return i;
      }
    }
    return i;
  }

  #readTrailers(bytes: Buffer, start: number, end: number): number {
    // The usual end of a body: an empty trailer section.
    if (this.#parser === null && bytes[start] === CR && start + 1 < end) {
      if (bytes[start + 1] !== LF) return -1;
      this.#state = State.done;
      return start + 2;
    }
    if (this.#parser === null) {
      this.#parser = new HeadParser(this.#limits);
      this.#parser.reset('trailers');
      this.#pending = Buffer.alloc(0);
    }
    const before = this.#pending!.length;
    this.#pending = Buffer.concat([this.#pending!, bytes.subarray(start, end)]);
    const length = this.#parser.parse(this.#pending, 0, this.#pending.length);
    if (length < 0) return -1;
    if (length === 0) return end;
    this.trailers = this.#parser.pairs(this.#pending.toString('latin1', 0, length));
    this.trailerKinds = this.#parser.kinds.slice(0, this.#parser.fields);
    this.#state = State.done;
    return start + length - before;
  }
}

const NO_KINDS: readonly number[] = [];

/** Anything but HTAB that RFC 9110 §5.6.4 keeps out of quoted text. */
function isControl(c: number): boolean {
  return (c < 0x20 && c !== 0x09) || c === 0x7f;
}

function hexDigit(c: number): number {
  if (c >= 0x30 && c <= 0x39) return c - 0x30;
  const lower = c | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1;
}
