/**
 * `node paced-client.ts PORT HOST RATE SECONDS CONNECTIONS`: open-loop load. Request k is due at start + k/rate, whatever
 * became of those before it, and its latency counts from that moment: a stall of the proxy costs every request that was
 * due in it. Prints one JSON line, see `Paced`.
 */
import { connect, type Socket } from 'node:net';
import { Worker } from 'node:worker_threads';
import type { Paced } from './paced.ts';

/** Milliseconds at the start that do not count: connections open, both sides warm up. */
const WARM_UP_MS = 500;
/** Time for the connections to open before anything is due. */
const CONNECT_MS = 200;
/** Distance of the moments at which what has become due is sent. */
const PERIOD_MS = 0.2;
const END_OF_HEAD = '\r\n\r\n';

const [port = 0, rate = 0, seconds = 0, connections = 0] = [2, 4, 5, 6].map((i) => Number(process.argv[i]));
const request = `GET / HTTP/1.1\r\nHost: ${process.argv[3]}\r\n\r\n`;

const latencies = new Float64Array(Math.ceil(rate * seconds) + 1);
const idle: Connection[] = [];
let done = 0;
let errors = 0;
let issued = 0;
let begun = 0;
let isOver = false;

/** One kept-alive connection, one request at a time. */
class Connection {
  readonly #socket: Socket;
  #due = 0;
  /** Bytes of the present answer still to come; -1 while its head is not whole. */
  #left = -1;
  #head = '';

  constructor() {
    this.#socket = connect({ port, host: '127.0.0.1', noDelay: true });
    this.#socket.on('connect', () => idle.push(this));
    this.#socket.on('data', (bytes) => this.#read(bytes));
    this.#socket.on('error', () => fail());
    this.#socket.on('close', () => isOver || fail());
  }

  send(due: number): void {
    this.#due = due;
    this.#left = -1;
    this.#head = '';
    this.#socket.write(request, 'latin1');
  }

  close(): void {
    this.#socket.destroy();
  }

  #read(bytes: Buffer): void {
    let body = bytes.length;
    if (this.#left < 0) {
      this.#head += bytes.toString('latin1');
      const end = this.#head.indexOf(END_OF_HEAD);
      if (end < 0) return;
      body = this.#head.length - end - END_OF_HEAD.length;
      this.#left = lengthOf(this.#head);
    }
    this.#left -= body;
    if (this.#left === 0) this.#answered();
  }

  #answered(): void {
    const now = performance.now();
    if (this.#due - begun >= WARM_UP_MS) latencies[done++] = now - this.#due;
    idle.push(this);
    pump(now);
  }
}

function lengthOf(head: string): number {
  const length = /^HTTP\/1\.1 200 .*\r\ncontent-length: (\d+)\r\n/is.exec(head)?.[1];
  if (length === undefined) fail();
  return Number(length ?? 0);
}

/** Counts, and gives up when the proxy plainly does not work. */
function fail(): void {
  if (++errors > 1000) finish();
}

/** Sends what is due, as long as there is a free connection; what finds none waits, and the wait counts. */
function pump(now: number): void {
  if (isOver || begun === 0) return;
  const due = Math.floor(((now - begun) * rate) / 1000);
  while (issued < due) {
    const connection = idle.shift();
    if (!connection) return;
    connection.send(begun + (issued++ * 1000) / rate);
  }
}

function tick(): void {
  const now = performance.now();
  pump(now);
  if (begun > 0 && now - begun >= seconds * 1000) finish();
}

function finish(): void {
  if (isOver) return;
  isOver = true;
  const sorted = latencies.subarray(0, done).sort();
  const at = (q: number): number => sorted[Math.min(done - 1, Math.floor(q * done))] ?? Number.NaN;
  const late = Math.floor(rate * seconds) - issued;
  const result: Paced = {
    ...{ requests: done, errors, unsent: Math.max(0, late) },
    ...{ p50: at(0.5), p99: at(0.99), p999: at(0.999), max: at(1) },
  };
  process.stdout.write(`${JSON.stringify(result)}\n`, () => process.exit(0));
}

for (let i = 0; i < connections; i++) new Connection();
new Worker(new URL('./pacer.ts', import.meta.url), { workerData: PERIOD_MS }).on('message', tick);
setTimeout(() => {
  begun = performance.now();
}, CONNECT_MS);
