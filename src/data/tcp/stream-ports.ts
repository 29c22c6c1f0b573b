import type net from 'node:net';
import { type FromWorker, portName } from '../../shared/messages.ts';
import type { Engine, ListenerFacts } from '../engine.ts';
import { createServer } from '../server.ts';
import { acceptStream } from './accept-stream.ts';
import type { Stream } from './stream.ts';

/**
 * The ports that routes have opened, in this worker. Told the whole list each time, it opens what is missing and closes
 * what is too much. Streams of a closed port go on for as long as those of an instance that leaves, or on and on when the port
 * is opened again meanwhile.
 */
export class StreamPorts {
  readonly #engine: Engine;
  readonly #send: (message: FromWorker) => void;
  readonly #servers = new Map<number, net.Server>();
  /** Of ports that are closed and have connections left. */
  readonly #timers = new Map<number, NodeJS.Timeout>();
  #isClosed = false;

  constructor(engine: Engine, send: (message: FromWorker) => void) {
    this.#engine = engine;
    this.#send = send;
  }

  set(ports: readonly number[]): void {
    // The catalog goes on while the router stops.
    if (this.#isClosed) return;
    const wanted = new Set(ports);
    for (const port of [...this.#servers.keys()]) if (!wanted.has(port)) this.#close(port);
    for (const port of wanted) if (!this.#servers.has(port)) this.#open(port);
  }

  #open(port: number): void {
    clearTimeout(this.#timers.get(port));
    this.#timers.delete(port);
    const { host, proxyProtocol } = this.#engine.setup.tcp;
    const name = portName('tcp', port);
    const facts: ListenerFacts = {
      ...{ name, index: 0, scheme: 'http', port, proxyProtocol, http2: false, tcpPort: port },
    };
    // Paused: nothing is read before it is known what for.
    const { readBuffer } = this.#engine;
    const server = createServer({ pauseOnConnect: true, readBuffer }, (socket) => {
      acceptStream(socket, facts, this.#engine);
    });
    this.#servers.set(port, server);
    server.on('error', ({ code = 'UNKNOWN' }: NodeJS.ErrnoException) => {
      // Listening, it goes on after a connection that could not be accepted.
      if (server.listening) return;
      if (this.#servers.get(port) === server) this.#servers.delete(port);
      this.#send({ type: 'port-failed', transport: 'tcp', port, code });
    });
    server.listen({ port, ...(host === '' ? {} : { host }), reusePort: true, backlog: 4096 });
  }

  #close(port: number): void {
    const { streams, recorder, timeouts } = this.#engine;
    const left = [...streams].filter(({ listener }) => listener.tcpPort === port);
    this.#servers.get(port)!.close();
    this.#servers.delete(port);
    if (left.length === 0) recorder.forgetPort('tcp', port);
    else this.#cutLater(port, left, timeouts.drainMs);
  }

  #cutLater(port: number, left: readonly Stream[], drainMs: number): void {
    const timer = setTimeout(() => {
      this.#timers.delete(port);
      for (const stream of left) stream.cut();
      this.#engine.recorder.forgetPort('tcp', port);
    }, drainMs);
    this.#timers.set(port, timer);
  }

  /** Accepts nothing any more. */
  close(): void {
    this.#isClosed = true;
    for (const server of this.#servers.values()) server.close();
    this.#servers.clear();
    for (const timer of this.#timers.values()) clearTimeout(timer);
  }
}
