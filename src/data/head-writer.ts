import { cleanChain } from './forwarded.ts';
import { Field } from './http1/fields.ts';
import type { Framing, RequestHead, ResponseHead } from './http1/heads.ts';
import { connectionField } from './replies.ts';

/**
 * Heads are always written anew from what was understood; received bytes are never passed on. Hop-by-hop fields go
 * first (RFC 9110 §7.6.1), then ours are added, so that a client cannot nominate ours away.
 */

/** What the upstream is told about the client besides its own fields. */
export interface Forwarding {
  readonly peer: string;
  readonly isTrusted: boolean;
  readonly client: string;
  readonly scheme: 'http' | 'https';
  readonly port: number;
  readonly requestId: string;
  /** Complete fields about the client's certificate; empty without one. */
  readonly clientFields: string;
  /** Path taken off in front, for applications that build links. */
  readonly strippedPrefix: string | null;
}

/** The request head for the upstream. `authority` is its Host field. */
export function requestHead(
  head: RequestHead,
  target: string,
  authority: string,
  forwarding: Forwarding,
): string {
  const { fields, kinds, nominated } = head;
  let text = `${head.method} ${target} HTTP/1.1\r\nHost: ${authority}\r\n`;
  let chain = '';
  let proto = '';
  for (let f = 0; f < kinds.length; f++) {
    const kind = kinds[f]!;
    const name = fields[f * 2]!;
    const value = fields[f * 2 + 1]!;
    switch (kind) {
      case Field.host:
      case Field.contentLength:
      case Field.transferEncoding:
      case Field.connection:
      case Field.hopByHop:
      case Field.keepAlive:
      case Field.te:
      case Field.upgrade:
      case Field.requestId:
      case Field.clientCertificate:
        continue;
      case Field.expect:
        if (head.expectsContinue) text += 'Expect: 100-continue\r\n';
        continue;
      case Field.trailer:
        if (head.framing.kind !== 'chunked') continue;
        break;
      case Field.forwardedFor:
        if (forwarding.isTrusted) chain = chain === '' ? value : `${chain}, ${value}`;
        continue;
      case Field.forwardedProto:
        if (forwarding.isTrusted && /^(https?|wss?)$/i.test(value)) proto = value.toLowerCase();
        continue;
      case Field.managed:
        if (!forwarding.isTrusted || isNamed(name, 'x-real-ip')) continue;
        break;
      default:
        if (nominated?.includes(name.toLowerCase())) continue;
    }
    text += `${name}: ${value}\r\n`;
  }
  text += framingField(head.framing);
  if (head.upgrade !== null) text += `Connection: Upgrade\r\nUpgrade: ${head.upgrade}\r\n`;
  else if (head.takesTrailers) text += 'TE: trailers\r\nConnection: TE\r\n';
  return `${text}${forwardedFields(head, forwarding, chain, proto)}\r\n`;
}

function forwardedFields(head: RequestHead, forwarding: Forwarding, chain: string, proto: string): string {
  const before = chain === '' ? '' : cleanChain(chain);
  const { peer, client, scheme, port, requestId, strippedPrefix, isTrusted } = forwarding;
  let text =
    `X-Forwarded-For: ${before === '' ? peer : `${before}, ${peer}`}\r\n` +
    `X-Forwarded-Proto: ${proto === '' ? scheme : proto}\r\n`;
  if (head.authority !== '' && !(isTrusted && has(head, 'x-forwarded-host'))) {
    text += `X-Forwarded-Host: ${head.authority}\r\n`;
  }
  if (!isTrusted || !has(head, 'x-forwarded-port')) text += `X-Forwarded-Port: ${port}\r\n`;
  text += `X-Real-IP: ${client}\r\nX-Request-ID: ${requestId}\r\n${forwarding.clientFields}`;
  return strippedPrefix === null ? text : `${text}X-Forwarded-Prefix: ${strippedPrefix}\r\n`;
}

/** How we will frame the response to this client. */
export function responseFraming(head: ResponseHead, minor: number): Framing {
  const { framing } = head;
  if (framing.kind === 'none' || framing.kind === 'length') return framing;
  return minor === 1 ? CHUNKED : UNTIL_CLOSE;
}

/** The response head for the client. `hsts` is the value of a field that is added where the upstream sends none. */
export function responseHead(
  head: ResponseHead,
  framing: Framing,
  request: RequestHead,
  keepAlive: boolean,
  hsts = '',
): string {
  const { fields, kinds, nominated, status } = head;
  let text = `HTTP/1.1 ${status} ${head.reason}\r\n`;
  for (let f = 0; f < kinds.length; f++) {
    const name = fields[f * 2]!;
    switch (kinds[f]) {
      case Field.contentLength:
      case Field.transferEncoding:
      case Field.connection:
      case Field.hopByHop:
      case Field.keepAlive:
      case Field.te:
      case Field.upgrade:
        continue;
      case Field.trailer:
        if (framing.kind !== 'chunked' || !request.takesTrailers) continue;
        break;
      default:
        if (nominated?.includes(name.toLowerCase())) continue;
    }
    text += `${name}: ${fields[f * 2 + 1]!}\r\n`;
  }
  if (status < 200) return `${text}\r\n`;
  if (hsts !== '' && !kinds.includes(Field.hsts)) text += `Strict-Transport-Security: ${hsts}\r\n`;
  // It may describe the body that is not there (HEAD, 304); RFC 9110 §8.6 forbids it with 204.
  if (framing.kind === 'none' && status !== 204 && head.length >= 0)
    text += `Content-Length: ${head.length}\r\n`;
  return `${text}${framingField(framing)}${connectionField(keepAlive, request.minor)}\r\n`;
}

/** The 101 for the client; from here on both sides speak the protocol it names. */
export function upgradeHead(head: ResponseHead, asked: string): string {
  const { fields, kinds, nominated } = head;
  let text = `HTTP/1.1 101 ${head.reason}\r\nConnection: Upgrade\r\n`;
  let protocol = '';
  for (let f = 0; f < kinds.length; f++) {
    const name = fields[f * 2]!;
    const value = fields[f * 2 + 1]!;
    switch (kinds[f]) {
      case Field.upgrade:
        protocol = protocol === '' ? value : `${protocol}, ${value}`;
        continue;
      case Field.contentLength:
      case Field.transferEncoding:
      case Field.connection:
      case Field.hopByHop:
      case Field.keepAlive:
      case Field.te:
      case Field.trailer:
        continue;
      default:
        if (nominated?.includes(name.toLowerCase())) continue;
    }
    text += `${name}: ${value}\r\n`;
  }
  return `${text}Upgrade: ${protocol === '' ? asked : protocol}\r\n\r\n`;
}

export const EMPTY_LAST_CHUNK = '0\r\n\r\n';

/** The end of a chunked body. Trailers that would change framing or trust are dropped (RFC 9110 §6.5.1). */
export function lastChunk(trailers: readonly string[], kinds: readonly number[]): string {
  let text = '0\r\n';
  for (let f = 0; f < kinds.length; f++) {
    const name = trailers[f * 2]!;
    if (kinds[f] !== Field.other || FORBIDDEN_TRAILERS.has(name.toLowerCase())) continue;
    text += `${name}: ${trailers[f * 2 + 1]!}\r\n`;
  }
  return `${text}\r\n`;
}

export const FORBIDDEN_TRAILERS: ReadonlySet<string> = new Set([
  'authorization',
  'cache-control',
  'content-encoding',
  'content-range',
  'content-type',
  'max-forwards',
  'www-authenticate',
]);

const CHUNKED: Framing = { kind: 'chunked' };
const UNTIL_CLOSE: Framing = { kind: 'close' };

function framingField(framing: Framing): string {
  switch (framing.kind) {
    case 'length':
      return `Content-Length: ${framing.length}\r\n`;
    case 'chunked':
      return 'Transfer-Encoding: chunked\r\n';
    default:
      return '';
  }
}

function has(head: RequestHead, name: string): boolean {
  for (let f = 0; f < head.kinds.length; f++) {
    if (head.kinds[f] === Field.managed && isNamed(head.fields[f * 2]!, name)) return true;
  }
  return false;
}

function isNamed(text: string, name: string): boolean {
  return text.length === name.length && text.toLowerCase() === name;
}

/** All `X-Forwarded-For` values as one list. */
export function chainOf(head: RequestHead): string {
  const parts: string[] = [];
  for (let f = 0; f < head.kinds.length; f++) {
    if (head.kinds[f] === Field.forwardedFor) parts.push(head.fields[f * 2 + 1]!);
  }
  return parts.join(', ');
}
