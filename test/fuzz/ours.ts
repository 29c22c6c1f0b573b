import { ChunkedDecoder } from '../../src/data/http1/chunked.ts';
import { HeadParser } from '../../src/data/http1/head-parser.ts';
import { HeadReader, type SharedParser } from '../../src/data/http1/head-reader.ts';
import {
  type RequestHead,
  type ResponseHead,
  readRequest,
  readResponse,
  refusalOf,
} from '../../src/data/http1/heads.ts';
import type { Body, Incomplete, Limits, Request, Response } from './reference.ts';

/** The router's parsers, answering in the terms of the reference. They get a message in as many pieces as one likes. */

export interface OurRefusal {
  readonly kind: 'refused';
  /** Null for responses and bodies: whoever reads them chooses the answer. */
  readonly status: number | null;
  readonly fault: string;
}

export type Ours<T> = T | Incomplete | OurRefusal;

const INCOMPLETE: Incomplete = { kind: 'incomplete' };

/** As in a worker: one parser for all heads that arrive whole, whatever was parsed with it before. */
const SHARED = new Map<Limits, SharedParser>();

function sharedFor(limits: Limits): SharedParser {
  let shared = SHARED.get(limits);
  if (shared === undefined) {
    shared = { parser: new HeadParser(limits), limits };
    SHARED.set(limits, shared);
  }
  return shared;
}

/** A complete head: the reader that has it, and how many bytes it took. */
interface Complete {
  readonly kind: 'complete';
  readonly reader: HeadReader;
  readonly length: number;
}

/** Reads the first piece from `at`, the others from their start. */
function readHead(kind: 'request' | 'response', pieces: readonly Buffer[], limits: Limits, at: number) {
  const reader = new HeadReader(kind, sharedFor(limits));
  let before = 0;
  for (const [index, piece] of pieces.entries()) {
    const start = index === 0 ? at : 0;
    const end = reader.read(piece, start);
    if (end < 0) return reader;
    if (end > 0) return { kind: 'complete', reader, length: before + end - start } satisfies Complete;
    before += piece.length - start;
  }
  return INCOMPLETE;
}

/** The head itself, for tests that write it again. */
export function ourHead(bytes: Buffer, limits: Limits): RequestHead | null {
  const read = readHead('request', [bytes], limits, 0);
  if (read instanceof HeadReader || read.kind === 'incomplete') return null;
  const head = readRequest(read.reader.parser, read.reader.text);
  return 'refused' in head ? null : head;
}

/** The same for a response to a request with this method. */
export function ourResponseHead(bytes: Buffer, limits: Limits, method: string): ResponseHead | null {
  const read = readHead('response', [bytes], limits, 0);
  if (read instanceof HeadReader || read.kind === 'incomplete') return null;
  return readResponse(read.reader.parser, read.reader.text, method);
}

export function ourRequest(pieces: readonly Buffer[], limits: Limits, at = 0): Ours<Request> {
  const read = readHead('request', pieces, limits, at);
  if (read instanceof HeadReader) return refusal(refusalOf(read.parser.fault!));
  if (read.kind === 'incomplete') return read;
  const head = readRequest(read.reader.parser, read.reader.text);
  return 'refused' in head ? refusal(head) : asRequest(head, read.length);
}

function refusal({ status, fault }: { status: number; fault: string }): OurRefusal {
  return { kind: 'refused', status, fault };
}

function asRequest(head: RequestHead, length: number): Request {
  const { method, target, minor, host, fields, framing, keepAlive, upgrade, expectsContinue } = head;
  return {
    kind: 'request',
    ...{ method, target, minor, host, fields, framing, keepAlive, upgrade, expectsContinue, length },
  };
}

export function ourResponse(
  pieces: readonly Buffer[],
  limits: Limits,
  method: string,
  at = 0,
): Ours<Response> {
  const read = readHead('response', pieces, limits, at);
  if (read instanceof HeadReader) return { kind: 'refused', status: null, fault: read.parser.fault! };
  if (read.kind === 'incomplete') return read;
  const head = readResponse(read.reader.parser, read.reader.text, method);
  if (head === null) return { kind: 'refused', status: null, fault: 'meaning' };
  return asResponse(head, read.length);
}

function asResponse(head: ResponseHead, length: number): Response {
  const { status, reason, minor, fields, framing, keepAlive, isUpgrade } = head;
  return { kind: 'response', ...{ status, reason, minor, fields, framing, keepAlive, isUpgrade, length } };
}

export interface OurChunked {
  readonly outcome: Ours<Body>;
  readonly payload: Buffer;
}

export function ourChunked(pieces: readonly Buffer[], limits: Limits, at = 0): OurChunked {
  const decoder = new ChunkedDecoder(limits);
  const payload: Buffer[] = [];
  const sink = (bytes: Buffer, start: number, end: number) => payload.push(bytes.subarray(start, end));
  let length = 0;
  let isBad = false;
  for (const [index, piece] of pieces.entries()) {
    const start = index === 0 ? at : 0;
    const end = decoder.decode(piece, start, piece.length, sink);
    isBad = end < 0;
    if (isBad) break;
    length += end - start;
    if (decoder.isDone) break;
  }
  const outcome: Ours<Body> = isBad
    ? { kind: 'refused', status: null, fault: 'chunked' }
    : decoder.isDone
      ? { kind: 'body', trailers: decoder.trailers, length }
      : INCOMPLETE;
  return { outcome, payload: Buffer.concat(payload) };
}
