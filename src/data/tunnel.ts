import type { ClientStream } from './client-stream.ts';
import type { TunnelSide } from './upstream-stream.ts';

/**
 * Both directions after a 101. Each may end by itself (RFC 6455 clients do close one side first); the tunnel is over when
 * both have. Its only clock is the client's deadline, moved by bytes of either side.
 */
export class Tunnel {
  bytesIn = 0;
  bytesOut = 0;
  readonly #client: ClientStream;
  readonly #upstream: TunnelSide;
  #hasClientEnded = false;
  #hasUpstreamEnded = false;

  constructor(client: ClientStream, upstream: TunnelSide) {
    this.#client = client;
    this.#upstream = upstream;
    this.touch();
  }

  get isOver(): boolean {
    return this.#hasClientEnded && this.#hasUpstreamEnded;
  }

  /** Half of a tunnel may as well be a client that is gone: its silence is not borne for as long. */
  touch(): void {
    const { deadlines, timeouts } = this.#client.engine;
    const isHalf = this.#hasClientEnded || this.#hasUpstreamEnded;
    this.#client.deadline = deadlines.now + (isHalf ? timeouts.streamIdleMs : timeouts.tunnelIdleMs);
  }

  fromClient(bytes: Buffer): void {
    this.bytesIn += bytes.length;
    this.touch();
    if (!this.#upstream.write(bytes)) this.#client.pauseReading();
  }

  fromUpstream(bytes: Buffer): void {
    this.bytesOut += bytes.length;
    this.touch();
    if (!this.#client.write(bytes)) this.#upstream.pause();
  }

  /** Both sides have ended. */
  finish(): void {
    this.#upstream.finishSending();
  }

  /** The client is gone. */
  reset(): void {
    this.#upstream.reset();
  }

  clientEnded(): void {
    this.#hasClientEnded = true;
    this.touch();
    this.#upstream.end();
  }

  upstreamEnded(): void {
    this.#hasUpstreamEnded = true;
    this.touch();
    this.#client.endWriting();
  }
}
