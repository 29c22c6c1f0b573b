import { STATUS_CODES } from 'node:http';
import { Field, kindOfText } from '../http1/fields.ts';
import type { HeadLimits } from '../http1/head-parser.ts';
import { type Framing, NO_BODY, type ResponseHead, readLength } from '../http1/heads.ts';
import { FIELD_OVERHEAD } from './request-head.ts';

const CHUNKED: Framing = { kind: 'chunked' };
const EMPTY: Framing = { kind: 'length', length: 0 };

/**
 * Reads the fields of a response to a request with this method as nghttp2 delivers them. Null when it must not be believed.
 * `isEnded`: nothing follows. A length that the body does not keep to ends the stream with an error, in nghttp2.
 */
export function readHttp2Response(
  raw: readonly string[],
  method: string,
  isEnded: boolean,
  limits: HeadLimits,
): ResponseHead | null {
  const fields: string[] = [];
  const kinds: number[] = [];
  let status = 0;
  let length = -1;
  let size = 0;
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i]!;
    const value = raw[i + 1]!;
    size += name.length + value.length + FIELD_OVERHEAD;
    if (name === ':status') {
      status = /^\d{3}$/.test(value) ? Number(value) : 0;
      continue;
    }
    const kind = kindOfText(name);
    if (kind === Field.contentLength) {
      const said = readLength(value);
      if (said < 0 || (length >= 0 && said !== length)) return null;
      length = said;
    }
    fields.push(name, value);
    kinds.push(kind);
  }
  if (size > limits.headBytes || kinds.length > limits.fields) return null;
  // RFC 9113, 8.6: HTTP/2 knows no 101.
  if (status < 100 || status > 599 || status === 101) return null;
  const framing = framingOf(status, method, isEnded, length);
  return {
    ...{ status, reason: STATUS_CODES[status] ?? '', minor: 1, fields, kinds, nominated: null },
    ...{ framing, length, keepAlive: true, isUpgrade: false },
  };
}

function framingOf(status: number, method: string, isEnded: boolean, length: number): Framing {
  if (method === 'HEAD' || status < 200 || status === 204 || status === 304) return NO_BODY;
  if (isEnded) return EMPTY;
  return length >= 0 ? { kind: 'length', length } : CHUNKED;
}
