import type net from 'node:net';
import type { TLSSocket } from 'node:tls';
import { Family } from '../shared/counters.ts';
import type { FromWorker } from '../shared/messages.ts';
import { UPSTREAM_TLS_FAULTS, type UpstreamTlsFault } from '../shared/upstream-tls-faults.ts';
import type { Endpoint } from './endpoint.ts';
import type { Recorder } from './recorder.ts';

/** An instance with the wrong certificate fails with every request; a person is told once in a while. */
const TELL_EVERY_MS = 60_000;

/** Why instances could not be spoken to with TLS: counted, and told, since a client only hears `connect_failed`. */
export class UpstreamFaults {
  readonly #recorder: Recorder;
  readonly #send: (message: FromWorker) => void;
  readonly #toldAt = new WeakMap<Endpoint, number>();

  constructor(recorder: Recorder, send: (message: FromWorker) => void) {
    this.#recorder = recorder;
    this.#send = send;
  }

  /**
   * A socket to the endpoint has failed. What is no matter of TLS is nothing to tell; a connection that breaks before
   * its handshake is done (`isConnecting`) is one: so end those who speak something else.
   */
  socketFailed(
    endpoint: Endpoint,
    socket: net.Socket,
    error: NodeJS.ErrnoException | undefined,
    isConnecting: boolean,
  ): void {
    if (endpoint.tls === null || error === undefined) return;
    const isBroken = isConnecting && (error.syscall === 'read' || error.syscall === 'write');
    if (error.syscall !== undefined && !isBroken) return;
    const isCertificate = Boolean((socket as TLSSocket).authorizationError);
    this.tell(endpoint, isCertificate ? 'certificate' : 'handshake', error.message);
  }

  tell(endpoint: Endpoint, fault: UpstreamTlsFault, reason: string): void {
    this.#recorder.add(Family.upstreamTlsFaults, UPSTREAM_TLS_FAULTS.indexOf(fault), 0, 1);
    const now = performance.now();
    if (now - (this.#toldAt.get(endpoint) ?? Number.NEGATIVE_INFINITY) < TELL_EVERY_MS) return;
    this.#toldAt.set(endpoint, now);
    const detail = { endpoint: endpoint.id, fault, reason };
    this.#send({ type: 'log', level: 'warn', msg: 'TLS with an instance failed', detail });
  }
}
