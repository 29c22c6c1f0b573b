import { randomBytes } from 'node:crypto';
import { hostOfAuthority } from '../../../router/hosts.ts';
import { CLASS, TARGET, TOKEN } from '../http1/characters.ts';
import { Field, kindOfText } from '../http1/fields.ts';
import { type HeadLimits, MAX_METHOD } from '../http1/head-parser.ts';
import { type Framing, NO_BODY, type Refused, type RequestHead, readLength, refuse } from '../http1/heads.ts';

/** RFC 9113, 6.5.2: what a field counts beside its name and value. */
export const FIELD_OVERHEAD = 32;
const CHUNKED: Framing = { kind: 'chunked' };

interface Pseudo {
  method: string;
  path: string;
  authority: string;
  protocol: string;
}

/**
 * Reads the fields of a request as nghttp2 delivers them: name, value, name, value, in latin1. It has refused pseudo-fields
 * that are missing, repeated, unknown or late, fields of the connection, and left out fields with illegal characters; what
 * it lets through and HTTP/1.1 does not is refused here. `isEnded`: no body follows.
 */
export function readHttp2Request(
  raw: readonly string[],
  isEnded: boolean,
  limits: HeadLimits,
): RequestHead | Refused {
  const pseudo: Pseudo = { method: '', path: '', authority: '', protocol: '' };
  const fields: string[] = [];
  const kinds: number[] = [];
  let size = 0;
  let host: string | null = null;
  let cookieAt = -1;
  let length = -1;
  let expects = '';
  let takesTrailers = false;
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i]!;
    const value = raw[i + 1]!;
    size += name.length + value.length + FIELD_OVERHEAD;
    if (size > limits.headBytes) return refuse(431, 'head_too_large');
    if (isPadded(value)) return refuse(400, 'bad_value');
    if (name.charCodeAt(0) === COLON) {
      if (name === ':method') pseudo.method = value;
      else if (name === ':path') pseudo.path = value;
      else if (name === ':authority') pseudo.authority = value;
      else if (name === ':protocol') pseudo.protocol = value;
      continue;
    }
    const kind = kindOfText(name);
    switch (kind) {
      case Field.host:
        if (host !== null) return refuse(400, 'several_hosts');
        host = value;
        break;
      case Field.cookie:
        // RFC 9113, 8.2.3: crumbs are one field for everybody behind us.
        if (cookieAt >= 0) {
          fields[cookieAt] += `; ${value}`;
          continue;
        }
        cookieAt = fields.length + 1;
        break;
      case Field.contentLength:
        length = readLength(value);
        if (length < 0) return refuse(length === -2 ? 413 : 400, 'bad_length');
        break;
      case Field.expect:
        expects = value.toLowerCase();
        if (expects !== '100-continue') return refuse(417, 'bad_expect');
        break;
      case Field.te:
        takesTrailers = value.toLowerCase() === 'trailers';
        break;
    }
    if (kinds.length === limits.fields) return refuse(431, 'too_many_fields');
    kinds.push(kind);
    fields.push(name, value);
  }

  const { method, path } = pseudo;
  if (method.length > MAX_METHOD || !consistsOf(method, TOKEN)) return refuse(400, 'bad_method');
  const isTunnel = method === 'CONNECT';
  // RFC 8441; other protocols, and CONNECT to anywhere, are nothing for an edge.
  if (isTunnel && pseudo.protocol !== 'websocket') return refuse(501, 'connect');
  if (path.length > limits.uriBytes) return refuse(414, 'uri_too_long');
  const isPath = path.charCodeAt(0) === SLASH || (path === '*' && method === 'OPTIONS');
  if (!isPath || !consistsOf(path, TARGET)) return refuse(400, 'bad_target');
  const authority = pseudo.authority === '' ? (host ?? '') : pseudo.authority;
  const named = hostOfAuthority(authority);
  if (named === null) return refuse(400, 'bad_host');
  if (host !== null && hostOfAuthority(host) !== named) return refuse(400, 'authority_mismatch');

  if (isTunnel) addUpgradeFields(fields, kinds);
  const framing = framingOf(isEnded || isTunnel, length);
  return {
    method: isTunnel ? 'GET' : method,
    target: path,
    minor: 1,
    isHttp2: true,
    authority,
    host: named,
    fields,
    kinds,
    nominated: null,
    framing,
    keepAlive: true,
    upgrade: isTunnel ? 'websocket' : null,
    expectsContinue: expects !== '' && framing.kind !== 'none',
    takesTrailers,
  };
}

const COLON = 0x3a;
const SLASH = 0x2f;

function framingOf(isEnded: boolean, length: number): Framing {
  if (isEnded) return NO_BODY;
  return length >= 0 ? { kind: 'length', length } : CHUNKED;
}

/** HTTP/1.1 proves with a key that both sides mean WebSocket; RFC 8441, 5 does without, so the upstream gets one of ours. */
function addUpgradeFields(fields: string[], kinds: number[]): void {
  for (let f = kinds.length - 1; f >= 0; f--) {
    if (fields[f * 2] !== 'sec-websocket-key') continue;
    fields.splice(f * 2, 2);
    kinds.splice(f, 1);
  }
  fields.push('sec-websocket-key', randomBytes(16).toString('base64'));
  kinds.push(Field.other);
}

/** RFC 9113, 8.2.1: no value begins or ends with a space or tab. */
export function isPadded(value: string): boolean {
  return isBlank(value.charCodeAt(0)) || isBlank(value.charCodeAt(value.length - 1));
}

function isBlank(c: number): boolean {
  return c === 0x20 || c === 0x09;
}

function consistsOf(text: string, kind: number): boolean {
  for (let i = 0; i < text.length; i++) if ((CLASS[text.charCodeAt(i)]! & kind) === 0) return false;
  return text !== '';
}
