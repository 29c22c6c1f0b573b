import { connect, type Socket } from 'node:net';
import { reset } from '../../src/data/owned-socket.ts';
import { ByteReader, type RawResponse, readResponse } from '../support/client.ts';

/** Nothing here takes longer, but for a machine that stands still. */
const PATIENCE_MS = 20_000;

/** A connection of a client that decides what it sends and when it reads; several requests may be under way. */
export class Talk {
  readonly socket: Socket;
  readonly reader: ByteReader;
  readonly #timer: NodeJS.Timeout;

  constructor(port: number, patienceMs = PATIENCE_MS) {
    this.socket = connect({ port, host: '127.0.0.1', noDelay: true, allowHalfOpen: true });
    this.reader = new ByteReader(this.socket, false);
    this.#timer = setTimeout(() => this.reader.finish('open'), patienceMs);
  }

  /** Waits while the router takes no more. */
  async send(bytes: string | Buffer): Promise<void> {
    if (this.reader.ended !== undefined || this.socket.write(bytes)) return;
    await new Promise<void>((resolve) => {
      const done = (): void => {
        this.socket.off('drain', done).off('close', done);
        resolve();
      };
      this.socket.once('drain', done).once('close', done);
    });
  }

  /** The next answer; throws when there is none, or no whole one. */
  async answer(method = 'GET'): Promise<RawResponse> {
    this.#timer.refresh();
    const response = await readResponse(this.reader, method);
    const { ended, error } = this.reader;
    if (response === undefined) throw new Error(`no answer: ${error?.message ?? ended}`);
    if (response.fault !== undefined) throw new Error(`${response.status}, then ${response.fault}`);
    return response;
  }

  /** Until the peer has ended its side. */
  async rest(): Promise<Buffer> {
    const parts: Buffer[] = [];
    for (let part = await this.reader.some(); part.length > 0; part = await this.reader.some())
      parts.push(part);
    return Buffer.concat(parts);
  }

  close(): void {
    clearTimeout(this.#timer);
    this.socket.destroy();
  }

  /** RST instead of FIN. */
  reset(): void {
    clearTimeout(this.#timer);
    reset(this.socket);
  }
}

export function requestHead(method: string, host: string, path: string, ...fields: string[]): string {
  return `${[`${method} ${path} HTTP/1.1`, `Host: ${host}`, ...fields].join('\r\n')}\r\n\r\n`;
}
