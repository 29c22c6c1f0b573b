import type { AccessLogFormat } from '../config/config.ts';

/** What one line tells. Strings from outside are escaped here and nowhere else. */
export interface AccessEntry {
  readonly id: string;
  readonly listener: string;
  readonly client: string;
  readonly method: string;
  readonly host: string;
  readonly target: string;
  /** `HTTP/1.1` */
  readonly protocol: string;
  readonly status: number;
  readonly reason: string;
  readonly bytesIn: number;
  readonly bytesOut: number;
  readonly durationMs: number;
  readonly upstreamMs: number;
  readonly route: string;
  readonly service: string;
  readonly endpoint: string;
  readonly retries: number;
  /** Empty without TLS. */
  readonly tlsVersion: string;
  readonly userAgent: string;
  readonly referer: string;
}

/** A batch leaves when it is this long, or at the next beat of the timer. */
const BATCH_CHARS = 128 * 1024;
const FLUSH_MS = 100;
/** Longest value of a field that a client chooses. */
const MAX_VALUE = 2048;

/**
 * Gathers lines and hands them over in batches: the main thread is the only writer, so lines of several workers never
 * interleave, and a log that does not keep up costs lines (counted) rather than requests. Lines are gathered as text and
 * turned into bytes once a batch.
 */
export class AccessLog {
  #text = '';
  readonly #format: (entry: AccessEntry, time: string) => string;
  readonly #isJson: boolean;
  readonly #send: (lines: Uint8Array<ArrayBuffer>) => void;
  readonly #timer: NodeJS.Timeout;
  #second = 0;
  #secondText = '';

  constructor(format: Exclude<AccessLogFormat, 'off'>, send: (lines: Uint8Array<ArrayBuffer>) => void) {
    this.#isJson = format === 'json';
    this.#format = format === 'json' ? jsonLines() : format === 'common' ? commonLine : combinedLine;
    this.#send = send;
    this.#timer = setInterval(() => this.flush(), FLUSH_MS);
    this.#timer.unref();
  }

  write(entry: AccessEntry): void {
    this.#text += this.#format(entry, this.#now());
    if (this.#text.length >= BATCH_CHARS) this.flush();
  }

  flush(): void {
    if (this.#text === '') return;
    // Every line is ASCII by now: `escaped` sees to it.
    const lines = Buffer.allocUnsafeSlow(this.#text.length);
    lines.write(this.#text, 'latin1');
    this.#text = '';
    this.#send(lines);
  }

  close(): void {
    clearInterval(this.#timer);
    this.flush();
  }

  /** The wall clock; the text is made once a second and completed with milliseconds for JSON. */
  #now(): string {
    const now = Date.now();
    const second = Math.floor(now / 1000);
    if (second !== this.#second) {
      this.#second = second;
      this.#secondText = this.#isJson ? new Date(second * 1000).toISOString().slice(0, 20) : clfTime(now);
    }
    return this.#isJson ? `${this.#secondText}${THOUSANDTHS[now % 1000]}Z` : this.#secondText;
  }
}

/** Makes a line of JSON. What repeats from one line to the next is quoted once. */
function jsonLines(): (entry: AccessEntry, time: string) => string {
  const method = remembered();
  const host = remembered();
  const target = remembered();
  const route = remembered();
  const service = remembered();
  const endpoint = remembered();
  const userAgent = remembered();
  const referer = remembered();
  return (entry, time) =>
    `{"time":"${time}","id":"${entry.id}","listener":"${entry.listener}","client":"${entry.client}",` +
    `"method":${method(entry.method)},"host":${host(entry.host)},"path":${target(entry.target)},` +
    `"protocol":"${entry.protocol}","status":${entry.status},"reason":"${entry.reason}",` +
    `"bytesIn":${entry.bytesIn},"bytesOut":${entry.bytesOut},"durationMs":${decimal(entry.durationMs)},` +
    `"upstreamMs":${entry.upstreamMs < 0 ? 'null' : decimal(entry.upstreamMs)},"route":${route(entry.route)},` +
    `"service":${service(entry.service)},"endpoint":${endpoint(entry.endpoint)},"retries":${entry.retries},` +
    `"tlsVersion":${entry.tlsVersion === '' ? 'null' : `"${entry.tlsVersion}"`},"userAgent":${userAgent(entry.userAgent)},"referer":${referer(entry.referer)}}\n`;
}

/** Quotes a text, and remembers the latest. */
function remembered(): (text: string) => string {
  let latest = '';
  let quotes = '""';
  return (text) => {
    if (text !== latest) {
      latest = text;
      quotes = quoted(text);
    }
    return quotes;
  };
}

/** Apache's common format; the client's name and user are never known. */
function commonLine(entry: AccessEntry, time: string): string {
  const request = `${entry.method} ${entry.target} ${entry.protocol}`;
  return `${entry.client} - - [${time}] ${quoted(request)} ${entry.status} ${entry.bytesOut || '-'}\n`;
}

function combinedLine(entry: AccessEntry, time: string): string {
  const line = commonLine(entry, time).slice(0, -1);
  return `${line} ${quoted(entry.referer || '-')} ${quoted(entry.userAgent || '-')}\n`;
}

/** Quotes with JSON's escapes: no control character and no quote reaches the log as itself. */
function quoted(text: string): string {
  return text.length <= MAX_VALUE && PLAIN.test(text) ? `"${text}"` : escaped(text);
}

/** Printable ASCII without quote and backslash. */
const PLAIN = /^[\x20\x21\x23-\x5b\x5d-\x7e]*$/;

function escaped(text: string): string {
  const cut = text.length > MAX_VALUE ? `${text.slice(0, MAX_VALUE)}...` : text;
  // Beyond ASCII there are controls, too, and bidirectional overrides that would act on a terminal.
  return JSON.stringify(cut).replace(
    /[\u007f-\uffff]/g,
    (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

const THOUSANDTHS = Array.from({ length: 1000 }, (_, i) => String(i).padStart(3, '0'));

/** Milliseconds with three decimals. Whole numbers are turned into text several times faster than fractions. */
function decimal(ms: number): string {
  const micros = Math.round(ms * 1000);
  const whole = Math.floor(micros / 1000);
  return `${whole}.${THOUSANDTHS[micros - whole * 1000]}`;
}

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** `02/Jan/2006:15:04:05 -0700` in the process's zone. */
function clfTime(now: number): string {
  const date = new Date(now);
  const two = (value: number): string => String(value).padStart(2, '0');
  const offset = -date.getTimezoneOffset();
  const zone = `${offset < 0 ? '-' : '+'}${two(Math.floor(Math.abs(offset) / 60))}${two(Math.abs(offset) % 60)}`;
  return (
    `${two(date.getDate())}/${MONTHS[date.getMonth()]}/${date.getFullYear()}:` +
    `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())} ${zone}`
  );
}
