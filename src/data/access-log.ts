import type { AccessLogFormat } from '../config/config.ts';

/** What one line tells. Strings from outside are escaped here and nowhere else. */
export interface AccessEntry {
  readonly id: string;
  readonly listener: string;
  readonly client: string;
  readonly method: string;
  readonly host: string;
  readonly target: string;
  readonly minor: number;
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
  readonly userAgent: string;
  readonly referer: string;
}

const BATCH_BYTES = 64 * 1024;
/** Longest value of a field that a client chooses. */
const MAX_VALUE = 2048;

/**
 * Gathers lines and hands them over in batches: the main thread is the only writer, so lines of several workers never
 * interleave, and a log that does not keep up costs lines (counted) rather than requests.
 */
export class AccessLog {
  #buffer: Buffer<ArrayBuffer> = Buffer.allocUnsafeSlow(BATCH_BYTES);
  #used = 0;
  readonly #format: (entry: AccessEntry, time: string) => string;
  readonly #send: (lines: Uint8Array<ArrayBuffer>) => void;
  readonly #timer: NodeJS.Timeout;
  #second = 0;
  #secondText = '';

  constructor(format: Exclude<AccessLogFormat, 'off'>, send: (lines: Uint8Array<ArrayBuffer>) => void) {
    this.#format = format === 'json' ? jsonLine : format === 'common' ? commonLine : combinedLine;
    this.#clfTime = format !== 'json';
    this.#send = send;
    this.#timer = setInterval(() => this.flush(), 100);
    this.#timer.unref();
  }

  readonly #clfTime: boolean;

  write(entry: AccessEntry): void {
    const line = this.#format(entry, this.#now());
    // A UTF-16 unit takes at most three bytes.
    if (this.#used + line.length * 3 > BATCH_BYTES) this.flush();
    this.#used += this.#buffer.write(line, this.#used);
  }

  flush(): void {
    if (this.#used === 0) return;
    const full = this.#buffer;
    const lines = full.subarray(0, this.#used);
    this.#buffer = Buffer.allocUnsafeSlow(BATCH_BYTES);
    this.#used = 0;
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
      this.#secondText = this.#clfTime ? clfTime(now) : new Date(second * 1000).toISOString().slice(0, 20);
    }
    return this.#clfTime ? this.#secondText : `${this.#secondText}${String(now % 1000).padStart(3, '0')}Z`;
  }
}

function jsonLine(entry: AccessEntry, time: string): string {
  return (
    `{"time":"${time}","id":${quoted(entry.id)},"listener":"${entry.listener}","client":"${entry.client}",` +
    `"method":${quoted(entry.method)},"host":${quoted(entry.host)},"path":${quoted(entry.target)},` +
    `"protocol":"HTTP/1.${entry.minor}","status":${entry.status},"reason":"${entry.reason}",` +
    `"bytesIn":${entry.bytesIn},"bytesOut":${entry.bytesOut},"durationMs":${round(entry.durationMs)},` +
    `"upstreamMs":${entry.upstreamMs < 0 ? 'null' : round(entry.upstreamMs)},"route":${quoted(entry.route)},` +
    `"service":${quoted(entry.service)},"endpoint":${quoted(entry.endpoint)},"retries":${entry.retries},` +
    `"tlsVersion":null,"userAgent":${quoted(entry.userAgent)},"referer":${quoted(entry.referer)}}\n`
  );
}

/** Apache's common format; the client's name and user are never known. */
function commonLine(entry: AccessEntry, time: string): string {
  const request = `${entry.method} ${entry.target} HTTP/1.${entry.minor}`;
  return `${entry.client} - - [${time}] ${quoted(request)} ${entry.status} ${entry.bytesOut || '-'}\n`;
}

function combinedLine(entry: AccessEntry, time: string): string {
  const line = commonLine(entry, time).slice(0, -1);
  return `${line} ${quoted(entry.referer || '-')} ${quoted(entry.userAgent || '-')}\n`;
}

/** Quotes with JSON's escapes: no control character and no quote reaches the log as itself. */
function quoted(text: string): string {
  return isPlain(text) && text.length <= MAX_VALUE ? `"${text}"` : escaped(text);
}

function escaped(text: string): string {
  const cut = text.length > MAX_VALUE ? `${text.slice(0, MAX_VALUE)}…` : text;
  // C1 controls and bidirectional overrides would act on a terminal just like C0 ones.
  return JSON.stringify(cut).replace(
    /[\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g,
    (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

function isPlain(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (c < 0x20 || c > 0x7e || c === 0x22 || c === 0x5c) return false;
  }
  return true;
}

function round(ms: number): number {
  return Math.round(ms * 1000) / 1000;
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
