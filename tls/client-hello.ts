/** What a handshake begins with, as far as it decides which certificate and protocol the connection gets. */
export interface ClientHello {
  /** As received; empty when the client names none. */
  readonly serverName: string;
  /** Protocols the client offers (RFC 7301), in its order; empty when it offers none. */
  readonly protocols: readonly string[];
}

/** `more`: incomplete so far; `plain`: no TLS at all; `bad`: TLS, but not a ClientHello that can be read. */
export type HelloRead = ClientHello | 'more' | 'plain' | 'bad';

/** Post-quantum keys and a ticket with a client's certificate stay below half of it. */
export const MAX_HELLO_BYTES = 16 * 1024;

/** RFC 8446, 5.1 and 4. */
const HANDSHAKE_RECORD = 22;
const CLIENT_HELLO = 1;
const RECORD_HEADER = 5;
const MAX_RECORD = 16 * 1024;
const MESSAGE_HEADER = 4;
const SERVER_NAME = 0;
const PROTOCOLS = 16;

/** Reads the first bytes of a connection. The hello may be spread over records, and records over reads. */
export function readClientHello(bytes: Buffer): HelloRead {
  if (bytes.length === 0) return 'more';
  if (bytes[0] !== HANDSHAKE_RECORD) return 'plain';
  const message = joinRecords(bytes);
  if (typeof message === 'string') return message;
  return readMessage(message);
}

/** The handshake message without the record headers in it. */
function joinRecords(bytes: Buffer): Buffer | 'more' | 'bad' {
  const parts: Buffer[] = [];
  let length = 0;
  let needed = MESSAGE_HEADER;
  for (let at = 0; length < needed; ) {
    if (at > MAX_HELLO_BYTES) return 'bad';
    if (at < bytes.length && bytes[at] !== HANDSHAKE_RECORD) return 'bad';
    if (at + 1 < bytes.length && bytes[at + 1] !== 3) return 'bad';
    if (at + RECORD_HEADER > bytes.length) return 'more';
    const size = bytes.readUInt16BE(at + 3);
    // RFC 8446, 5.1: a handshake record is never empty.
    if (size === 0 || size > MAX_RECORD) return 'bad';
    const part = bytes.subarray(at + RECORD_HEADER, at + RECORD_HEADER + size);
    parts.push(part);
    length += part.length;
    at += RECORD_HEADER + size;
    if (length >= MESSAGE_HEADER && needed === MESSAGE_HEADER) {
      const head = parts.length === 1 ? part : Buffer.concat(parts);
      if (head[0] !== CLIENT_HELLO) return 'bad';
      needed += head.readUIntBE(1, 3);
      if (needed > MAX_HELLO_BYTES) return 'bad';
    }
    if (length < needed && part.length < size) return 'more';
  }
  const all = parts.length === 1 ? parts[0]! : Buffer.concat(parts);
  return all.subarray(MESSAGE_HEADER, needed);
}

function readMessage(message: Buffer): ClientHello | 'bad' {
  const reader = new Reader(message);
  // Version and random; session id, cipher suites, compression methods.
  reader.skip(34);
  reader.vector(1);
  reader.vector(2);
  reader.vector(1);
  let serverName = '';
  let protocols: readonly string[] = [];
  // TLS 1.2 clients may send no extensions at all.
  const extensions = reader.isAtEnd ? reader : new Reader(reader.vector(2));
  while (!extensions.isAtEnd && !extensions.isBad) {
    const type = extensions.number(2);
    const data = new Reader(extensions.vector(2));
    if (type === SERVER_NAME) serverName = readServerName(data);
    else if (type === PROTOCOLS) protocols = readProtocols(data);
    if (data.isBad) return 'bad';
  }
  return reader.isBad || extensions.isBad ? 'bad' : { serverName, protocols };
}

/** RFC 6066, 3: a list that has had one kind of entry for twenty years. */
function readServerName(data: Reader): string {
  const list = new Reader(data.vector(2));
  const type = list.number(1);
  const name = list.vector(2).toString('latin1');
  if (list.isBad) data.isBad = true;
  return type === 0 ? name : '';
}

function readProtocols(data: Reader): readonly string[] {
  const list = new Reader(data.vector(2));
  const found: string[] = [];
  while (!list.isAtEnd && !list.isBad) found.push(list.vector(1).toString('latin1'));
  if (list.isBad) data.isBad = true;
  return found;
}

/** Reads lengths and what they measure; beyond the end it turns bad and gives nothing. */
class Reader {
  isBad = false;
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#bytes.length;
  }

  skip(length: number): void {
    this.#take(length);
  }

  number(width: 1 | 2): number {
    const at = this.#take(width);
    return at < 0 ? 0 : this.#bytes.readUIntBE(at, width);
  }

  /** Bytes behind their own length. */
  vector(width: 1 | 2): Buffer {
    const length = this.number(width);
    const at = this.#take(length);
    return at < 0 ? this.#bytes.subarray(0, 0) : this.#bytes.subarray(at, at + length);
  }

  #take(length: number): number {
    const at = this.#at;
    if (this.isBad || at + length > this.#bytes.length) {
      this.isBad = true;
      return -1;
    }
    this.#at = at + length;
    return at;
  }
}
