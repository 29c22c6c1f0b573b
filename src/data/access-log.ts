import type { AccessLogFormat } from '../config/config.ts';
import { bytesOf, LineBuffer } from './line-buffer.ts';

/** What every line tells. Strings from outside are escaped here and nowhere else. */
interface Entry {
  readonly id: string;
  readonly listener: string;
  readonly client: string;
  readonly status: number;
  readonly reason: string;
  readonly bytesIn: number;
  readonly bytesOut: number;
  readonly durationMs: number;
  /** Until the instance answered, or was connected; negative when none did. */
  readonly upstreamMs: number;
  readonly route: string;
  readonly service: string;
  readonly endpoint: string;
  readonly retries: number;
}

/** A request. */
export interface AccessEntry extends Entry {
  readonly method: string;
  readonly host: string;
  readonly target: string;
  /** `HTTP/1.1` */
  readonly protocol: string;
  /** Empty without TLS. */
  readonly tlsVersion: string;
  readonly userAgent: string;
  readonly referer: string;
}

/** A connection, or session of datagrams, that was passed on as it came. Its line has the same fields, those of HTTP empty. */
export interface StreamEntry extends Entry {
  /** What TLS was for; empty when that is not known. */
  readonly serverName: string;
  readonly protocol: 'tcp' | 'tls' | 'udp';
}

/** Lines that have not filled a batch leave at the next beat of the timer. */
const FLUSH_MS = 100;

type Format<E extends Entry> = (lines: LineBuffer, entry: E, time: string) => void;

/**
 * Gathers lines and hands them over in batches: the main thread is the only writer, so lines of several workers never
 * interleave, and a log that does not keep up costs lines (counted) rather than requests.
 */
export class AccessLog {
  readonly #lines = new LineBuffer();
  readonly #format: Format<AccessEntry>;
  readonly #formatStream: Format<StreamEntry>;
  readonly #isJson: boolean;
  readonly #send: (lines: Uint8Array<ArrayBuffer>) => void;
  readonly #timer: NodeJS.Timeout;
  #second = 0;
  #secondText = '';

  constructor(format: Exclude<AccessLogFormat, 'off'>, send: (lines: Uint8Array<ArrayBuffer>) => void) {
    this.#isJson = format === 'json';
    this.#format = format === 'json' ? jsonLine : format === 'common' ? commonLine : combinedLine;
    this.#formatStream = format === 'json' ? jsonStream : format === 'common' ? commonStream : combinedStream;
    this.#send = send;
    this.#timer = setInterval(() => this.flush(), FLUSH_MS);
    this.#timer.unref();
  }

  write(entry: AccessEntry): void {
    this.#format(this.#lines, entry, this.#now());
    if (this.#lines.isFull) this.flush();
  }

  writeStream(entry: StreamEntry): void {
    this.#formatStream(this.#lines, entry, this.#now());
    if (this.#lines.isFull) this.flush();
  }

  flush(): void {
    if (!this.#lines.isEmpty) this.#send(this.#lines.take());
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
    return this.#isJson ? `${this.#secondText}${String(now % 1000).padStart(3, '0')}Z` : this.#secondText;
  }
}

/** The names of a line, with all that stands between two values. */
const LABEL = {
  time: bytesOf('{"time":"'),
  id: bytesOf('","id":"'),
  listener: bytesOf('","listener":"'),
  client: bytesOf('","client":"'),
  method: bytesOf('","method":"'),
  host: bytesOf('","host":"'),
  path: bytesOf('","path":"'),
  protocol: bytesOf('","protocol":"'),
  status: bytesOf('","status":'),
  reason: bytesOf(',"reason":"'),
  bytesIn: bytesOf('","bytesIn":'),
  bytesOut: bytesOf(',"bytesOut":'),
  durationMs: bytesOf(',"durationMs":'),
  upstreamMs: bytesOf(',"upstreamMs":'),
  route: bytesOf(',"route":"'),
  service: bytesOf('","service":"'),
  endpoint: bytesOf('","endpoint":"'),
  retries: bytesOf('","retries":'),
  noTls: bytesOf(',"tlsVersion":null'),
  tlsVersion: bytesOf(',"tlsVersion":"'),
  endOfText: bytesOf('"'),
  userAgent: bytesOf(',"userAgent":"'),
  referer: bytesOf('","referer":"'),
  end: bytesOf('"}\n'),
};

function jsonLine(lines: LineBuffer, entry: AccessEntry, time: string): void {
  lines.label(LABEL.time).text(time).label(LABEL.id).text(entry.id);
  lines.label(LABEL.listener).text(entry.listener).label(LABEL.client).text(entry.client);
  lines.label(LABEL.method).value(entry.method).label(LABEL.host).value(entry.host);
  lines.label(LABEL.path).value(entry.target).label(LABEL.protocol).text(entry.protocol);
  outcome(lines, entry);
  if (entry.tlsVersion === '') lines.label(LABEL.noTls);
  else lines.label(LABEL.tlsVersion).text(entry.tlsVersion).label(LABEL.endOfText);
  lines.label(LABEL.userAgent).value(entry.userAgent).label(LABEL.referer).value(entry.referer);
  lines.label(LABEL.end);
}

function jsonStream(lines: LineBuffer, entry: StreamEntry, time: string): void {
  lines.label(LABEL.time).text(time).label(LABEL.id).text(entry.id);
  lines.label(LABEL.listener).text(entry.listener).label(LABEL.client).text(entry.client);
  lines.label(LABEL.method).label(LABEL.host).value(entry.serverName).label(LABEL.path);
  lines.label(LABEL.protocol).text(entry.protocol);
  outcome(lines, entry);
  lines.label(LABEL.noTls).label(LABEL.userAgent).label(LABEL.referer).label(LABEL.end);
}

/** What lines of requests and of streams say alike. */
function outcome(lines: LineBuffer, entry: Entry): void {
  lines.label(LABEL.status).integer(entry.status).label(LABEL.reason).text(entry.reason);
  lines.label(LABEL.bytesIn).integer(entry.bytesIn).label(LABEL.bytesOut).integer(entry.bytesOut);
  lines.label(LABEL.durationMs).millis(entry.durationMs).label(LABEL.upstreamMs);
  if (entry.upstreamMs < 0) lines.text('null');
  else lines.millis(entry.upstreamMs);
  lines.label(LABEL.route).value(entry.route).label(LABEL.service).value(entry.service);
  lines.label(LABEL.endpoint).value(entry.endpoint).label(LABEL.retries).integer(entry.retries);
}

/** Apache's common format; the client's name and user are never known. */
function commonLine(lines: LineBuffer, entry: AccessEntry, time: string): void {
  common(lines, entry, time);
  lines.text('\n');
}

function combinedLine(lines: LineBuffer, entry: AccessEntry, time: string): void {
  common(lines, entry, time);
  lines
    .text(' "')
    .value(entry.referer || '-')
    .text('" "')
    .value(entry.userAgent || '-')
    .text('"\n');
}

function common(lines: LineBuffer, entry: AccessEntry, time: string): void {
  lines.text(`${entry.client} - - [${time}] "`);
  lines.value(entry.method).text(' ').value(entry.target).text(` ${entry.protocol}" `);
  result(lines, entry);
}

/** Instead of a request: what came, for what, and how it ended. */
function commonStream(lines: LineBuffer, entry: StreamEntry, time: string): void {
  stream(lines, entry, time);
  lines.text('\n');
}

function combinedStream(lines: LineBuffer, entry: StreamEntry, time: string): void {
  stream(lines, entry, time);
  lines.text(' "-" "-"\n');
}

function stream(lines: LineBuffer, entry: StreamEntry, time: string): void {
  lines.text(`${entry.client} - - [${time}] "${entry.protocol.toUpperCase()} `);
  lines.value(`${entry.serverName || entry.listener} ${entry.reason}`).text('" ');
  result(lines, entry);
}

function result(lines: LineBuffer, { status, bytesOut }: Entry): void {
  lines.integer(status).text(' ');
  if (bytesOut === 0) lines.text('-');
  else lines.integer(bytesOut);
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
