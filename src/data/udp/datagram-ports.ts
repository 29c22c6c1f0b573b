import type { FromWorker } from '../../shared/messages.ts';
import type { Engine } from '../engine.ts';
import { DatagramPort } from './datagram-port.ts';

/**
 * The UDP ports that routes have opened, in this worker. Told the whole list each time, it opens what is missing and closes
 * what is too much. A port closes with its last instance, so its sessions have nobody to wait for and end at once.
 */
export class DatagramPorts {
  readonly #engine: Engine;
  readonly #send: (message: FromWorker) => void;
  readonly #ports = new Map<number, DatagramPort>();
  #isDraining = false;

  constructor(engine: Engine, send: (message: FromWorker) => void) {
    this.#engine = engine;
    this.#send = send;
  }

  set(ports: readonly number[]): void {
    // The catalog goes on while the router stops.
    if (this.#isDraining) return;
    const wanted = new Set(ports);
    for (const port of [...this.#ports.keys()]) if (!wanted.has(port)) this.#close(port);
    for (const port of wanted) if (!this.#ports.has(port)) this.#open(port);
  }

  #open(port: number): void {
    const opened = new DatagramPort(port, this.#engine, (code) => {
      if (this.#ports.get(port) === opened) this.#ports.delete(port);
      this.#send({ type: 'port-failed', transport: 'udp', port, code });
    });
    this.#ports.set(port, opened);
    opened.bind();
  }

  #close(port: number): void {
    this.#ports.get(port)!.close();
    this.#ports.delete(port);
    this.#engine.recorder.forgetPort('udp', port);
  }

  /** Takes no new clients; sessions that owe an answer have a moment for it. */
  drain(): void {
    this.#isDraining = true;
    for (const port of this.#ports.values()) port.drain();
  }

  close(): void {
    for (const port of this.#ports.values()) port.close();
    this.#ports.clear();
  }
}
