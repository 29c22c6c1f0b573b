/**
 * A raw HTTP/1.1 client: sends exactly the bytes it is given and splits what comes back. It tolerates nothing
 * that could hide a fault of the router: a bare LF, a bad chunk size or two framings is an error, never repaired.
 * The well-behaved clients built on it live beside the load that uses them; `backend.ts` reads with it too.
 */
import { connect } from 'node:net';
import type { Duplex } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';

export { Client, get } from './load.ts';

export type Field = [name: string, value: string];
export type Ending = 'end' | 'reset' | 'open';

/** Not HTTP/1.1 as RFC 9112 writes it. */
class WireError extends Error {}
/** Right as far as it goes, but the connection ended in the middle of a message. */
export class Truncated extends WireError {}

/** Received bytes beyond this are left out of transcripts. */
const transcriptLimit = 4 * 1024 * 1024;
const highWater = 256 * 1024;

const quote = (text: string): string => JSON.stringify(text.slice(0, 80));

/** Pull-style reading from a socket, with back-pressure and a transcript of the exact bytes received. */
export class ByteReader {
  ended: Ending | undefined;
  error: (Error & { code?: string }) | undefined;
  /** While set, waiting for data does not make it flow. */
  held = false;
  #socket: Duplex;
  #pending: Buffer = Buffer.alloc(0);
  #heard: Buffer[] = [];
  #heardBytes = 0;
  #wake: (() => void) | undefined;

  constructor(socket: Duplex, keepTranscript = true) {
    this.#socket = socket;
    this.#heardBytes = keepTranscript ? 0 : transcriptLimit;
    socket.on('data', this.#onData);
    socket.on('end', () => this.finish('end'));
    socket.on('error', (error) => this.finish('reset', error));
    socket.on('close', () => this.finish('reset'));
  }

  /** Ends all reading; what is pending can still be read. The first ending stands. */
  finish(how: Ending, error?: Error): void {
    this.ended ??= how;
    this.error ??= error;
    this.#wake?.();
  }

  /** Up to `max` bytes; empty only when nothing more will come. */
  async some(max = Number.POSITIVE_INFINITY): Promise<Buffer> {
    while (this.#pending.length === 0 && this.ended === undefined) await this.#more();
    return this.#take(Math.min(max, this.#pending.length));
  }

  /** One line, its CRLF removed; undefined when the stream ended before its first byte. */
  async line(): Promise<string | undefined> {
    while (!this.#pending.includes(10)) {
      if (this.ended === undefined) await this.#more();
      else if (this.#pending.length === 0) return undefined;
      else throw new Truncated(`truncated line ${quote(this.#pending.toString('latin1'))}`);
    }
    const line = this.#take(this.#pending.indexOf(10) + 1).toString('latin1');
    if (!line.endsWith('\r\n')) throw new WireError(`bare LF after ${quote(line)}`);
    return line.slice(0, -2);
  }

  /** Every byte received so far, as received. */
  transcript(): Buffer {
    return Buffer.concat(this.#heard);
  }

  /** Stops listening for data and returns what was received but not read (for an upgraded connection). */
  detach(): Buffer {
    this.#socket.off('data', this.#onData);
    return this.#take(this.#pending.length);
  }

  #onData = (chunk: Buffer): void => {
    if (this.#heardBytes < transcriptLimit) this.#heard.push(chunk);
    this.#heardBytes += chunk.length;
    this.#pending = this.#pending.length === 0 ? chunk : Buffer.concat([this.#pending, chunk]);
    if (this.#pending.length > highWater) this.#socket.pause();
    this.#wake?.();
  };

  #more(): Promise<void> {
    if (!this.held) this.#socket.resume();
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  #take(count: number): Buffer {
    const taken = this.#pending.subarray(0, count);
    this.#pending = this.#pending.subarray(count);
    return taken;
  }
}

export interface Head {
  start: string;
  fields: Field[];
  text: string; // all of it, byte for byte, as latin1
}

/** The first value of a field, by name in any case. */
export function field(fields: readonly Field[], name: string): string | undefined {
  return fields.find(([key]) => key.toLowerCase() === name.toLowerCase())?.[1];
}

/** Without the optional white space of RFC 9110 §5.6.3: SP and HTAB, nothing else. */
const trim = (value: string): string => value.replace(/^[ \t]+|[ \t]+$/g, '');

/** Reads one head; undefined when the connection ended before it began. */
export async function readHead(reader: ByteReader): Promise<Head | undefined> {
  const start = await reader.line();
  if (start === undefined) return undefined;
  const untrimmed = await readFields(reader);
  const text = `${start}\r\n${untrimmed.map(([name, value]) => `${name}:${value}\r\n`).join('')}\r\n`;
  return { start, text, fields: untrimmed.map(([name, value]) => [name, trim(value)]) };
}

/** Values still carry their white space. */
async function readFields(reader: ByteReader): Promise<Field[]> {
  const fields: Field[] = [];
  for (let line = await reader.line(); line !== ''; line = await reader.line()) {
    if (line === undefined) throw new Truncated('truncated fields');
    const colon = line.indexOf(':');
    if (colon < 1 || /[\s]/.test(line.slice(0, colon))) throw new WireError(`bad field line ${quote(line)}`);
    fields.push([line.slice(0, colon), line.slice(colon + 1)]);
  }
  return fields;
}

export type Framing = 'none' | 'chunked' | 'close' | number;

/** How the body after these fields is delimited (RFC 9112 §6.3); `otherwise` when they do not say. */
export function framing(fields: readonly Field[], otherwise: 'none' | 'close'): Framing {
  const said = fields.filter(([name]) => /^(transfer-encoding|content-length)$/i.test(name));
  const [first] = said;
  if (first === undefined) return otherwise;
  if (said.length > 1) throw new WireError(`framed more than once: ${said.join('; ')}`);
  const chunked = first[0].toLowerCase() === 'transfer-encoding';
  const valid = chunked ? /^chunked$/i.test(first[1]) : /^\d+$/.test(first[1]);
  if (!valid) throw new WireError(`framed by ${first.join(': ')}`);
  return chunked ? 'chunked' : Number(first[1]);
}

/** Yields the decoded body; trailer fields are pushed onto `trailers`. Throws WireError when cut short. */
export async function* readBody(reader: ByteReader, how: Framing, trailers: Field[]): AsyncGenerator<Buffer> {
  if (how === 'close') return yield* exactly(reader, Number.POSITIVE_INFINITY);
  if (how !== 'chunked') return yield* exactly(reader, how === 'none' ? 0 : how);
  for (;;) {
    const line = await reader.line();
    if (line === undefined) throw new Truncated('body cut before a chunk');
    if (!/^[0-9a-f]+([ \t]*;.*)?$/i.test(line)) throw new WireError(`chunk size ${quote(line)}`);
    const size = Number.parseInt(line, 16);
    if (size === 0) break;
    yield* exactly(reader, size);
    if ((await reader.line()) !== '') throw new WireError('chunk longer than its size');
  }
  for (const [name, value] of await readFields(reader)) trailers.push([name, trim(value)]);
}

async function* exactly(reader: ByteReader, length: number): AsyncGenerator<Buffer> {
  for (let left = length; left > 0; ) {
    const bytes = await reader.some(left);
    if (bytes.length === 0 && left === Number.POSITIVE_INFINITY && reader.ended === 'end') return;
    if (bytes.length === 0) throw new Truncated(`body cut ${left} bytes short of ${length}`);
    left -= bytes.length;
    yield bytes;
  }
}

export interface RawResponse {
  status: number;
  reason: string;
  head: string;
  fields: Field[];
  /** Field values by lower-case name; repeated fields joined by a comma. */
  headers: Map<string, string>;
  /** The decoded body as UTF-8; `bytes` for the exact ones. */
  body: string;
  bytes: Buffer;
  trailers: Field[];
  /** Why the message is not whole, when it is not. */
  fault?: string;
}

/** Reads one response (interim ones too); undefined when the connection ended before it began. */
export async function readResponse(reader: ByteReader, method: string): Promise<RawResponse | undefined> {
  const head = await readHead(reader);
  if (!head) return undefined;
  const start = /^HTTP\/1\.[01] (\d{3}) (.*)$/.exec(head.start);
  if (!start) throw new WireError(`status line ${quote(head.start)}`);
  const headers = new Map<string, string>();
  for (const [name, value] of head.fields) {
    const key = name.toLowerCase();
    headers.set(key, headers.has(key) ? `${headers.get(key)}, ${value}` : value);
  }
  const framed = {
    status: Number(start[1]),
    reason: start[2]!,
    head: head.text,
    fields: head.fields,
    headers,
  };
  const [chunks, trailers]: [Buffer[], Field[]] = [[], []];
  let fault: string | undefined;
  try {
    for await (const chunk of readBody(reader, responseFraming(framed, method), trailers)) chunks.push(chunk);
  } catch (error) {
    fault = (error as Error).message;
  }
  const bytes = Buffer.concat(chunks);
  return { ...framed, body: bytes.toString(), bytes, trailers, ...(fault !== undefined && { fault }) };
}

function responseFraming(
  { status, fields }: Pick<RawResponse, 'status' | 'fields'>,
  method: string,
): Framing {
  if (status === 101 || (method === 'CONNECT' && status < 300)) return 'close';
  if (method === 'HEAD' || status < 200 || status === 204 || status === 304) return 'none';
  return framing(fields, 'close');
}

export interface RawOptions {
  /** Wait for the peer to close (default), or for this many final responses. */
  until?: 'close' | number;
  /** When it passes, what arrived so far is returned with `closed: 'open'`. Default 5 s. */
  timeoutMs?: number;
  /** Send FIN after the bytes. */
  halfClose?: boolean;
  /** Methods of the requests, where they cannot be seen in the bytes. */
  methods?: string[];
  /** Another way to connect, such as TLS. */
  connect?: () => Duplex;
}

export interface RawResult {
  text: string;
  responses: RawResponse[];
  closed: Ending;
  /** A violation of the grammar, or the connection's error code. */
  error?: string;
}

export type Piece = string | Buffer | number;

/** Sends bytes as they are (an array piece by piece, a number pausing that many ms) and splits the answer. */
export async function rawRequest(port: number, data: Piece | Piece[], options: RawOptions = {}) {
  const socket =
    options.connect?.() ?? connect({ port, host: '127.0.0.1', noDelay: true, allowHalfOpen: true });
  const reader = new ByteReader(socket);
  const timer = setTimeout(() => reader.finish('open'), options.timeoutMs ?? 5000);
  const pieces = Array.isArray(data) ? data : [data];
  const sending = send(socket, reader, pieces).then(() => options.halfClose && socket.end());
  const result: RawResult = { text: '', responses: [], closed: 'open' };
  try {
    await collect(reader, options.methods ?? methodsIn(pieces), options.until ?? 'close', result.responses);
  } catch (error) {
    result.error = (error as Error).message;
  }
  clearTimeout(timer);
  result.closed = reader.ended ?? 'open';
  if (reader.error?.code) result.error ??= reader.error.code;
  reader.finish('open');
  socket.destroy();
  await sending;
  result.text = reader.transcript().toString('latin1');
  return result;
}

async function send(socket: Duplex, reader: ByteReader, pieces: Piece[]): Promise<void> {
  for (const piece of pieces) {
    if (typeof piece === 'number') await sleep(piece);
    else if (reader.ended === undefined) socket.write(piece);
  }
}

function methodsIn(pieces: Piece[]): string[] {
  const text = pieces.filter((piece) => typeof piece !== 'number').join('');
  return [...text.matchAll(/^([A-Z]+) \S+ HTTP\/1\.[01]\r?$/gm)].map((match) => match[1]!);
}

async function collect(reader: ByteReader, methods: string[], until: 'close' | number, into: RawResponse[]) {
  for (let finals = 0; ; ) {
    const response = await readResponse(reader, methods[finals] ?? 'GET');
    if (response) into.push(response);
    if (!response || response.fault !== undefined) return;
    if (response.status >= 200) finals += 1;
    if (finals === until && response.headers.get('connection')?.toLowerCase() !== 'close') return;
  }
}
