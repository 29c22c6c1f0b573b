import { CLASS, TARGET, TOKEN, VALUE } from './characters.ts';
import { kindOfName } from './fields.ts';

/** Why a head is refused. */
export type HeadFault =
  | 'bad_start'
  | 'bad_version'
  | 'unsupported_version'
  | 'bad_line_end'
  | 'bad_name'
  | 'bad_value'
  | 'uri_too_long'
  | 'head_too_large'
  | 'too_many_fields';

export interface HeadLimits {
  readonly headBytes: number;
  readonly uriBytes: number;
  readonly fields: number;
}

/** What the head begins with. Trailers begin with nothing: they are fields only. */
export type HeadKind = 'request' | 'response' | 'trailers';

const CR = 0x0d;
const LF = 0x0a;
const SP = 0x20;
const HTAB = 0x09;
const COLON = 0x3a;

const State = {
  start: 0,
  startLf: 1,
  method: 2,
  target: 3,
  version: 4,
  statusVersion: 5,
  status: 6,
  reason: 7,
  lineLf: 8,
  fieldStart: 9,
  name: 10,
  beforeValue: 11,
  value: 12,
  endLf: 13,
} as const;

export const MAX_METHOD = 32;
/** RFC 9112 §2.2 asks servers to ignore an empty line before a request; two are tolerated. */
const MAX_EMPTY_LINES = 2;
const VERSION = 'HTTP/1.';

/**
 * A resumable byte-level parser for heads and trailers. It only finds and validates the pieces; what they mean is
 * decided once the head is complete. Offsets are relative to the head's first byte, so a head may be moved between
 * buffers while it is incomplete.
 *
 * One parser per worker serves every head that arrives whole; a connection owns one only while its head is incomplete.
 */
export class HeadParser {
  fault: HeadFault | null = null;
  fields = 0;
  /** Four offsets a field: name start, name end, value start, value end. */
  readonly offsets: Int32Array;
  readonly kinds: number[];
  methodEnd = 0;
  targetStart = 0;
  targetEnd = 0;
  minor = 1;
  status = 0;
  reasonStart = 0;
  reasonEnd = 0;
  /** Where the start line begins, after tolerated empty lines. */
  lineStart = 0;

  readonly #limits: HeadLimits;
  #state: number = State.start;
  #at = 0;
  #mark = 0;
  #emptyLines = 0;

  constructor(limits: HeadLimits) {
    this.#limits = limits;
    this.offsets = new Int32Array(limits.fields * 4);
    this.kinds = new Array<number>(limits.fields).fill(0);
  }

  reset(kind: HeadKind): void {
    this.#state =
      kind === 'request' ? State.start : kind === 'response' ? State.statusVersion : State.fieldStart;
    this.#at = 0;
    this.#mark = 0;
    this.#emptyLines = 0;
    this.lineStart = 0;
    this.fields = 0;
    this.fault = null;
  }

  /**
   * Goes on with `bytes[base..end)`, where `base` is the head's first byte. Returns the length of the head when it is
   * complete, 0 when more bytes are needed, -1 when it is refused (`fault` says why).
   */
  parse(bytes: Uint8Array, base: number, end: number): number {
    let i = base + this.#at;
    let state = this.#state;
    const limit = Math.min(end, base + this.#limits.headBytes);

    while (i < limit) {
      const c = bytes[i]!;
      switch (state) {
        case State.start:
          if (c === CR) {
            state = State.startLf;
            i++;
            break;
          }
          this.lineStart = i - base;
          state = State.method;
          break;

        case State.startLf:
          if (c !== LF || ++this.#emptyLines > MAX_EMPTY_LINES) return this.#refuse('bad_start');
          state = State.start;
          i++;
          break;

        case State.method: {
          while (i < limit && (CLASS[bytes[i]!]! & TOKEN) !== 0) i++;
          const length = i - base - this.lineStart;
          if (length > MAX_METHOD) return this.#refuse('bad_start');
          if (i === limit) break;
          if (bytes[i] !== SP || length === 0) return this.#refuse('bad_start');
          this.methodEnd = i - base;
          this.targetStart = ++i - base;
          state = State.target;
          break;
        }

        case State.target: {
          while (i < limit && (CLASS[bytes[i]!]! & TARGET) !== 0) i++;
          const length = i - base - this.targetStart;
          if (length > this.#limits.uriBytes) return this.#refuse('uri_too_long');
          if (i === limit) break;
          if (bytes[i] !== SP || length === 0) return this.#refuse('bad_start');
          this.targetEnd = i - base;
          this.#mark = ++i - base;
          state = State.version;
          break;
        }

        case State.version:
        case State.statusVersion: {
          const at = i - base - this.#mark;
          if (at < VERSION.length) {
            // HTTP/2.0 and the like are well-formed but not spoken here: 505 rather than 400.
            if (at === 5 && c >= 0x30 && c <= 0x39 && c !== 0x31) return this.#refuse('unsupported_version');
            if (c !== VERSION.charCodeAt(at)) return this.#refuse('bad_version');
            i++;
          } else if (at === VERSION.length) {
            if (c < 0x30 || c > 0x39) return this.#refuse('bad_version');
            this.minor = c === 0x30 ? 0 : 1;
            i++;
          } else if (state === State.version) {
            if (c !== CR) return this.#refuse(c === LF ? 'bad_line_end' : 'bad_version');
            state = State.lineLf;
            i++;
          } else {
            if (c !== SP) return this.#refuse('bad_version');
            this.#mark = ++i - base;
            this.status = 0;
            state = State.status;
          }
          break;
        }

        case State.status: {
          const at = i - base - this.#mark;
          if (at < 3) {
            if (c < 0x30 || c > 0x39) return this.#refuse('bad_start');
            this.status = this.status * 10 + (c - 0x30);
            i++;
          } else if (c === SP || c === CR) {
            // Some servers leave out the space before an empty reason.
            this.reasonStart = (c === SP ? ++i : i) - base;
            state = State.reason;
          } else {
            return this.#refuse('bad_start');
          }
          break;
        }

        case State.reason:
          while (i < limit && (CLASS[bytes[i]!]! & VALUE) !== 0) i++;
          if (i === limit) break;
          if (bytes[i] !== CR) return this.#refuse(bytes[i] === LF ? 'bad_line_end' : 'bad_start');
          this.reasonEnd = i++ - base;
          state = State.lineLf;
          break;

        case State.lineLf:
          if (c !== LF) return this.#refuse('bad_line_end');
          state = State.fieldStart;
          i++;
          break;

        case State.fieldStart:
          if (c === CR) {
            state = State.endLf;
            i++;
            break;
          }
          // A line that begins with white space is obs-fold (RFC 9112 §5.2) or a smuggling attempt.
          if ((CLASS[c]! & TOKEN) === 0) return this.#refuse(c === LF ? 'bad_line_end' : 'bad_name');
          if (this.fields === this.#limits.fields) return this.#refuse('too_many_fields');
          this.#mark = i - base;
          state = State.name;
          break;

        case State.name:
          while (i < limit && (CLASS[bytes[i]!]! & TOKEN) !== 0) i++;
          if (i === limit) break;
          if (bytes[i] !== COLON) return this.#refuse('bad_name');
          this.offsets[this.fields * 4] = this.#mark;
          this.offsets[this.fields * 4 + 1] = i - base;
          this.kinds[this.fields] = kindOfName(bytes, base + this.#mark, i);
          i++;
          state = State.beforeValue;
          break;

        case State.beforeValue:
          if (c === SP || c === HTAB) {
            i++;
            break;
          }
          this.#mark = i - base;
          state = State.value;
          break;

        case State.value: {
          while (i < limit && (CLASS[bytes[i]!]! & VALUE) !== 0) i++;
          if (i === limit) break;
          if (bytes[i] !== CR) return this.#refuse(bytes[i] === LF ? 'bad_line_end' : 'bad_value');
          let valueEnd = i;
          while (
            valueEnd > base + this.#mark &&
            (bytes[valueEnd - 1] === SP || bytes[valueEnd - 1] === HTAB)
          ) {
            valueEnd--;
          }
          this.offsets[this.fields * 4 + 2] = this.#mark;
          this.offsets[this.fields * 4 + 3] = valueEnd - base;
          this.fields++;
          i++;
          state = State.lineLf;
          break;
        }

        case State.endLf:
          if (c !== LF) return this.#refuse('bad_line_end');
          return i + 1 - base;
      }
    }

    this.#at = i - base;
    this.#state = state;
    if (limit < end || this.#at >= this.#limits.headBytes) {
      return this.#refuse(
        state === State.target || state === State.method ? 'uri_too_long' : 'head_too_large',
      );
    }
    return 0;
  }

  #refuse(fault: HeadFault): -1 {
    this.fault = fault;
    return -1;
  }

  /** The pieces of a complete head as strings; `text` is the head in latin1. Order and case are kept. */
  pairs(text: string): string[] {
    const out = new Array<string>(this.fields * 2);
    const { offsets } = this;
    for (let f = 0; f < this.fields; f++) {
      out[f * 2] = text.slice(offsets[f * 4]!, offsets[f * 4 + 1]!);
      out[f * 2 + 1] = text.slice(offsets[f * 4 + 2]!, offsets[f * 4 + 3]!);
    }
    return out;
  }

  /** Index of the only field of this kind; -1 when there is none, -2 when there are several. */
  only(kind: number): number {
    let found = -1;
    for (let f = 0; f < this.fields; f++) {
      if (this.kinds[f] !== kind) continue;
      if (found >= 0) return -2;
      found = f;
    }
    return found;
  }
}
