import { FORBIDDEN_TRAILERS } from '../head-writer.ts';
import { Field } from '../http1/fields.ts';
import type { ResponseHead } from '../http1/heads.ts';
import type { Reply } from '../replies.ts';

/** Name, value, name, value: what `stream.respond` takes. Names are lower case (RFC 9113, 8.2). */
export function responseFields(head: ResponseHead, sendsTrailers: boolean, hsts: string): string[] {
  const { fields, kinds, nominated, status, framing } = head;
  const out = [':status', `${status}`];
  for (let f = 0; f < kinds.length; f++) {
    const kind = kinds[f]!;
    if (isOfConnection(kind) || (kind === Field.trailer && !sendsTrailers)) continue;
    const name = fields[f * 2]!.toLowerCase();
    if (nominated?.includes(name)) continue;
    out.push(name, fields[f * 2 + 1]!);
  }
  if (hsts !== '' && !kinds.includes(Field.hsts)) out.push('strict-transport-security', hsts);
  // It may describe a body that is not there (HEAD, 304); RFC 9110, 8.6 forbids it with 204.
  const hasLength = framing.kind === 'length' || (framing.kind === 'none' && status !== 204);
  if (hasLength && head.length >= 0) out.push('content-length', `${head.length}`);
  return out;
}

/** RFC 8441, 5: the 101 of HTTP/1.1 is a 200, and the upstream's proof of its key stays with us. */
export function tunnelFields(head: ResponseHead): string[] {
  const out = responseFields(head, false, '');
  out[1] = '200';
  for (let i = out.length - 2; i > 0; i -= 2) {
    if (out[i] === 'sec-websocket-accept' || out[i] === 'content-length') out.splice(i, 2);
  }
  return out;
}

/** An interim answer, as `stream.additionalHeaders` takes it. */
export function interimFields(head: ResponseHead): Record<string, string | string[] | number> {
  return asObject(responseFields({ ...head, length: -1 }, false, '').slice(2), { ':status': head.status });
}

export function replyFields({ status, fields }: Reply): string[] {
  const out = [':status', `${status}`];
  for (let f = 0; f < fields.length; f += 2) out.push(fields[f]!.toLowerCase(), fields[f + 1]!);
  return out;
}

/** Trailers that may be passed on (RFC 9110, 6.5.1). */
export function trailerFields(
  trailers: readonly string[],
  kinds: readonly number[],
): Record<string, string | string[] | number> {
  const passed: string[] = [];
  for (let f = 0; f < kinds.length; f++) {
    const name = trailers[f * 2]!.toLowerCase();
    if (kinds[f] === Field.other && !FORBIDDEN_TRAILERS.has(name)) passed.push(name, trailers[f * 2 + 1]!);
  }
  return asObject(passed, {});
}

function asObject(
  fields: readonly string[],
  into: Record<string, string | string[] | number>,
): Record<string, string | string[] | number> {
  for (let f = 0; f < fields.length; f += 2) {
    const name = fields[f]!;
    const known = into[name];
    into[name] = known === undefined ? fields[f + 1]! : [known, fields[f + 1]!].flat().map(String);
  }
  return into;
}

/** RFC 9113, 8.2.2; `content-length` is written anew. */
function isOfConnection(kind: number): boolean {
  switch (kind) {
    case Field.contentLength:
    case Field.transferEncoding:
    case Field.connection:
    case Field.hopByHop:
    case Field.keepAlive:
    case Field.te:
    case Field.upgrade:
      return true;
    default:
      return false;
  }
}
