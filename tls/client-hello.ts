/**
 * Reads the server name and the protocols offered from the first bytes of a TLS connection, without taking part in it.
 * Pure: bytes in, a verdict out. Strict, because what reads a hello differently from the server behind it routes a client
 * where it did not mean to go: records (RFC 8446 §5.1) may split the hello anywhere, nothing may be left over inside of
 * it, and no extension may come twice (§4.2).
 */

export interface Hello {
  /** In lower case, without a trailing dot; null when none was sent. */
  readonly serverName: string | null;
  /** Protocols in the client's order. */
  readonly alpn: readonly string[];
}

export type HelloRead =
  /** Before so many bytes are here, another look tells nothing: single bytes must not each cost one. */
  | { readonly kind: 'need-more'; readonly atLeast: number }
  | ({ readonly kind: 'hello' } & Hello)
  /** Something else than a TLS record. */
  | { readonly kind: 'not-tls' }
  | { readonly kind: 'malformed'; readonly reason: string };

/** Bytes on the wire until the hello is complete. Hellos with post-quantum keys have some 2 KiB. */
export const MAX_HELLO_BYTES = 32 * 1024;

const HANDSHAKE = 22;
const CLIENT_HELLO = 1;
const RECORD_HEAD = 5;
const MESSAGE_HEAD = 4;
/** RFC 8446 §5.1. */
const MAX_RECORD = 16 * 1024;
/** Clients send one or two, and those that hide their name from watchers some dozens. Each look walks over all. */
const MAX_RECORDS = 2048;
const SERVER_NAME = 0;
const ALPN = 16;
const HOST_NAME = 0;

const NOT_TLS: HelloRead = { kind: 'not-tls' };

/** Reads what has come so far. */
export function readClientHello(bytes: Uint8Array): HelloRead {
  if (bytes.length === 0) return { kind: 'need-more', atLeast: 1 };
  if (bytes[0] !== HANDSHAKE) return NOT_TLS;
  if (bytes.length > 1 && bytes[1] !== 3) return NOT_TLS;
  const gathered = gather(bytes);
  if (typeof gathered === 'string') return { kind: 'malformed', reason: gathered };
  const { message, isComplete, atLeast } = gathered;
  if (message.length > 0 && message[0] !== CLIENT_HELLO) {
    return { kind: 'malformed', reason: 'the first message is not a ClientHello' };
  }
  if (isComplete) return readHello(message);
  if (bytes.length >= MAX_HELLO_BYTES) return { kind: 'malformed', reason: 'the ClientHello does not end' };
  return { kind: 'need-more', atLeast: Math.min(atLeast, MAX_HELLO_BYTES) };
}

interface Gathered {
  /** The message with its head when it is complete, else what the first record has of it. */
  readonly message: Uint8Array;
  readonly isComplete: boolean;
  /** Where on the wire the next thing ends that must be known whole: a record's head, the message's, a record. */
  readonly atLeast: number;
}

/** Puts the pieces of the first handshake message together; or says what is wrong with the records. */
function gather(bytes: Uint8Array): Gathered | string {
  const pieces: Uint8Array[] = [];
  let gathered = 0;
  let wanted = MESSAGE_HEAD;
  let atLeast = RECORD_HEAD;
  for (let at = 0; at < bytes.length && gathered < wanted; ) {
    if (bytes[at] !== HANDSHAKE) return 'a record of another kind interrupts the ClientHello';
    if (at + RECORD_HEAD > bytes.length) break;
    if (bytes[at + 1] !== 3) return 'a record is not of TLS';
    const length = (bytes[at + 3]! << 8) | bytes[at + 4]!;
    if (length === 0) return 'an empty record';
    if (length > MAX_RECORD) return 'a record is longer than TLS allows';
    if (pieces.length === MAX_RECORDS) return 'the ClientHello is in too many records';
    const before = gathered;
    const piece = bytes.subarray(at + RECORD_HEAD, at + RECORD_HEAD + length);
    pieces.push(piece);
    gathered += piece.length;
    if (wanted === MESSAGE_HEAD && gathered >= MESSAGE_HEAD) {
      wanted = MESSAGE_HEAD + messageLength(pieces);
      if (wanted > MAX_HELLO_BYTES) return 'the ClientHello is too long';
    }
    const end = at + RECORD_HEAD + Math.min(length, wanted - before);
    at += RECORD_HEAD + length;
    atLeast = end > bytes.length ? end : at + RECORD_HEAD;
  }
  const isComplete = gathered >= MESSAGE_HEAD && gathered >= wanted;
  const isSplit = isComplete && pieces.length > 1;
  const message = isSplit ? joined(pieces, gathered) : (pieces[0] ?? NOTHING);
  return { message: isComplete ? message.subarray(0, wanted) : message, isComplete, atLeast };
}

/** The length field of a message head that may lie across pieces. */
function messageLength(pieces: readonly Uint8Array[]): number {
  const head = joined(pieces, MESSAGE_HEAD);
  return (head[1]! << 16) | (head[2]! << 8) | head[3]!;
}

function joined(pieces: readonly Uint8Array[], length: number): Uint8Array {
  const all = new Uint8Array(length);
  let at = 0;
  for (const piece of pieces) {
    if (at >= length) break;
    all.set(piece.subarray(0, length - at), at);
    at += piece.length;
  }
  return all;
}

/** Walks over a vector of bytes; after reading beyond its end `isSpoilt` is set and everything read is empty. */
class Cursor {
  isSpoilt = false;
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get isAtEnd(): boolean {
    return this.isSpoilt || this.#at === this.#bytes.length;
  }

  number(width: 1 | 2 | 3): number {
    const bytes = this.take(width);
    return bytes.reduce((value, byte) => value * 256 + byte, 0);
  }

  take(length: number): Uint8Array {
    const end = this.#at + length;
    if (this.isSpoilt || end > this.#bytes.length) {
      this.isSpoilt = true;
      return NOTHING;
    }
    const bytes = this.#bytes.subarray(this.#at, end);
    this.#at = end;
    return bytes;
  }

  /** A vector with its length in front. */
  vector(width: 1 | 2): Uint8Array {
    return this.take(this.number(width));
  }
}

const NOTHING = new Uint8Array(0);

/** RFC 8446 §4.1.2. */
function readHello(message: Uint8Array): HelloRead {
  const cursor = new Cursor(message.subarray(MESSAGE_HEAD));
  const version = cursor.take(2);
  if (version[0] !== 3) return malformed('the version is not of TLS');
  cursor.take(32);
  if (cursor.vector(1).length > 32) return malformed('the session id is too long');
  const suites = cursor.vector(2).length;
  if (suites === 0 || suites % 2 !== 0) return malformed('the list of cipher suites is broken');
  if (cursor.vector(1).length === 0) return malformed('the list of compression methods is broken');
  if (cursor.isSpoilt) return malformed('the ClientHello ends within a field');
  // Without extensions there is no name: TLS 1.2 allows that.
  if (cursor.isAtEnd) return { kind: 'hello', serverName: null, alpn: [] };
  const extensions = cursor.vector(2);
  if (cursor.isSpoilt || !cursor.isAtEnd) return malformed('the length of the extensions is wrong');
  return readExtensions(new Cursor(extensions));
}

function readExtensions(cursor: Cursor): HelloRead {
  const seen = new Set<number>();
  let serverName: string | null = null;
  let alpn: readonly string[] = [];
  while (!cursor.isAtEnd) {
    const type = cursor.number(2);
    const data = cursor.vector(2);
    if (cursor.isSpoilt) break;
    if (seen.has(type)) return malformed('an extension comes twice');
    seen.add(type);
    if (type === SERVER_NAME) {
      const name = readServerName(data);
      if (name === null) return malformed('the server name is broken');
      serverName = name;
    } else if (type === ALPN) {
      const protocols = readAlpn(data);
      if (protocols === null) return malformed('the list of protocols is broken');
      alpn = protocols;
    }
  }
  if (cursor.isSpoilt) return malformed('the ClientHello ends within an extension');
  return { kind: 'hello', serverName, alpn };
}

/** RFC 6066 §3: one host name. Other kinds of names have never been defined. */
function readServerName(data: Uint8Array): string | null {
  const cursor = new Cursor(data);
  const list = new Cursor(cursor.vector(2));
  if (cursor.isSpoilt || !cursor.isAtEnd) return null;
  const kind = list.number(1);
  const name = list.vector(2);
  if (list.isSpoilt || !list.isAtEnd || kind !== HOST_NAME) return null;
  return hostName(name);
}

/** A dot at the end is not permitted, and names the same host; some clients send it. */
function hostName(bytes: Uint8Array): string | null {
  const text = String.fromCharCode(...bytes.subarray(0, 256)).toLowerCase();
  const name = text.endsWith('.') ? text.slice(0, -1) : text;
  const isName = name.length <= 253 && /^[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*$/.test(name);
  return isName ? name : null;
}

/** RFC 7301 §3.1: names of 1 to 255 bytes. */
function readAlpn(data: Uint8Array): readonly string[] | null {
  const cursor = new Cursor(data);
  const list = new Cursor(cursor.vector(2));
  if (cursor.isSpoilt || !cursor.isAtEnd || list.isAtEnd) return null;
  const protocols: string[] = [];
  while (!list.isAtEnd) {
    const name = list.vector(1);
    if (list.isSpoilt || name.length === 0) return null;
    protocols.push(String.fromCharCode(...name));
  }
  return protocols;
}

function malformed(reason: string): HelloRead {
  return { kind: 'malformed', reason };
}
