/** A server that speaks first, as those for mail do, and its client. */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { ByteReader } from './client.ts';

/** Greets with its name and confirms every line; returns where. */
export async function startMail(name: string): Promise<{ port: number; close(): void }> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => {});
    socket.write(`220 ${name}\r\n`);
    let rest = '';
    socket.on('data', (bytes) => {
      const lines = (rest + bytes).split('\r\n');
      rest = lines.pop()!;
      for (const line of lines) socket.write(`250 ${name} ${line}\r\n`);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    close() {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}

export class Mail {
  readonly #socket: Socket;
  readonly #reader: ByteReader;

  constructor(socket: Socket) {
    this.#socket = socket;
    this.#reader = new ByteReader(socket);
  }

  static async connect(port: number): Promise<Mail> {
    const socket = connect(port, '127.0.0.1');
    const mail = new Mail(socket);
    await once(socket, 'connect');
    return mail;
  }

  async greeting(): Promise<string> {
    const line = await this.#reader.line();
    if (line === undefined) throw this.#reader.error ?? new Error('it ended');
    return line.toString();
  }

  async ask(line: string): Promise<string> {
    this.#socket.write(`${line}\r\n`);
    return this.greeting();
  }

  /** How it ended, once it has. */
  async ended(): Promise<'end' | 'reset'> {
    while ((await this.#reader.some()).length > 0);
    return this.#reader.ended === 'end' ? 'end' : 'reset';
  }
}
