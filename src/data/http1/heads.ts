import { hostOfAuthority } from '../../../router/hosts.ts';
import { readConnection, readUpgrade, takesTrailers } from './connection-options.ts';
import { Field } from './fields.ts';
import type { HeadFault, HeadParser } from './head-parser.ts';

/**
 * What a head means: decided once, from the parser's pieces, for whichever protocol version carried it. Ambiguity is
 * refused, never repaired (RFC 9112 §6.3, §11.2).
 */

/** How a body ends. `close` exists for responses only. */
export type Framing =
  | { readonly kind: 'none' }
  | { readonly kind: 'length'; readonly length: number }
  | { readonly kind: 'chunked' }
  | { readonly kind: 'close' };

export const NO_BODY: Framing = { kind: 'none' };
const CHUNKED: Framing = { kind: 'chunked' };
const UNTIL_CLOSE: Framing = { kind: 'close' };

/** A body of no bytes is none. */
export function hasBody(framing: Framing): boolean {
  return framing.kind === 'length' ? framing.length > 0 : framing.kind !== 'none';
}

export interface RequestHead {
  readonly method: string;
  /** Origin form, or `*`. */
  readonly target: string;
  readonly minor: number;
  /** It came over HTTP/2: what follows is payload, without the framing that `framing` names for the upstream. */
  readonly isHttp2: boolean;
  /** As received; the authority of an absolute-form target where there was one. Empty for an HTTP/1.0 request without. */
  readonly authority: string;
  /** Lower case, no port; empty when the request named none. */
  readonly host: string;
  /** Name, value, name, value: order and case as received. */
  readonly fields: readonly string[];
  readonly kinds: readonly number[];
  /** Lower-case names that `Connection` nominates; null for the usual few. */
  readonly nominated: readonly string[] | null;
  readonly framing: Framing;
  readonly keepAlive: boolean;
  /** Value of `Upgrade` when the client asks for one we pass on. */
  readonly upgrade: string | null;
  readonly expectsContinue: boolean;
  /** The client takes trailers (`TE: trailers`). */
  readonly takesTrailers: boolean;
}

export interface ResponseHead {
  readonly status: number;
  readonly reason: string;
  readonly minor: number;
  readonly fields: readonly string[];
  readonly kinds: readonly number[];
  readonly nominated: readonly string[] | null;
  readonly framing: Framing;
  /** `Content-Length` as a number, also where it only describes a body that is not there (HEAD, 304); -1 without. */
  readonly length: number;
  readonly keepAlive: boolean;
  readonly isUpgrade: boolean;
}

/** A head that must be answered with an error, with the status to use. */
export interface Refused {
  readonly refused: true;
  readonly status: 400 | 408 | 413 | 414 | 417 | 431 | 501 | 505;
  readonly fault: string;
}

export function refusalOf(fault: HeadFault): Refused {
  switch (fault) {
    case 'uri_too_long':
      return refuse(414, fault);
    case 'head_too_large':
    case 'too_many_fields':
      return refuse(431, fault);
    case 'unsupported_version':
      return refuse(505, fault);
    default:
      return refuse(400, fault);
  }
}

export function refuse(status: Refused['status'], fault: string): Refused {
  return { refused: true, status, fault };
}

/** Reads a complete request head; `text` is the head in latin1. */
export function readRequest(parser: HeadParser, text: string): RequestHead | Refused {
  const method = text.slice(parser.lineStart, parser.methodEnd);
  const rawTarget = text.slice(parser.targetStart, parser.targetEnd);
  if (method === 'CONNECT') return refuse(501, 'connect');
  const fields = parser.pairs(text);
  const kinds = parser.kinds.slice(0, parser.fields);

  const hostAt = parser.only(Field.host);
  if (hostAt === -2) return refuse(400, 'several_hosts');
  if (hostAt === -1 && parser.minor === 1) return refuse(400, 'no_host');
  let authority = hostAt >= 0 ? fields[hostAt * 2 + 1]! : '';
  let host = '';
  if (hostAt >= 0) {
    const read = hostOfAuthority(authority);
    if (read === null) return refuse(400, 'bad_host');
    host = read;
  }

  let target = rawTarget;
  if (rawTarget.charCodeAt(0) !== 0x2f) {
    const absolute = readAbsolute(rawTarget, method);
    if (absolute === null) return refuse(400, 'bad_target');
    if (absolute.authority !== null) {
      const named = hostOfAuthority(absolute.authority);
      if (named === null || (hostAt >= 0 && named !== host)) return refuse(400, 'authority_mismatch');
      host = named;
      authority = absolute.authority;
    }
    target = absolute.target;
  }

  const connection = readConnection(fields, kinds);
  const framing = readRequestFraming(parser, fields);
  if ('refused' in framing) return framing;

  let expectsContinue = false;
  const expectAt = parser.only(Field.expect);
  if (expectAt !== -1 && parser.minor === 1) {
    if (expectAt === -2 || fields[expectAt * 2 + 1]!.toLowerCase() !== '100-continue')
      return refuse(417, 'bad_expect');
    expectsContinue = framing.kind !== 'none';
  }

  return {
    method,
    target,
    minor: parser.minor,
    isHttp2: false,
    authority,
    host,
    fields,
    kinds,
    nominated: connection.nominated,
    framing,
    keepAlive: parser.minor === 1 ? !connection.close : connection.keepAlive && !connection.close,
    upgrade: parser.minor === 1 && connection.upgrade ? readUpgrade(parser, fields, framing) : null,
    expectsContinue,
    takesTrailers: takesTrailers(parser, fields),
  };
}

/** Reads a complete response head to a request with this method. Null when it must not be believed. */
export function readResponse(parser: HeadParser, text: string, method: string): ResponseHead | null {
  const { status } = parser;
  if (status < 100 || status > 599) return null;
  const fields = parser.pairs(text);
  const kinds = parser.kinds.slice(0, parser.fields);
  const connection = readConnection(fields, kinds);
  const length = readEqualLengths(parser, fields);
  const framing = readResponseFraming(parser, fields, method, length);
  if (framing === null) return null;
  const keepAlive =
    framing.kind !== 'close' && !connection.close && (parser.minor === 1 || connection.keepAlive);
  return {
    status,
    reason: text.slice(parser.reasonStart, parser.reasonEnd),
    minor: parser.minor,
    fields,
    kinds,
    nominated: connection.nominated,
    framing,
    length,
    keepAlive,
    isUpgrade: status === 101 && connection.upgrade,
  };
}

/** RFC 9112 §3.2: `http://host/path`, or `*` for OPTIONS. Anything else is not for a proxy. */
function readAbsolute(target: string, method: string): { authority: string | null; target: string } | null {
  if (target === '*') return method === 'OPTIONS' ? { authority: null, target } : null;
  const scheme = /^https?:\/\//i.exec(target);
  if (!scheme) return null;
  const rest = target.slice(scheme[0].length);
  const end = rest.search(/[/?]/);
  const authority = end < 0 ? rest : rest.slice(0, end);
  // RFC 9112 §3.2.4: without a path, OPTIONS is about the server.
  if (end < 0) return { authority, target: method === 'OPTIONS' ? '*' : '/' };
  const path = rest.slice(end);
  return { authority, target: path.startsWith('/') ? path : `/${path}` };
}

function readRequestFraming(parser: HeadParser, fields: readonly string[]): Framing | Refused {
  const codingAt = parser.only(Field.transferEncoding);
  const lengthAt = parser.only(Field.contentLength);
  if (codingAt === -1 && lengthAt === -1) return NO_BODY;
  if (codingAt !== -1) {
    if (lengthAt !== -1) return refuse(400, 'length_and_coding');
    if (parser.minor === 0) return refuse(400, 'coding_in_http10');
    if (codingAt === -2) return refuse(400, 'several_codings');
    const coding = fields[codingAt * 2 + 1]!.toLowerCase();
    if (coding === 'chunked') return CHUNKED;
    // A known shape we do not serve is 501; anything odd around `chunked` is an attempt to confuse.
    return /^(?!chunked)[a-z]+( *, *chunked)?$/.test(coding) && coding !== 'identity'
      ? refuse(501, 'unsupported_coding')
      : refuse(400, 'bad_coding');
  }
  if (lengthAt === -2) return refuse(400, 'several_lengths');
  const length = readLength(fields[lengthAt * 2 + 1]!);
  if (length === -1) return refuse(400, 'bad_length');
  if (length === -2) return refuse(413, 'length_too_large');
  return { kind: 'length', length };
}

/** RFC 9112 §6.3, seen from the response's side. Null: refuse to believe it. */
function readResponseFraming(
  parser: HeadParser,
  fields: readonly string[],
  method: string,
  length: number,
): Framing | null {
  const { status } = parser;
  const coding = parser.only(Field.transferEncoding);
  if (length < -1) return null;
  if (coding !== -1 && (length >= 0 || coding === -2)) return null;
  if (coding >= 0 && (parser.minor === 0 || fields[coding * 2 + 1]!.toLowerCase() !== 'chunked')) return null;
  if (method === 'HEAD' || status < 200 || status === 204 || status === 304) return NO_BODY;
  if (coding >= 0) return CHUNKED;
  return length >= 0 ? { kind: 'length', length } : UNTIL_CLOSE;
}

/** Equal repetitions of `Content-Length` are allowed in a response; -1 none, below that unusable. */
function readEqualLengths(parser: HeadParser, fields: readonly string[]): number {
  let found = -1;
  for (let f = 0; f < parser.fields; f++) {
    if (parser.kinds[f] !== Field.contentLength) continue;
    const length = readLength(fields[f * 2 + 1]!);
    if (length < 0 || (found >= 0 && found !== length)) return -2;
    found = length;
  }
  return found;
}

/** `1*DIGIT`; -1 when it is not that, -2 when it is beyond 2^53. */
export function readLength(text: string): number {
  if (text.length === 0) return -1;
  let value = 0;
  for (let i = 0; i < text.length; i++) {
    const digit = text.charCodeAt(i) - 0x30;
    if (digit < 0 || digit > 9) return -1;
    value = value * 10 + digit;
  }
  return value > Number.MAX_SAFE_INTEGER ? -2 : value;
}
