/**
 * Requests at short, even distances over many kept-alive connections, so that every worker is asked all the time. Each
 * answer is told with the moment its request was sent and the instance it came from.
 */
import { connect, type Socket } from 'node:net';

export interface ProbeAnswer {
  readonly host: string;
  readonly instance: string;
  /** `performance.now()`. */
  readonly sentAt: number;
  readonly answeredAt: number;
}

/** The kernel spreads connections over the workers: that 16 miss one of two has odds of 1 to 32,768. */
const CONNECTIONS = 16;
const ANSWER = /^HTTP\/1\.1 (\d{3}) .*\r\nx-instance: ([^\r]*)\r\n.*\r\n\r\nok$/is;

export class Probes {
  /** The host that is asked from now on. */
  host: string;
  onAnswer: (answer: ProbeAnswer) => void = () => {};
  sent = 0;
  readonly failures = new Map<string, number>();
  readonly #idle: Probe[] = [];
  readonly #all: Probe[];
  readonly #perMs: number;
  #startedAt = 0;
  #timer: NodeJS.Timeout | null = null;

  constructor(port: number, host: string, perSecond: number) {
    this.host = host;
    this.#perMs = perSecond / 1000;
    this.#all = Array.from({ length: CONNECTIONS }, () => new Probe(port, this));
  }

  start(): void {
    this.#startedAt = performance.now();
    this.#tick();
  }

  stop(): void {
    if (this.#timer) clearTimeout(this.#timer);
    this.#timer = null;
    this.#startedAt = Number.POSITIVE_INFINITY;
    for (const probe of this.#all) probe.close();
  }

  free(probe: Probe): void {
    this.#idle.push(probe);
    this.#pump();
  }

  failed(why: string): void {
    this.failures.set(why, (this.failures.get(why) ?? 0) + 1);
  }

  #tick(): void {
    this.#pump();
    this.#timer = setTimeout(() => this.#tick(), 1);
  }

  /** Sends what is due; what finds every connection busy is left out, since the others tell enough. */
  #pump(): void {
    const due = Math.floor((performance.now() - this.#startedAt) * this.#perMs);
    while (this.sent < due) {
      const probe = this.#idle.shift();
      if (!probe) {
        this.#startedAt = performance.now() - this.sent / this.#perMs;
        return;
      }
      this.sent++;
      probe.send(this.host);
    }
  }
}

/** One connection, one request at a time. */
class Probe {
  readonly #socket: Socket;
  readonly #owner: Probes;
  #host = '';
  #sentAt = 0;
  #answer = '';
  #isClosing = false;

  constructor(port: number, owner: Probes) {
    this.#owner = owner;
    this.#socket = connect({ port, host: '127.0.0.1', noDelay: true });
    this.#socket.on('connect', () => owner.free(this));
    this.#socket.on('data', (bytes) => this.#read(bytes));
    this.#socket.on('error', (error) => owner.failed(error.message));
    this.#socket.on('close', () => this.#isClosing || owner.failed('a connection was closed'));
  }

  send(host: string): void {
    this.#host = host;
    this.#answer = '';
    this.#sentAt = performance.now();
    this.#socket.write(`GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`, 'latin1');
  }

  close(): void {
    this.#isClosing = true;
    this.#socket.destroy();
  }

  #read(bytes: Buffer): void {
    const answeredAt = performance.now();
    this.#answer += bytes.toString('latin1');
    const parts = ANSWER.exec(this.#answer);
    // The router's own answers name no instance.
    if (!parts && !this.#answer.includes('\r\n\r\n')) return;
    const [, status = this.#answer.slice(9, 12), instance = ''] = parts ?? [];
    if (status !== '200') {
      this.#owner.failed(status);
      this.close();
      return;
    }
    if (!parts) return;
    this.#owner.onAnswer({ host: this.#host, instance, sentAt: this.#sentAt, answeredAt });
    this.#owner.free(this);
  }
}
